"""A t-SNE picture in the making: advanced a step at a time, shown as it stands, dropped at will.

Where the last picture has most of the points, they stay: new ones are put between their nearest and
find their place among points that hold still; then all move a little, but never farther on average than
`STILL` of the picture's spread. Where many have come since the whole was last laid out, it is laid out
again, beginning with the last picture, and turned onto it.
"""

from typing import Final

import numpy as np
from jaxtyping import Float, Float32, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.projection import pca
from s2sdap.neighbors.projection.affinities import affinities
from s2sdap.neighbors.projection.faithfulness import squared_distances, trustworthiness
from s2sdap.neighbors.projection.layout import Faithfulness, Layout, Space, moved, shared, spread
from s2sdap.neighbors.projection.placing import alignment, place
from s2sdap.neighbors.projection.points import Points
from s2sdap.neighbors.projection.tsne import EXAGGERATION, Descent

LEAST: Final = 5
"""Fewer points have no neighbourhoods to keep."""
STILL: Final = 0.05
"""How far old points may move on average when others come, in units of the earlier picture's spread."""
GROWN: Final = 1.5
"""When there are so many times the points that the whole was last laid out with, it is laid out again."""
GATHERING: Final = 100
"""Steps in which points find their groups."""
SPREADING: Final = 400
"""Steps in which the groups take their shape."""
SETTLING: Final = 50
"""Steps in which new points move among still ones."""
TOUCHING_UP: Final = 25
"""Steps in which all move, after new ones have settled."""
_START: Final = 1e-4
"""The standard deviation of a start, far below the distance at which points repel (Kobak and Berens 2019)."""
_JITTER: Final = 0.01
"""The part of it that is drawn, so that points which start in one place can part."""


class Refinement:
    """The descent of one picture. `advance` until `done`; `layout` at any time.

    Attributes:
        done: whether there is nothing left to do.
        steps: how many steps were taken.
        whole: whether all is laid out, and not only what came since `previous`.
    """

    def __init__(
        self, points: Points, space: Space, seed: int, previous: Layout | None, *, hold: bool = False
    ) -> None:
        self.done = False
        self.steps = 0
        self._points, self._space, self._seed, self._previous = points, space, seed, previous
        self._now, self._then = _in_both(points, previous)
        self._apart = squared_distances(points.vectors)
        self._likely = affinities(self._apart)
        self.whole = previous is None or not self._continues(previous, hold=hold)
        count = len(points.keys)
        new = np.setdiff1d(np.arange(count), self._now)
        self._settling = 0 if self.whole or not len(new) else SETTLING
        rows = new if self._settling else None
        self._descent = Descent(self._likely, self._start(), rows)

    def _continues(self, previous: Layout, *, hold: bool) -> bool:
        return (
            previous.method == "tsne"
            and len(self._now) > 0
            and (hold or len(self._points.keys) <= GROWN * previous.fitted)
            and spread(previous.points) > 0
        )

    def _start(self) -> Float[np.ndarray, "N 2"]:
        """The last picture with the new points in it, or else PCA; shrunk for a whole descent."""
        vectors = self._points.vectors
        if self._previous is not None and len(self._now) and spread(self._previous.points) > 0:
            points = place(vectors, self._now, self._previous.points[self._then])
        else:
            points = pca.look(vectors).points
        if not self.whole:
            return _single(points)
        points = (points - points.mean(axis=0)) * (_START / max(spread(points), np.finfo(float).tiny))
        draws = np.random.default_rng(self._seed).normal(size=points.shape)
        return _single(points + _START * _JITTER * draws)

    def advance(self) -> None:
        """Take one step, unless all is done."""
        if self.done:
            return
        if self.whole:
            early = self.steps < GATHERING
            self._descent.step(EXAGGERATION if early else 1.0, 0.5 if early else 0.8)
            self.done = self.steps + 1 >= GATHERING + SPREADING
        elif self.steps < self._settling:
            self._descent.step()
            if self.steps + 1 == self._settling:
                self._descent = Descent(self._likely, self._descent.points)
        else:
            before = self._descent.points
            self._descent.step(momentum=0.5)
            if self._went() > STILL:
                self._descent.points, self.done = before, True
                return
            self.done = self.steps + 1 >= self._settling + TOUCHING_UP
        self.steps += 1

    def layout(self) -> Layout:
        """The picture as it stands now."""
        places = self._turned()
        reached = Descent(self._likely, self._descent.points).divergence()
        trusted, k = trustworthiness(self._apart, places)
        return Layout(
            "tsne",
            self._space,
            self._seed,
            self._points.keys,
            places,
            Faithfulness(trusted, k, divergence=reached),
            moved(self._points.keys, places, self._previous, "tsne"),
            self.whole and self._previous is not None and self._previous.method == "tsne",
            self._points.left_out,
            self.steps,
            fitted=len(self._points.keys) if self._previous is None or self.whole else self._previous.fitted,
        )

    def _turned(self) -> Float[np.ndarray, "N 2"]:
        """Where the points stand, turned onto the last picture, since directions mean nothing."""
        places: NDArray[np.float64] = self._descent.points.astype(np.float64)
        if self._previous is None or not len(self._now):
            places -= places.mean(axis=0)
            return places
        if not self.whole and self.steps <= self._settling:
            return places  # no old point has moved
        rotation, shift = alignment(places[self._now], self._previous.points[self._then])
        turned: NDArray[np.float64] = places @ rotation + shift
        return turned

    def _went(self) -> float:
        """How far the old points have moved on average, in units of the last picture's spread."""
        if self._previous is None:
            return 0.0
        apart = self._turned()[self._now] - self._previous.points[self._then]
        return float(np.linalg.norm(apart, axis=1).mean()) / spread(self._previous.points)


def _in_both(
    points: Points, previous: Layout | None
) -> tuple[Int64[np.ndarray, "M"], Int64[np.ndarray, "M"]]:
    if previous is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    return shared(points.keys, previous)


def _single(points: Float[np.ndarray, "N 2"]) -> Float32[np.ndarray, "N 2"]:
    """In float32, in which a step takes half the time."""
    single: NDArray[np.float32] = points.astype(np.float32)
    return single
