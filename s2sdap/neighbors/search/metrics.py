"""What near means: three metrics, each in two ways of computing it.

`distances` gives the true distance in float64. `Approximation` gives it for a whole block in float32
by one matrix product, with a bound on its rounding error, so that what it leaves out is provably not
among the nearest.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
import torch
from jaxtyping import Float16, Float32, Float64
from numpy.typing import NDArray

from s2sdap.neighbors.search.rows import unlocked
from s2sdap.vocabulary.errors import S2sdapError

_ROUNDING: Final = 2.0**-24
"""The unit roundoff of float32."""


class Metric(StrEnum):
    """How far one state is from another; smaller is nearer in each.

    L2 is the Euclidean distance |x - q| (the root is taken). Cosine is 1 - cos(x, q), in 0..2; a zero
    vector is at 0 from another zero vector and at 1 from everything else. Inner product is -(x . q),
    the order of kNN by dot product; with it a state need not be its own nearest.
    """

    L2 = "l2"
    COSINE = "cosine"
    INNER_PRODUCT = "inner-product"

    @classmethod
    def named(cls, name: str) -> "Metric":
        """The metric of that name. Raises `search_unknown`."""
        try:
            return cls(name)
        except ValueError:
            raise S2sdapError("search_unknown", what="metric", name=name, known=", ".join(cls)) from None


def distances(
    metric: Metric, vectors: Float16[np.ndarray, "N D"], query: Float16[np.ndarray, "D"]
) -> Float64[np.ndarray, "N"]:
    """The distance of each vector to the query, in float64.

    A row's distance is the same to the bit whichever rows stand beside it. Equal vectors are at
    exactly 0 in L2 and cosine: both are computed from the difference of the vectors.
    """
    x, q = _double(vectors), _double(query)
    measured: NDArray[np.float64]
    if metric is Metric.L2:
        measured = np.sqrt(np.square(x - q).sum(axis=1))
        return measured
    if metric is Metric.INNER_PRODUCT:
        measured = -(x * q).sum(axis=1)
        return measured
    # Half the squared distance of the unit vectors is 1 - cos without its cancellation near 0.
    nonzero, zero_query = x.any(axis=1), not q.any()
    if zero_query:
        return np.where(nonzero, 1.0, 0.0)
    x /= np.where(nonzero, np.sqrt(np.square(x).sum(axis=1)), 1.0)[:, None]
    q /= np.sqrt(np.square(q).sum())
    return np.where(nonzero, np.square(x - q).sum(axis=1) / 2, 1.0)


def _double(vectors: NDArray[np.float16]) -> NDArray[np.float64]:
    # torch converts float16 some ten times as fast as numpy does.
    converted: NDArray[np.float64] = (
        torch.from_numpy(unlocked(np.ascontiguousarray(vectors))).double().numpy()
    )
    return converted


@dataclass(frozen=True, slots=True, eq=False)
class Approximation:
    """Ranks of a block's rows for Q queries in float32, off by `error` at most.

    A rank grows with the distance: it is the squared distance for L2, the distance for the others.
    Rounding in a sum of D products of float32 is at most D units of the product of the norms
    (Higham, Accuracy and Stability of Numerical Algorithms, 3.1). Under L2, queries and blocks may be
    given less the same `centre`, whose rounding adds two units: norms, and so the bound, are then small
    where all states lie far from the origin.
    """

    metric: Metric
    queries: Float32[np.ndarray, "Q D"]
    norms: Float64[np.ndarray, "Q"]

    @classmethod
    def of(
        cls, metric: Metric, queries: Float16[np.ndarray, "Q D"], centre: Float32[np.ndarray, "D"] | None
    ) -> "Approximation":
        """For these queries, and for blocks less that centre."""
        placed = _double(queries) if centre is None else _double(queries) - centre
        return cls(metric, placed.astype(np.float32), np.sqrt(np.square(placed).sum(axis=1)))

    def ranks(
        self, block: Float32[np.ndarray, "N D"], squares: Float32[np.ndarray, "N"]
    ) -> Float32[np.ndarray, "N Q"]:
        """The rank of each row for each query. `squares` holds the squared norms of the rows."""
        products: NDArray[np.float32] = block @ self.queries.T
        if self.metric is Metric.INNER_PRODUCT:
            return np.negative(products, out=products)
        if self.metric is Metric.L2:
            products *= -2
            products += squares[:, None]
            products += np.square(self.norms).astype(np.float32)
            return products
        zero = squares == 0
        lengths = np.sqrt(np.where(zero, 1, squares))
        products /= lengths[:, None]
        products /= np.where(self.norms == 0, 1, self.norms).astype(np.float32)
        ranks = np.subtract(1, products, out=products)
        ranks[np.ix_(zero, self.norms == 0)] = 0
        return ranks

    def error(self, longest: float) -> Float64[np.ndarray, "Q"]:
        """How far a rank is from the true one at most, among rows whose norm is at most `longest`."""
        units = 1.02 * (self.queries.shape[1] + 20) * _ROUNDING
        bound: NDArray[np.float64] = np.full(len(self.norms), 3 * units)
        if self.metric is Metric.L2:
            bound = units * np.square(longest + self.norms)
        elif self.metric is Metric.INNER_PRODUCT:
            bound = units * longest * self.norms
        return bound

    def rank_of(self, distance: float) -> float:
        """The rank of a true distance."""
        return distance * distance if self.metric is Metric.L2 else distance
