"""Changing an attention row. It stays a distribution: weights of 0 or more that sum to 1."""

import math
from collections.abc import Sequence

from s2sdap.vocabulary.errors import S2sdapError


def normalised(weights: Sequence[float]) -> tuple[float, ...]:
    """`weights` scaled to sum to 1."""
    if any(not math.isfinite(weight) or weight < 0 for weight in weights):
        raise S2sdapError(
            "bad_attention", value=list(weights), reason="every weight must be finite and 0 or more"
        )
    try:
        total = math.fsum(weights)
    except OverflowError:  # finite weights whose sum is not: bring them down first
        largest = max(weights)
        return normalised([weight / largest for weight in weights])
    if total <= 0:
        raise S2sdapError("bad_attention", value=list(weights), reason="all weights are 0")
    return tuple(weight / total for weight in weights)


def with_weight(row: Sequence[float], position: int, weight: float) -> tuple[float, ...]:
    """`row` with `weight` at `position` and the others scaled to fill the rest.

    The others keep their proportions; where they were all 0 they share the rest equally.
    """
    if not 0 <= position < len(row):
        raise S2sdapError("bad_attention", value=weight, reason=f"there is no source token {position}")
    if not math.isfinite(weight) or not 0 <= weight <= 1:
        raise S2sdapError("bad_attention", value=weight, reason="one weight must lie in 0..1")
    others = [value for at, value in enumerate(row) if at != position]
    total = math.fsum(others)
    if not others:
        if weight != 1:
            raise S2sdapError("bad_attention", value=weight, reason="the only token has all the weight")
        return (1.0,)
    rest = 1.0 - weight
    scaled = [value / total * rest if total > 0 else rest / len(others) for value in others]
    scaled.insert(position, weight)
    return tuple(scaled)
