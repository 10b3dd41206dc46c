"""Which words of the source have been attended to, whatever tokens they are cut into."""

import re
from collections.abc import Sequence
from typing import Final

from s2sdap.models.tokens import Source
from s2sdap.vocabulary.positions import Span

_WORD: Final = re.compile(r"\S+")


def word_coverage(source: Source, covered: Sequence[float]) -> list[float]:
    """The attention that each word has received over all steps, that of its tokens added up.

    `covered` has one entry a source token. What has no letter and no digit in it is no word.
    """
    return [value for _, value in covered_words(source, covered)]


def covered_words(source: Source, covered: Sequence[float]) -> list[tuple[Span, float]]:
    """The same, each with where the word stands."""
    spans = [
        (covered[at], token.span.start, token.span.end)
        for at, token in enumerate(source.tokens[: len(covered)])
        if token.span is not None
    ]
    out: list[tuple[Span, float]] = []
    for word in _WORD.finditer(source.text):
        if not any(map(str.isalnum, word[0])):
            continue
        first, last = word.span()
        mine = [value for value, start, end in spans if start < last and end > first]
        if mine:
            out.append((Span(first, last), sum(mine)))
    return out
