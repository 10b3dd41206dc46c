"""Floor 2: the decode itself. A step is a pure function of (snapshot, edits) that gives a record.

`settings` and `edits` are what goes in; `records` what comes out; `step` is the function, with
`processors`, `penalties` and `search` as its parts; `decode` runs it to the end of a sentence.
Importing this package imports no torch.
"""
