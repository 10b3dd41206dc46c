"""What the neighbours of a state say together: which tokens they have, whether they agree, how far they are.

Rows of neighbours are told by arrays, so that they may come from any search.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.reference import ReferenceDistances
from s2sdap.neighbors.search import Metric
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class TokenShare:
    """A token that neighbours have.

    Attributes:
        token: its id.
        count: how many of the neighbours have it.
        probability: what the neighbours give it, weighed by their distance; all add up to 1.
        model: what the model gives it at this step, or `None` where nobody said.
    """

    token: int
    count: int
    probability: float
    model: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """What the neighbours of one state say together. What nothing can be said of is `None`.

    Attributes:
        found: how many neighbours there are.
        temperature: what the squared distances were divided by before the softmax.
        tokens: the tokens that they have, likeliest first.
        purity: the share of the token that most of them have, 0..1.
        agreement: the share of the token that the model chose, 0..1.
        right: how many of them the model itself predicted right.
        nearest: the distance of the nearest of them, in the search's metric.
        percentile: how far that is among the nearest distances of training states, 0..100: 100 where
            no state of the sample has its nearest so far away.
    """

    found: int
    temperature: float
    tokens: tuple[TokenShare, ...]
    purity: float | None
    agreement: float | None
    right: int | None
    nearest: float | None
    percentile: float | None


def summarise(
    distances: Float[np.ndarray, "k"],
    tokens: Int64[np.ndarray, "k"],
    predicted: Int64[np.ndarray, "k"],
    *,
    metric: Metric,
    probabilities: Float[np.ndarray, "V"] | None = None,
    chosen: int | None = None,
    temperature: float | None = None,
    reference: ReferenceDistances | None = None,
) -> Summary:
    """The summary of k neighbours, any of which may be missing: its distance is infinite.

    Args:
        distances: of each neighbour, as the search gives them.
        tokens: of each neighbour, the token that its sentence has there.
        predicted: of each neighbour, the token that the model found likeliest, -1 where there is none.
        metric: of the distances; under L2 their squares count.
        probabilities: the model's own distribution at this step.
        chosen: the token that the model chose at this step.
        temperature: see `neighbor_distribution`.
        reference: the nearest distances of training states, in the same metric.

    Raises:
        S2sdapError: `neighbor_temperature` where it is not above 0.
    """
    there = np.isfinite(distances)
    distances, tokens, predicted = distances[there], tokens[there], predicted[there]
    found = len(distances)
    energies = np.square(distances) if metric is Metric.L2 else distances
    used = default_temperature(energies) if temperature is None else temperature
    ids, shares = neighbor_distribution(energies, tokens, used)
    counts = {int(token): int((tokens == token).sum()) for token in ids}
    table = tuple(
        TokenShare(
            int(token),
            counts[int(token)],
            float(share),
            None if probabilities is None else float(probabilities[token]),
        )
        for token, share in zip(ids, shares, strict=True)
    )
    of_target = predicted >= 0
    nearest = float(distances.min()) if found else None
    return Summary(
        found=found,
        temperature=used,
        tokens=table,
        purity=max(counts.values()) / found if found else None,
        agreement=None if chosen is None or not found else counts.get(chosen, 0) / found,
        right=int((predicted == tokens)[of_target].sum()) if of_target.any() else None,
        nearest=nearest,
        percentile=None if reference is None or nearest is None else reference.percentile(nearest),
    )


def default_temperature(energies: Float[np.ndarray, "k"]) -> float:
    """The median of the neighbours' squared distances: what is far depends on the model and its width.

    Where most are 0 it is their mean, and 1 where all are.
    """
    if not len(energies):
        return 1.0
    size = np.abs(energies)
    return float(np.median(size)) or float(size.mean()) or 1.0


def neighbor_distribution(
    energies: Float[np.ndarray, "k"], tokens: Int64[np.ndarray, "k"], temperature: float
) -> tuple[Int64[np.ndarray, "M"], Float[np.ndarray, "M"]]:
    """The tokens of the neighbours, likeliest first, and the probability that they give each.

    p(token) is proportional to the sum of exp(-energy / temperature) over the neighbours that have it, as
    in nearest-neighbour machine translation (Khandelwal et al. 2021, eq. 2), whose energies are squared L2
    distances. Equally likely tokens stand by their ids.
    """
    if not temperature > 0:
        raise S2sdapError("neighbor_temperature", temperature=temperature)
    if not len(energies):
        return np.empty(0, np.int64), np.empty(0)
    weights: NDArray[np.float64] = np.exp(-(energies - energies.min()).astype(np.float64) / temperature)
    weights /= weights.sum()
    ids, places = np.unique(tokens, return_inverse=True)
    shares = np.bincount(places, weights=weights, minlength=len(ids))
    order = np.lexsort((ids, -shares))
    return ids[order], shares[order]
