"""Floor 4: the source file as a language. A language server for files of source sentences and `s2sdap.toml`.

What an editor asks is answered by pure functions over a document, what the model's tokenizer says of its
lines, and what has been decoded of them; `server` only hands requests to them. torch comes with the model,
on the thread of `worker`, when a line is to be decoded.
"""
