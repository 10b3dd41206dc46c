"""How strongly t-SNE wants two points together: likelihoods among the nearest, of a given perplexity."""

from typing import Final

import numpy as np
from jaxtyping import Float, Float32
from numpy.typing import NDArray

from s2sdap.neighbors.projection.faithfulness import nearest

PERPLEXITY: Final = 30.0
"""How many neighbours of a point count, softly, where there are three times as many."""
_REACH: Final = 3
"""So many times the perplexity of neighbours are looked at; farther ones weigh next to nothing."""
_HALVINGS: Final = 64
_TOLERANCE: Final = 1e-5


def perplexity_of(count: int) -> float:
    """The perplexity for so many points: a third of the others, and no more than `PERPLEXITY`."""
    return min(PERPLEXITY, (count - 1) / _REACH)


def affinities(apart: Float[np.ndarray, "N N"]) -> Float32[np.ndarray, "N N"]:
    """The joint probabilities P of van der Maaten and Hinton (2008, eq. 1 and section 3.1); they add up to 1.

    p(j|i) is proportional to exp(-beta_i d_ij^2) over the nearest j of i (van der Maaten 2014), with beta_i
    such that the perplexity is that of `perplexity_of`; p_ij is the mean of both over N. Needs four points,
    whose squared distances are `apart`.
    """
    count = len(apart)
    perplexity = perplexity_of(count)
    near = nearest(apart, min(count - 1, int(np.ceil(_REACH * perplexity))))
    rows = np.arange(count)[:, None]
    likely = np.zeros((count, count), np.float32)
    likely[rows, near] = conditional(apart[rows, near], perplexity)
    likely += likely.T.copy()
    likely /= likely.sum()
    return likely


def conditional(apart: Float[np.ndarray, "N K"], perplexity: float) -> Float[np.ndarray, "N K"]:
    """Of each row a distribution like exp(-beta d) with entropy log(perplexity), beta by bisection.

    Where more points than the perplexity are equally near, as copies of one sentence are, the nearest share
    all of it: no beta makes the entropy smaller.
    """
    excess = apart - apart.min(axis=1, keepdims=True)
    wanted = np.log(perplexity)
    low, high = np.zeros(len(apart)), np.full(len(apart), np.inf)
    mean = excess.mean(axis=1)
    beta = np.where(mean > 0, 1.0 / np.where(mean > 0, mean, 1.0), 1.0)
    for _ in range(_HALVINGS):
        weights: NDArray[np.float64] = np.exp(-excess * beta[:, None])
        total = weights.sum(axis=1)
        entropy = np.log(total) + beta * (weights * excess).sum(axis=1) / total
        if (np.abs(entropy - wanted) < _TOLERANCE).all():
            break
        flat = entropy > wanted
        low, high = np.where(flat, beta, low), np.where(flat, high, beta)
        beta = np.where(np.isinf(high), 2 * low, (low + high) / 2)
    weights /= total[:, None]
    return weights
