"""Which words of the source have been attended to, whatever tokens they are cut into."""

from collections.abc import Sequence

from s2sdap.models.tokens import Source
from s2sdap.vocabulary.positions import Span


def word_coverage(source: Source, covered: Sequence[float]) -> list[float]:
    """The attention that each word has received over all steps, that of its tokens added up.

    `covered` has one entry a source token. What has no letter and no digit in it is no word.
    """
    return [value for _, value in covered_words(source, covered)]


def covered_words(source: Source, covered: Sequence[float]) -> list[tuple[Span, float]]:
    """The same, each with where the word stands."""
    spans = [
        (value, *token.span)
        for value, token in zip(covered, source.tokens, strict=False)
        if token.span is not None
    ]
    out: list[tuple[Span, float]] = []
    last = 0
    for word in source.text.split():  # a regular expression takes twice as long for all of this
        first = source.text.index(word, last)
        last = first + len(word)
        if not any(map(str.isalnum, word)):
            continue
        mine = [value for value, start, end in spans if start < last and end > first]
        if mine:
            out.append((Span(first, last), sum(mine)))
    return out
