"""A distribution over words of the source, as a row of attention.

The rule, wherever weights are shared out: they go by the present weights, equally where those are
all 0. The weight of a word is shared so among its pieces, and what the named words leave among all
that were not named.
"""

import difflib
import math
import re
from collections.abc import Sequence
from typing import Final

from s2sdap.debugger.editing.reading import Word
from s2sdap.models.tokens import SourceToken
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

RULE: Final = (
    "an attention row sums to 1: a number for every source token is scaled to that; the weight of a word "
    "is shared by its pieces, and what named weights leave by all the others, in proportion to before"
)
"""The rule as an answer tells it."""
SLACK: Final = 1e-6
"""How far from 1 a sum may be that people mean to be 1."""


def distribution(
    row: Sequence[float], text: str, tokens: Sequence[SourceToken], shares: Sequence[tuple[Word, float]]
) -> tuple[float, ...]:
    """`row` with the weights that `shares` give to words. Raises where they are none, or exceed 1."""
    if not shares:
        raise S2sdapError("bad_attention", value={}, reason="no word of the source is named")
    left = set(range(len(tokens)))
    changed = list(row)
    for word, weight in shares:
        if not math.isfinite(weight) or not 0 <= weight <= 1:
            raise S2sdapError(
                "bad_attention", value=weight, reason=f"the weight of {str(word)!r} must lie in 0..1"
            )
        places = positions(word, text, tokens)
        if not left.issuperset(places):
            raise S2sdapError("bad_attention", value=str(word), reason="a source token is named twice")
        left.difference_update(places)
        _share(changed, places, weight)
    total = math.fsum(weight for _, weight in shares)
    if total > 1 + SLACK:
        raise S2sdapError("bad_attention", value=total, reason="the weights sum to more than 1")
    rest = 1 - total
    if rest <= SLACK:
        rest = 0.0
    elif not left:
        raise S2sdapError(
            "bad_attention", value=total, reason="every source token is named, so the weights must sum to 1"
        )
    _share(changed, sorted(left), rest)
    return tuple(changed)


def positions(word: Word, text: str, tokens: Sequence[SourceToken]) -> list[int]:
    """The source tokens that a word names. Raises `unknown_word`, `repeated_word`.

    It is looked for among the words of the text between blanks, then among those without the signs
    around them, then among the pieces.
    """
    if word.position is not None:
        if word.position >= len(tokens):
            raise S2sdapError(
                "unknown_word", word=str(word), nearest=f"; there are {len(tokens)} source tokens"
            )
        return [word.position]
    for found in _readings(word.text, text, tokens):
        if not found:
            continue
        if word.occurrence is None:
            if len(found) > 1:
                raise S2sdapError("repeated_word", word=word.text, count=len(found))
            return found[0]
        if 1 <= word.occurrence <= len(found):
            return found[word.occurrence - 1]
        raise S2sdapError("unknown_word", word=str(word), nearest=f"; it stands there {len(found)} times")
    near = difflib.get_close_matches(word.text[:100], word_names(text, tokens), n=1)
    raise S2sdapError(
        "unknown_word", word=word.text[:100], nearest=f"; did you mean {near[0]!r}?" if near else ""
    )


def word_names(text: str, tokens: Sequence[SourceToken]) -> list[str]:
    """Words and pieces by which source tokens can be named, words first, each once."""
    names = [*re.findall(r"\S+", text), *(token.piece for token in tokens)]
    return list(dict.fromkeys(names))


def _readings(name: str, text: str, tokens: Sequence[SourceToken]) -> list[list[list[int]]]:
    """The groups of tokens that a name may mean, by what it is the name of."""
    pieces = [
        [at]
        for at, token in enumerate(tokens)
        if name in (token.piece, token.piece.lstrip("▁Ġ"), _seen(text, token))
    ]
    return [*(_covered(pattern, name, text, tokens) for pattern in (r"\S+", r"\w+")), pieces]


def _covered(pattern: str, name: str, text: str, tokens: Sequence[SourceToken]) -> list[list[int]]:
    spans = (Span(*found.span()) for found in re.finditer(pattern, text) if found.group() == name)
    groups = ([at for at, token in enumerate(tokens) if _within(token.span, span)] for span in spans)
    return [group for group in groups if group]


def _within(inner: Span | None, outer: Span) -> bool:
    """Whether a token stands in a word; it may have taken the blank before it along."""
    return inner is not None and inner.end > outer.start and inner.end <= outer.end


def _seen(text: str, token: SourceToken) -> str | None:
    return None if token.span is None else text[token.span.start : token.span.end].strip() or None


def _share(row: list[float], places: Sequence[int], weight: float) -> None:
    """Give `weight` to `places`, by what they have, equally where they have nothing."""
    total = math.fsum(row[at] for at in places)
    for at in places:
        row[at] = row[at] / total * weight if total > 0 else weight / len(places)
