"""Numbers about one row of log-probs: how sure the model is, and of what.

numpy takes a fraction of the time of torch over rows as short as these, and rules ask at every step.
"""

import math

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor


def plain(values: Tensor) -> NDArray[np.floating]:
    """The numbers of a tensor, without a copy where they lie in the memory of this machine."""
    try:
        numbers: NDArray[np.floating] = values.numpy()
    except (TypeError, RuntimeError):  # on another device, of a type that numpy lacks, or with a gradient
        numbers = values.detach().float().cpu().numpy()
    return numbers


def entropy(logprobs: Float[Tensor, "V"]) -> float:
    """Shannon entropy in nats; a forbidden token adds nothing."""
    values = plain(logprobs).astype(np.float64)
    np.maximum(values, -1e9, out=values)
    return -float(np.exp(values) @ values)


def margin(logprobs: Float[Tensor, "V"]) -> float:
    """Probability of the likeliest token less that of the second."""
    values = plain(logprobs)
    if len(values) == 1:
        return math.exp(float(values[0]))
    second, best = np.partition(values, -2)[-2:].tolist()
    return math.exp(best) - math.exp(second)


def rank(logprobs: Float[Tensor, "V"], token: int) -> int:
    """0 for the likeliest token; ties share the better rank."""
    values = plain(logprobs)
    return int(np.count_nonzero(values > values[token]))


def top_tokens(logprobs: Float[Tensor, "V"], count: int) -> list[tuple[int, float]]:
    """The `count` likeliest tokens with their log-probs, best first; forbidden ones left out."""
    best = logprobs.topk(min(max(count, 0), logprobs.shape[-1]))
    pairs = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    return [(token, value) for token, value in pairs if value > float("-inf")]
