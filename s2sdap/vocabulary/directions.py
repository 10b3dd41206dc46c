"""Text that is written to the left, within a line that is not."""

import unicodedata
from typing import Final

ISOLATE: Final = "\u2068"
"""First strong isolate: up to `POP` a text has the direction of its own first letter."""
POP: Final = "\u2069"
_TO_THE_LEFT: Final = frozenset({"R", "AL"})


def apart(text: str) -> str:
    """A text for a line such as `'ש' 0.612, 'ל' 0.305`, which the numbers and quotes around it stay out of.

    The bidirectional algorithm (Unicode, UAX #9) takes a number between two letters that are written to
    the left for a part of their text, and draws it on the other side. A text without such letters is
    given back as it is, so that hardly a line has signs that nobody sees.
    """
    if text.isascii() or _TO_THE_LEFT.isdisjoint(map(unicodedata.bidirectional, text)):
        return text
    return f"{ISOLATE}{text}{POP}"
