"""Floor 0: the words everything else is written in. Imports nothing of the project and no tensor library.

Each module holds one kind of word: `axes` (letters and units), `stages` (the five stages of a
step), `sites` (the tensors a stage shows), `positions` (spans and columns) and `errors` (the
numbered catalogue of what can go wrong).
"""
