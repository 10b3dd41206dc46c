"""Which steps of two decodes go together: by place up to the first divergence, by edits after it."""

import difflib
from collections.abc import Hashable, Sequence
from typing import Final

Pair = tuple[int | None, int | None]
"""A step of the left and of the right; `None` where one has nothing to go with the other."""

EDITED: Final = 300
"""Tokens after the divergence that are aligned by edits; what is longer goes by place."""


def common_prefix(left: Sequence[Hashable], right: Sequence[Hashable]) -> int:
    """How many tokens they begin with alike."""
    for place, (a, b) in enumerate(zip(left, right, strict=False)):
        if a != b:
            return place
    return min(len(left), len(right))


def aligned(left: Sequence[Hashable], right: Sequence[Hashable]) -> tuple[Pair, ...]:
    """Every step of both, in order, each once."""
    parted = common_prefix(left, right)
    pairs: list[Pair] = [(step, step) for step in range(parted)]
    if max(len(left), len(right)) - parted > EDITED:
        return (*pairs, *_side_by_side(parted, len(left), parted, len(right)))
    matcher = difflib.SequenceMatcher(None, left[parted:], right[parted:], autojunk=False)
    for _, i, i_end, j, j_end in matcher.get_opcodes():
        pairs += _side_by_side(parted + i, parted + i_end, parted + j, parted + j_end)
    return tuple(pairs)


def _side_by_side(i: int, i_end: int, j: int, j_end: int) -> list[Pair]:
    """Two stretches by place; the longer one's rest goes with nothing."""
    length = max(i_end - i, j_end - j)
    return [(i + at if i + at < i_end else None, j + at if j + at < j_end else None) for at in range(length)]
