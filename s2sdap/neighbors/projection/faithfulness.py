"""How far a picture can be believed: is what looks near near?"""

from typing import Any, Final

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

NEIGHBOURS: Final = 5
"""How many neighbours of each point are looked at, where there are enough points."""


def trustworthiness(
    apart: Float[np.ndarray, "N N"], points: Float[np.ndarray, "N 2"], k: int = NEIGHBOURS
) -> tuple[float | None, int]:
    """Venna and Kaski's trustworthiness (2001), 0..1, and the number of neighbours that it is over.

    It is 1 - 2 / (N k (2N - 3k - 1)) times the sum of max(0, r(i, j) - k) over all i and the k nearest j
    of i in the picture, where r(i, j) is the rank of j among the points nearest to i in the space, whose
    squared distances are `apart`. Equally far points have the rank of the first of them. The measure needs
    more than 2k points, so k falls with their number; for fewer than three, or where all are one, there is
    none.
    """
    count = len(points)
    k = min(k, (count - 1) // 2)
    if k < 1:
        return None, 0
    if not apart.any():
        return None, k
    near = nearest(squared_distances(points), k)
    too_far = 0
    for column in near.T:
        distance = apart[np.arange(count), column]
        ranks = np.count_nonzero(
            apart < distance[:, None], axis=1
        )  # itself, at 0, is the one before the first
        too_far += int(np.maximum(ranks - k, 0).sum())
    return 1.0 - too_far * 2.0 / (count * k * (2.0 * count - 3.0 * k - 1.0)), k


def squared_distances(vectors: Float[np.ndarray, "N D"]) -> Float[np.ndarray, "N N"]:
    """The squared distance of every point to every other, in the type of `vectors`; its own is exactly 0."""
    if not len(vectors):
        return np.zeros((0, 0), vectors.dtype)
    centred = vectors - vectors.mean(axis=0)  # far from the origin the squares would cancel
    squares = np.square(centred).sum(axis=1)
    found: NDArray[Any] = centred @ centred.T
    found *= -2
    found += squares[:, None]
    found += squares
    np.maximum(found, 0, out=found)
    np.fill_diagonal(found, 0)
    return found


def nearest(apart: Float[np.ndarray, "N M"], k: int) -> Int64[np.ndarray, "N k"]:
    """The columns of the `k` nearest of each row, in no order, the one of the diagonal not among them."""
    others = apart.copy()
    np.fill_diagonal(others, np.inf)
    if k >= apart.shape[1]:
        raise ValueError(f"{k} neighbours of {apart.shape[1]} points")
    found: NDArray[np.int64] = np.argpartition(others, k - 1, axis=1)[:, :k].astype(np.int64)
    return found
