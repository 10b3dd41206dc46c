"""What may come next in an expression: fields and functions that begin like the word before the cursor."""

import re
from dataclasses import dataclass
from typing import Final, Literal

from s2sdap.debugger.expressions import FUNCTIONS
from s2sdap.debugger.fields import FIELDS, LOOKUPS, NEIGHBORS

WORD: Final = re.compile(r"[A-Za-z_0-9]*$")


@dataclass(frozen=True, slots=True)
class Offered:
    """A name that may stand in the place of the last `length` characters; `text` is what is put there."""

    label: str
    text: str
    kind: Literal["field", "function"]
    detail: str
    length: int


def word_before(before: str) -> str:
    """The part of a name that a text ends with."""
    found = WORD.search(before)
    return "" if found is None else found[0]


def offered(before: str, *, lookups: bool = True) -> list[Offered]:
    """What may stand at the end of `before`; `lookups` of neighbours are no part of a condition."""
    word = word_before(before)
    size = len(word)
    names = [
        Offered(name, name, "field", text, size) for name, text in FIELDS.items() if name.startswith(word)
    ]
    functions = (*FUNCTIONS, *LOOKUPS, *((NEIGHBORS,) if lookups else ()))
    return names + [
        Offered(f"{name}()", f"{name}(", "function", LOOKUPS.get(name, ""), size)
        for name in functions
        if name.startswith(word)
    ]
