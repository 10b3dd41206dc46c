"""The decode exactly as transformers' own `generate` runs it, one step at a time.

`intercept` takes the prepared state out of `generate`, `forward` runs one step of the model under
the taps, `sampling` and `beams` choose as transformers does, `history` keeps the caches.
`settings` is free of torch; everything else imports transformers.
"""
