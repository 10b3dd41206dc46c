"""Exact search: every row is looked at, a block at a time.

A block is ranked in float32, whose rounding error is bounded; every row that may be among the nearest
within that bound is measured again in float64. So the answer is that of float64 over all rows, at
the speed of a matrix product.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Final

import numpy as np
from jaxtyping import Bool, Float16, Int64, Shaped
from numpy.typing import NDArray

from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found, Nearest, found, go_on
from s2sdap.neighbors.search.metrics import Approximation, Metric, distances
from s2sdap.neighbors.search.queries import as_queries
from s2sdap.neighbors.search.rows import Rows, block_rows, single

QUERIES: Final = 512
"""Queries ranked at once; their ranks of a block take some 10 MB."""
SPARSE: Final = 16
"""Where a filter allows fewer than one in so many rows, those are fetched and the others not read."""


class ExactSearch:
    """Looks at every row. Any number of threads may ask at once."""

    def __init__(self, rows: Rows, metric: Metric) -> None:
        self.rows = rows
        self.metric = metric
        # Squared norms less the centre, each computed when its row is first met; -1 until then.
        self._squares = np.full(len(rows), -1, np.float32)

    def query(
        self,
        vectors: Shaped[np.ndarray, "..."],
        k: int,
        where: Filter | None = None,
        cancelled: Cancelled | None = None,
    ) -> Found:
        """The nearest `k` of the rows that the filter allows.

        A row that is not finite is nobody's neighbour. Raises what `as_queries` and `Filter.mask`
        raise, and `search_cancelled`.
        """
        queries = as_queries(vectors, self.rows.dimension, k)
        if not where:
            nearest = self.nearest(queries, k, cancelled=cancelled)
            return found(nearest, k, exact=True, how=f"exact, over {len(self.rows):,} states")
        allowed = np.flatnonzero(where.mask(self.rows.labels))
        nearest = self.nearest(queries, k, allowed, cancelled)
        return found(
            nearest, k, exact=True, how=f"exact, over the {len(allowed):,} states that the filter allows"
        )

    def nearest(
        self,
        queries: Float16[np.ndarray, "Q D"],
        k: int,
        among: Int64[np.ndarray, "n"] | None = None,
        cancelled: Cancelled | None = None,
    ) -> list[Nearest]:
        """The nearest `k` of all rows, or `among` some, whose numbers rise."""
        nearest = [Nearest.none_yet(k) for _ in queries]
        if k == 0 or len(self.rows if among is None else among) == 0:
            return nearest
        for start in range(0, len(queries), QUERIES):
            asking = slice(start, start + QUERIES)
            approximation = Approximation.of(self.metric, queries[asking], self._centre)
            for vectors, numbers in self._blocks(among):
                go_on(cancelled)
                block = single(vectors)
                if self._centre is not None:
                    block -= self._centre
                self._look(vectors, numbers, queries[asking], approximation, block, nearest[asking])
        return nearest

    def complete(
        self,
        nearest: list[Nearest],
        queries: Float16[np.ndarray, "Q D"],
        wanted: int,
        allowed: Bool[np.ndarray, "N"] | None = None,
        cancelled: Cancelled | None = None,
    ) -> int:
        """Put what is found here in the place of whatever has fewer than `wanted`; how many that were.

        For searches that may pass rows over: `nearest` is theirs, one a query, and is changed.
        """
        short = [at for at, each in enumerate(nearest) if len(each.rows) < wanted]
        if short:
            among = None if allowed is None else np.flatnonzero(allowed)
            again = self.nearest(queries[short], nearest[short[0]].k, among, cancelled)
            for at, each in zip(short, again, strict=True):
                nearest[at] = each
        return len(short)

    @cached_property
    def _centre(self) -> NDArray[np.float32] | None:
        """A point amid the states, where they lie farther from the origin than from each other.

        Some layers of large models have a few features that are a thousand times the others (Sun et al. 2024,
        Massive Activations in Large Language Models), which would drown a difference in rounding.
        """
        if self.metric is not Metric.L2:
            return None
        # Fetched and not read in order: what reads on in order reads much that nobody looks at.
        first = self.rows.take(np.arange(min(len(self.rows), block_rows(self.rows.dimension))))
        finite = first[np.isfinite(first).all(axis=1)].astype(np.float64)
        if not len(finite):
            return None
        centre = finite.mean(axis=0)
        spread = np.square(finite - centre).sum(axis=1).mean()
        return centre.astype(np.float32) if np.square(centre).sum() > 4 * spread else None

    def _blocks(
        self, among: NDArray[np.int64] | None
    ) -> Iterator[tuple[NDArray[np.float16], NDArray[np.int64]]]:
        if among is None:
            for start, block in self.rows.blocks():
                yield block, np.arange(start, start + len(block))
        elif len(among) * SPARSE < len(self.rows):
            size = block_rows(self.rows.dimension)
            for start in range(0, len(among), size):
                numbers = among[start : start + size]
                yield self.rows.take(numbers), numbers
        else:
            for start, block in self.rows.blocks(int(among[0])):
                first, last = np.searchsorted(among, [start, start + len(block)])
                if first < last:
                    numbers = among[first:last]
                    yield (block if len(numbers) == len(block) else block[numbers - start]), numbers

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
