"""A tokenizer's own offsets as spans of the line, in code points. Free of transformers and torch.

A span never holds the white space around a piece, unless the piece is nothing else. Spans may overlap
(the bytes of one emoji). Where a token's place cannot be found out for certain it has none.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from s2sdap.vocabulary.positions import Span

Spans = list[Span | None]
MARKS: Final = ("▁", "Ġ")
"""What stands for a space in a piece."""


def from_offsets(line: str, spellings: Sequence[str], offsets: Sequence[tuple[int, int] | None]) -> Spans:
    """Spans from a tokenizer's own offsets; `None` among them is a token that the tokenizer added."""
    spans = [
        None if place is None else _placed(line, spelling, *place)
        for spelling, place in zip(spellings, offsets, strict=True)
    ]
    return list(_in_order(spans))


def _placed(line: str, spelling: str, start: int, end: int) -> Span | None:
    """The span of a piece that a tokenizer says stands at `start` to `end`."""
    if spelling and all(letter in MARKS for letter in spelling):  # nothing but spaces
        if line[start:end].isspace() or line[start:end] == spelling:
            return Span(start, end)
        if start == end:  # the tokenizer trimmed the spaces away: they stand before
            start = max(0, end - len(spelling))
        else:  # it took the next letter's place: the spaces stand before that
            start, end = len(line[:start].rstrip()), start
        return Span(start, end) if line[start:end].isspace() else None
    written = line[start:end]
    if written.isspace():
        return Span(start, end)
    start += len(written) - len(written.lstrip())
    end -= len(written) - len(written.rstrip())
    return Span(start, end) if start < end else None


def _in_order(spans: Iterable[Span | None]) -> Iterator[Span | None]:
    """The spans without those that start before an earlier one: such a place is a guess gone wrong."""
    last = 0
    for span in spans:
        if span is None or span.start < last:
            yield None
        else:
            last = span.start
            yield span
