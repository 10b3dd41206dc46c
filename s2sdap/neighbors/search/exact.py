"""Exact search: every row is looked at, a block at a time.

A block is ranked in float32, whose rounding error is bounded; every row that may be among the nearest
within that bound is measured again in float64. So the answer is that of float64 over all rows, at
the speed of a matrix product.
"""

from typing import Final

import numpy as np
import torch
from jaxtyping import Float16, Int64, Shaped
from numpy.typing import NDArray

from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found, Nearest, found, go_on
from s2sdap.neighbors.search.metrics import Approximation, Metric, distances
from s2sdap.neighbors.search.queries import as_queries
from s2sdap.neighbors.search.rows import Rows, block_rows, single

QUERIES: Final = 64
"""Queries ranked at once, so that a block's ranks stay small beside the block."""


class ExactSearch:
    """Looks at every row. Any number of threads may ask at once."""

    def __init__(self, rows: Rows, metric: Metric) -> None:
        self.rows = rows
        self.metric = metric
        # Squared norms, each computed when its row is first met; -1 until then.
        self._squares = np.full(len(rows), -1, np.float32)

    def query(
        self,
        vectors: Shaped[np.ndarray, "..."],
        k: int,
        where: Filter | None = None,
        cancelled: Cancelled | None = None,
        first: int = 0,
    ) -> Found:
        """The nearest `k` of the rows from `first` on that the filter allows.

        A row that is not finite is nobody's neighbour. Raises what `as_queries` and `Filter.mask`
        raise, and `search_cancelled`.
        """
        queries = as_queries(vectors, self.rows.dimension, k)
        allowed = where.mask(self.rows.labels) if where else None
        nearest: list[Nearest] = []
        for start in range(0, len(queries), QUERIES):
            nearest += self._nearest(queries[start : start + QUERIES], k, allowed, cancelled, first)
        return found(nearest, k, exact=True, how=self._how(allowed, first))

    def _how(self, allowed: NDArray[np.bool_] | None, first: int) -> str:
        count = len(self.rows) - first if allowed is None else int(np.count_nonzero(allowed[first:]))
        return f"exact, over {count:,} states"

    def _nearest(
        self,
        queries: NDArray[np.float16],
        k: int,
        allowed: NDArray[np.bool_] | None,
        cancelled: Cancelled | None,
        first: int,
    ) -> list[Nearest]:
        nearest = [Nearest.none_yet(k) for _ in queries]
        if k == 0:
            return nearest
        approximation = Approximation.of(self.metric, queries)
        buffer = torch.empty(block_rows(self.rows.dimension), self.rows.dimension)
        for start, block in self.rows.blocks(first):
            go_on(cancelled)
            vectors, numbers = block, np.arange(start, start + len(block))
            if allowed is not None:
                kept = np.flatnonzero(allowed[start : start + len(block)])
                if not len(kept):
                    continue
                if len(kept) < len(block):
                    vectors, numbers = block[kept], numbers[kept]
            self._look(vectors, numbers, queries, approximation, single(vectors, buffer), nearest)
        return nearest

    def _look(
        self,
        vectors: Float16[np.ndarray, "n D"],
        numbers: Int64[np.ndarray, "n"],
        queries: Float16[np.ndarray, "Q D"],
        approximation: Approximation,
        block: NDArray[np.float32],
        nearest: list[Nearest],
    ) -> None:
        """Take one block into account."""
        squares = self._squares[numbers]
        if (squares < 0).any():
            squares = np.einsum("nd,nd->n", block, block)
            self._squares[numbers] = squares
        finite = np.isfinite(squares)
        if not finite.all():
            kept = np.flatnonzero(finite)
            vectors, numbers, block, squares = vectors[kept], numbers[kept], block[kept], squares[kept]
        if not len(numbers):
            return
        ranks = approximation.ranks(block, squares)
        errors = approximation.error(float(np.sqrt(squares.max())) * (1 + 1e-3))
        bounds = np.empty(len(queries))
        for at, each in enumerate(nearest):
            bounds[at] = approximation.rank_of(each.reach) + errors[at]
            if not np.isfinite(each.reach) and each.k < len(numbers):
                # k rows of this block have a true rank of at most this plus the error.
                bounds[at] = np.partition(ranks[:, at], each.k - 1)[each.k - 1] + 2 * errors[at]
        candidates, askers = np.nonzero(ranks <= bounds)
        for at in np.unique(askers):
            chosen = candidates[askers == at]
            nearest[at].add(numbers[chosen], distances(self.metric, vectors[chosen], queries[at]))
