"""Numbers about one row of log-probs: how sure the model is, and of what.

numpy takes a fraction of the time of torch over rows as short as these, and rules ask at every step.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

SHORT: Final = 128
"""As many numbers as Python's own functions take no longer over than numpy takes to begin."""
_FORBIDDEN: Final = np.array(-1e9)
"""What the log-prob of a forbidden token counts as: its probability is 0, and 0 times this as well."""


def plain(values: Tensor) -> NDArray[np.floating]:
    """The numbers of a tensor, without a copy where they lie in the memory of this machine."""
    try:
        numbers: NDArray[np.floating] = values.numpy()
    except (TypeError, RuntimeError):  # on another device, of a type that numpy lacks, or with a gradient
        numbers = values.detach().float().cpu().numpy()
    return numbers


def place_of_largest(values: Sequence[float]) -> int | None:
    """Where the largest stands, the first of them; `None` where one is no number."""
    total = sum(values)
    return values.index(max(values)) if total == total else None  # noqa: PLR0124 - a NaN is not itself


def entropy(logprobs: Float[Tensor, "V"] | NDArray[np.floating]) -> float:
    """Shannon entropy in nats; a forbidden token adds nothing."""
    values = _numbers(logprobs).astype(np.float64)
    np.maximum(values, _FORBIDDEN, out=values)
    return -float(np.exp(values).dot(values))


def margin(logprobs: Float[Tensor, "V"] | NDArray[np.floating]) -> float:
    """Probability of the likeliest token less that of the second."""
    values = _numbers(logprobs)
    if len(values) == 1:
        return math.exp(float(values[0]))
    others = values.copy()
    likeliest = others.argmax()
    others[likeliest] = -np.inf
    return math.exp(values[likeliest]) - math.exp(others[others.argmax()])


def rank(logprobs: Float[Tensor, "V"] | NDArray[np.floating], token: int) -> int:
    """0 for the likeliest token; ties share the better rank."""
    values = _numbers(logprobs)
    return int(np.count_nonzero(values > values[token]))


def _numbers(values: Tensor | NDArray[np.floating]) -> NDArray[np.floating]:
    return values if isinstance(values, np.ndarray) else plain(values)


def top_tokens(logprobs: Float[Tensor, "V"], count: int) -> list[tuple[int, float]]:
    """The `count` likeliest tokens with their log-probs, best first; forbidden ones left out."""
    best = logprobs.topk(min(max(count, 0), logprobs.shape[-1]))
    pairs = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    return [(token, value) for token, value in pairs if value > float("-inf")]
