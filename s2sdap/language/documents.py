"""A text document as an editor has it: lines, and changes of them that arrive piece by piece.

Lines end where the Language Server Protocol says: at a line feed, a carriage return, or both in that
order. Columns count UTF-16 units, positions code points.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from s2sdap.vocabulary.positions import position_of_column

_LINE_END: Final = re.compile(r"(\r\n|\n|\r)")


class Place(NamedTuple):
    """A 0-based line, and a 0-based column in UTF-16 units."""

    line: int
    column: int


class Extent(NamedTuple):
    """From one place to another, the second not included."""

    start: Place
    end: Place


@dataclass(frozen=True, slots=True)
class Splice:
    """A change of lines: from line `start` on `removed` lines are gone, and `lines` stand there."""

    start: int
    removed: int
    lines: tuple[str, ...]


class Document:
    """The lines of one document, without their ends. Changes are applied in place."""

    def __init__(self, text: str, version: int = 0) -> None:
        self.version = version
        self.lines, self._ends = split(text)

    @property
    def text(self) -> str:
        """The whole text, line ends included."""
        return "".join(line + end for line, end in zip(self.lines, self._ends, strict=True))

    def line(self, number: int) -> str:
        """The line of that number; empty where there is none."""
        return self.lines[number] if 0 <= number < len(self.lines) else ""

    def replace(self, extent: Extent, text: str) -> Splice:
        """Put `text` in the place of `extent`. Places beyond a line or the document mean its end."""
        first, before = self._within(extent.start)
        last, after = self._within(extent.end)
        if (last, after) < (first, before):
            (first, before), (last, after) = (last, after), (first, before)
        # A carriage return and a line feed that now stand beside each other are one end, so the lines
        # around are looked at again.
        start, stop = max(0, first - 1), min(len(self.lines), last + 2)
        head = self._joined(start, first) + self.lines[first][:before]
        tail = self.lines[last][after:] + self._ends[last] + self._joined(last + 1, stop)
        lines, ends = split(head + text + tail)
        if stop < len(self.lines):  # the window ends in a line end, after which no line of its own begins
            lines.pop()
            ends.pop()
        return self._put(start, stop, lines, ends)

    def replace_all(self, text: str) -> Splice:
        """Put `text` in the place of everything."""
        return self._put(0, len(self.lines), *split(text))

    def _within(self, place: Place) -> tuple[int, int]:
        """A place as a line that there is, and a position in it."""
        if place.line >= len(self.lines):
            return len(self.lines) - 1, len(self.lines[-1])
        line = max(0, place.line)
        return line, position_of_column(self.lines[line], place.column)

    def _joined(self, start: int, stop: int) -> str:
        return "".join(self.lines[at] + self._ends[at] for at in range(start, stop))

    def _put(self, start: int, stop: int, lines: list[str], ends: list[str]) -> Splice:
        """Replace lines, and tell of those that are others than before."""
        old = self.lines[start:stop]
        self.lines[start:stop], self._ends[start:stop] = lines, ends
        same = _common(old, lines)
        least = min(len(old), len(lines)) - same
        end = min(least, _common(old[::-1], lines[::-1]))
        return Splice(start + same, len(old) - same - end, tuple(lines[same : len(lines) - end]))


def split(text: str) -> tuple[list[str], list[str]]:
    """The lines of a text, and the end of each; the last has none."""
    parts = _LINE_END.split(text)
    return parts[::2], [*parts[1::2], ""]


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """How many lines are the same from the beginning on."""
    count = 0
    for a, b in zip(left, right, strict=False):
        if a != b:
            break
        count += 1
    return count
