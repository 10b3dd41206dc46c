"""Where a token stands in its line.

The core counts code points, as Python does; the protocol counts UTF-16 units, so an emoji is one
position here and two columns there. These functions are the only place that converts.
"""

from typing import NamedTuple


class Span(NamedTuple):
    """Half-open range of code points in a line, 0-based."""

    start: int
    end: int


def utf16_length(text: str) -> int:
    """How many UTF-16 units `text` takes."""
    return len(text) + sum(1 for character in text if ord(character) > 0xFFFF)


def utf16_column(line: str, position: int) -> int:
    """The 0-based UTF-16 column of code point `position` of `line`."""
    return utf16_length(line[:position])


def position_of_column(line: str, column: int) -> int:
    """The code point at 0-based UTF-16 `column`; inside a surrogate pair, the character's own.

    Columns past the end give the line's length, columns before 0 give 0.
    """
    seen = 0
    for position, character in enumerate(line):
        seen += 2 if ord(character) > 0xFFFF else 1
        if seen > column:
            return position
    return len(line)
