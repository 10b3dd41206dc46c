"""What a projection comes out as: points in the plane, and how far they can be believed."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int64

Method: TypeAlias = Literal["pca", "mds", "tsne"]
Space: TypeAlias = Literal["l2", "cosine"]
"""Between which distances a picture is made: of the vectors, or of their directions."""
PointKey: TypeAlias = tuple[str, str]
"""The name of a group, and the key of a point in it: what makes a point the same one in the next call."""


@dataclass(frozen=True, slots=True, eq=False)
class Basis:
    """The plane that a linear method looks at: a point is at `(vector - mean) @ axes`."""

    mean: Float[np.ndarray, "D"]
    axes: Float[np.ndarray, "D 2"]


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """How far a picture can be believed. What cannot be told of so few points is `None`.

    Attributes:
        trustworthiness: Venna and Kaski's measure over the `k` nearest of each point, 0..1: 1 where
            whatever looks near is near. In a random picture it is about a half.
        k: how many neighbours of each point it looks at.
        explained: of linear methods, the share of the variance that lies along each axis, 0..1.
        divergence: of t-SNE, the Kullback-Leibler divergence that it makes small, in nats.
    """

    trustworthiness: float | None
    k: int
    explained: tuple[float, float] | None = None
    divergence: float | None = None


@dataclass(frozen=True, slots=True)
class Movement:
    """How far the points moved that were there before, in units of the earlier layout's spread.

    The spread is the root of the mean squared distance from the centre.
    """

    points: int
    mean: float
    largest: float


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A point that is not drawn: `not_finite`, or `bound` where there were more than can be drawn."""

    group: str
    key: str
    reason: Literal["not_finite", "bound"]


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """N points in the plane, in the order of the groups and of the points within each.

    Attributes:
        method: what made it. Where there are too few points for t-SNE this is `pca`.
        space: the distances that it is of.
        seed: what its draws were drawn with.
        keys: of each point the group's name and its key in it.
        points: where each stands; the unit has no meaning.
        faithfulness: how far the picture can be believed.
        movement: how far those points moved that `previous` had too; `None` without such points, or
            where another method made it.
        refitted: whether the plane of `previous` was given up because it showed too little, or a t-SNE
            picture laid out again because too many points had come.
        left_out: the points that are not drawn, each with why.
        steps: the steps of refinement that it has had, those of `previous` not counted.
        basis: of linear methods, the plane; the next call keeps it.
        fitted: of t-SNE, how many points there were when the whole was last laid out.
    """

    method: Method
    space: Space
    seed: int
    keys: tuple[PointKey, ...]
    points: Float[np.ndarray, "N 2"]
    faithfulness: Faithfulness
    movement: Movement | None = None
    refitted: bool = False
    left_out: tuple[LeftOut, ...] = ()
    steps: int = 0
    basis: Basis | None = None
    fitted: int = 0

    def rows_of(self, group: str) -> Int64[np.ndarray, "M"]:
        """Which of the points are those of `group`, in its order."""
        return np.array([row for row, (name, _) in enumerate(self.keys) if name == group], dtype=np.int64)

    def point(self, group: str, key: str) -> tuple[float, float] | None:
        """Where a point stands, or `None` where it is not drawn."""
        try:
            x, y = self.points[self.keys.index((group, key))]
        except ValueError:
            return None
        return float(x), float(y)


def spread(points: Float[np.ndarray, "N 2"]) -> float:
    """The root of the mean squared distance of the points from their centre; 0 for none."""
    if not len(points):
        return 0.0
    return float(np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean()))


def moved(
    keys: tuple[PointKey, ...], points: Float[np.ndarray, "N 2"], previous: Layout | None, method: Method
) -> Movement | None:
    """How far the points moved that `previous`, of the same method, had too."""
    if previous is None or previous.method != method:
        return None
    now, before = shared(keys, previous)
    unit = spread(previous.points)
    if not len(now):
        return None
    distances = np.linalg.norm(points[now] - previous.points[before], axis=1)
    if unit == 0.0:  # all stood in one place, so there is nothing to measure by
        return Movement(len(now), 0.0, 0.0) if not distances.any() else None
    return Movement(len(now), float(distances.mean() / unit), float(distances.max() / unit))


def shared(
    keys: tuple[PointKey, ...], previous: Layout
) -> tuple[Int64[np.ndarray, "M"], Int64[np.ndarray, "M"]]:
    """The rows of the points that both have: among `keys`, and in `previous`."""
    places = {key: row for row, key in enumerate(previous.keys)}
    pairs = [(row, places[key]) for row, key in enumerate(keys) if key in places]
    both = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return both[:, 0], both[:, 1]
