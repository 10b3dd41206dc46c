"""Debugging in one's own process: listen, let a client attach, and mark what it may look into.

The functions are those of the package's face (`s2sdap.listen` and so on). Nothing here imports torch
or transformers before a model is debugged.
"""
