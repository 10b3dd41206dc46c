"""t-SNE (van der Maaten and Hinton 2008), a step at a time, from whatever layout there is.

The gradient is exact: all pairs repel. Up to some two thousand points a step takes a few milliseconds,
so a layout is refined between other work, shown at any time, and given up at any time.
"""

from typing import Final

import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

EXAGGERATION: Final = 12.0
"""How much stronger points attract each other at first (van der Maaten 2014), to find their groups."""
_LEAST_GAIN: Final = 0.01
_LEAST_RATE: Final = 50.0
_LONGEST: Final = 5.0
"""No point goes farther in a step; a group that stands inside another would be flung out."""


class Descent:
    """Gradient descent with momentum and gains (Jacobs 1988) on the positions of N points.

    Attributes:
        points: where they stand; every step puts new ones in their place.
    """

    def __init__(
        self,
        likely: Float[np.ndarray, "N N"],
        points: Float[np.ndarray, "N 2"],
        rows: Int64[np.ndarray, "R"] | None = None,
    ) -> None:
        """Start from `points`, with the affinities `likely`; only the points `rows` move, or else all."""
        self.points = points
        self._rows = np.arange(len(points)) if rows is None else rows
        self._all = rows is None
        self._likely = likely if rows is None else likely[rows]
        self._velocity = np.zeros_like(points[self._rows])
        self._gains = np.ones_like(self._velocity)
        self._kernel = np.empty_like(self._likely)
        self._force = np.empty_like(self._likely)
        self._still = 0.0 if rows is None else self._among_others()

    def step(self, exaggeration: float = 1.0, momentum: float = 0.8) -> None:
        """One step, at a rate that grows with the number of points (Belkina et al. 2019)."""
        rate = max(len(self.points) / exaggeration / 4, _LEAST_RATE)
        gradient = self.gradient(exaggeration)
        along = np.sign(gradient) == np.sign(self._velocity)  # each is taken away, so opposite ones agree
        self._gains = np.maximum(np.where(along, self._gains * 0.8, self._gains + 0.2), _LEAST_GAIN)
        velocity = momentum * self._velocity - rate * self._gains * gradient
        lengths = np.linalg.norm(velocity, axis=1, keepdims=True)
        self._velocity = velocity * (_LONGEST / np.maximum(lengths, _LONGEST))
        self.points = self.points.copy()
        self.points[self._rows] += self._velocity

    def gradient(self, exaggeration: float = 1.0) -> Float[np.ndarray, "R 2"]:
        """4 sum over j of (exaggeration p_ij - q_ij) w_ij (y_i - y_j), w_ij = 1 / (1 + |y_i - y_j|^2)."""
        kernel, force = self._kernel, self._force
        total = self._fill()
        np.multiply(self._likely, kernel, out=force)
        if exaggeration != 1.0:
            force *= exaggeration
        np.multiply(kernel, kernel, out=kernel)
        kernel *= 1.0 / total
        force -= kernel
        sums = force @ np.column_stack([self.points, np.ones_like(self.points[:, :1])])
        gradient: NDArray[np.floating] = 4.0 * (sums[:, 2:] * self.points[self._rows] - sums[:, :2])
        return gradient

    def divergence(self) -> float:
        """KL(P || Q) in nats, over the points that move: what the descent makes small."""
        total = self._fill()
        some = self._likely > 0
        likely = self._likely[some].astype(np.float64)
        return float((likely * (np.log(likely) - np.log(self._kernel[some]) + np.log(total))).sum())

    def _fill(self) -> float:
        """Put the w_ij of the points that move into `_kernel`; returns the sum over all pairs of two."""
        _kernel(self.points[self._rows], self.points, out=self._kernel)
        self._kernel[np.arange(len(self._rows)), self._rows] = 0
        total = float(self._kernel.sum(dtype=np.float64))
        if not self._all:  # a pair of a moving point and a still one stands here once, but counts twice
            total = self._still + 2 * total - float(self._kernel[:, self._rows].sum(dtype=np.float64))
        return max(total, np.finfo(np.float64).tiny)

    def _among_others(self) -> float:
        """The sum of w_ij over the pairs of points that do not move."""
        others = np.delete(self.points, self._rows, axis=0)
        kernel = np.empty((len(others), len(others)), self.points.dtype)
        _kernel(others, others, out=kernel)
        return float(kernel.sum(dtype=np.float64) - np.trace(kernel))


def _kernel(
    some: Float[np.ndarray, "R 2"], points: Float[np.ndarray, "N 2"], out: Float[np.ndarray, "R N"]
) -> None:
    """Put 1 / (1 + squared distance) of each pair into `out`, by one product."""
    squares = np.square(some).sum(axis=1)
    left = np.column_stack([-2 * some, np.ones_like(squares), squares + 1])
    squares = np.square(points).sum(axis=1)
    right = np.column_stack([points, squares, np.ones_like(squares)])
    np.matmul(left, right.T, out=out)
    np.reciprocal(out, out=out)
