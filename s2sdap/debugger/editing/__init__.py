"""Edits as people write them: from a text and a place to the edits that it means.

`places` says what can be set, `reading` reads what was typed, `making` makes the edits, `meaning`
joins the three; `commands` is the language of the console. All of it is pure: `console` alone moves
a session.
"""
