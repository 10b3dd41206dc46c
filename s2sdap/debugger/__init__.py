"""Floor 3: the debugger without a protocol. `session` is its face: run control over a program.

`program` is what runs, `timeline` what has run, `frames` what a stop shows, `breakpoints` and
`watch_rules` why it stops, `expressions` the language of conditions, `scopes` and `descriptions`
what can be looked at. Importing this package imports no torch.
"""
