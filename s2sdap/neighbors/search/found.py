"""What a search finds, and how two findings become one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float64, Int64
from numpy.typing import NDArray

from s2sdap.vocabulary.errors import S2sdapError

Cancelled = Callable[[], bool]
"""Asked between blocks whether the search is still wanted."""

NONE: Final = -1
"""The row in a place for which there is no neighbour; its distance is infinity."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """The nearest rows of Q queries, nearest first, at equal distances the lower row first.

    Where there are fewer than k, the places left have row -1 and distance infinity. `exact` says
    whether these are the nearest for certain, `how` in words how they were looked for.
    """

    rows: Int64[np.ndarray, "Q k"]
    distances: Float64[np.ndarray, "Q k"]
    exact: bool
    how: str


@dataclass(slots=True, eq=False)
class Nearest:
    """The nearest k rows of one query so far, in order."""

    k: int
    rows: NDArray[np.int64]
    distances: NDArray[np.float64]

    @classmethod
    def none_yet(cls, k: int) -> "Nearest":
        """Before any row has been looked at."""
        return cls(k, np.empty(0, np.int64), np.empty(0))

    @property
    def reach(self) -> float:
        """The distance beyond which no row can come in."""
        return float(self.distances[-1]) if self.k and len(self.rows) == self.k else np.inf

    def add(self, rows: NDArray[np.int64], distances: NDArray[np.float64]) -> None:
        """Take more rows into account, each once at most; those without a finite distance are none."""
        finite = np.isfinite(distances)
        rows = np.concatenate([self.rows, rows[finite]])
        distances = np.concatenate([self.distances, distances[finite]])
        order = np.lexsort((rows, distances))[: self.k]
        self.rows, self.distances = rows[order], distances[order]


def found(nearest: list[Nearest], k: int, *, exact: bool, how: str) -> Found:
    """The findings of Q queries side by side, filled up to k."""
    rows = np.full((len(nearest), k), NONE, np.int64)
    distances = np.full((len(nearest), k), np.inf)
    for at, each in enumerate(nearest):
        rows[at, : len(each.rows)] = each.rows
        distances[at, : len(each.rows)] = each.distances
    return Found(rows, distances, exact, how)


def go_on(cancelled: Cancelled | None) -> None:
    """Raises `search_cancelled` where the search is no longer wanted."""
    if cancelled is not None and cancelled():
        raise S2sdapError("search_cancelled")
