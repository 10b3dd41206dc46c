"""How much of what is nearest a search finds, measured against an exact one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float16, Float64, Int64

from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.found import Cancelled, Found
from s2sdap.neighbors.search.rows import Rows

QUERIES: Final = 300
"""Queries that recall is measured on, where there are twenty times as many rows."""

Query = Callable[[Float16[np.ndarray, "Q D"], int], Found]


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """Queries drawn from the rows, and how far the nearest k of each are, without itself."""

    drawn: Int64[np.ndarray, "Q"]
    vectors: Float16[np.ndarray, "Q D"]
    distances: Float64[np.ndarray, "Q k"]


def drawn(rows: Rows, count: int, seed: int) -> Int64[np.ndarray, "Q"]:
    """Rows to ask with: at most one in twenty of the first `count`, drawn with the seed, in rising order."""
    wanted = min(QUERIES, -(-count // 20))
    sample = np.sort(np.random.default_rng(seed).choice(count, wanted, replace=False))
    usable: Int64[np.ndarray, "Q"] = sample[np.isfinite(rows.take(sample)).all(axis=1)].astype(np.int64)
    return usable


def truth(
    exact: ExactSearch, queries: Int64[np.ndarray, "Q"], k: int, cancelled: Cancelled | None = None
) -> Truth:
    """What an exact search finds for these rows."""
    vectors = exact.rows.take(queries)
    return Truth(queries, vectors, _others(exact.query(vectors, k + 1, cancelled=cancelled), queries, k))


def recall(query: Query, known: Truth) -> float:
    """The share of the true k nearest that a search finds, 0..1, on average over the queries.

    Each query is a state of the index and is left out of its own neighbours. What is found counts where
    it is no farther than the k-th true one, so that among equally near ones any will do. 1 where there
    is nothing to find.
    """
    k = known.distances.shape[1]
    measured = _others(query(known.vectors, k + 1), known.drawn, k)
    farthest = np.where(np.isfinite(known.distances), known.distances, -np.inf).max(axis=1, initial=-np.inf)
    wanted = np.isfinite(known.distances).sum(axis=1)
    found = (measured <= farthest[:, None]).sum(axis=1)
    asked = wanted > 0
    return float((np.minimum(found, wanted)[asked] / wanted[asked]).mean()) if asked.any() else 1.0


def _others(found: Found, queries: Int64[np.ndarray, "Q"], k: int) -> Float64[np.ndarray, "Q k"]:
    """The distances of the nearest k that are not the query itself; if it is not there, of the first k."""
    itself = found.rows == queries[:, None]
    itself[~itself.any(axis=1), -1] = True
    others: Float64[np.ndarray, "Q k"] = found.distances[~itself].reshape(len(queries), k)
    return others
