"""A whole session in one file: saved, opened later without its model, replayed with one.

`layout` is what the file holds, `write` and `read` are its two doors, `restore` makes timelines of it
again, `post_mortem` the session over them, and `replay` runs it again and says where it differs.
"""
