"""Principal components (Pearson 1901, Hotelling 1933): the plane in which the points vary most.

The plane is kept from call to call, so points do not move when others come. Where it has come to show
much less than another would, it is given up: a decode's first steps say little of where it will go.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Float

from s2sdap.neighbors.projection.layout import Basis
from s2sdap.neighbors.projection.leading import leading

KEPT: Final = 0.6
"""A plane is kept while it shows at least this share of the variance that the best one would."""


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A basis, where the points stand in it, and the share of their variance along each axis.

    `explained` is `None` where all points are one. `refitted` says that an earlier plane was given up.
    """

    basis: Basis
    points: Float[np.ndarray, "N 2"]
    explained: tuple[float, float] | None
    refitted: bool = False


def fit(vectors: Float[np.ndarray, "N D"]) -> Basis:
    """The plane of largest variance. Each axis points to where its largest coordinate is positive.

    Where the points span less than a plane, the axes that they lack are 0.
    """
    count, width = vectors.shape
    mean = vectors.mean(axis=0) if count else np.zeros(width)
    axes = np.zeros((width, 2))
    centred = vectors - mean
    if centred.any():
        _, directions = leading(centred)
        signs = np.sign(directions[np.abs(directions).argmax(axis=0), range(directions.shape[1])])
        axes[:, : directions.shape[1]] = directions * signs
    return Basis(mean, axes)


def look(vectors: Float[np.ndarray, "N D"], kept: Basis | None = None, *, hold: bool = False) -> Plane:
    """The points in the plane `kept`, or in their own where there is none or it shows too little.

    With `hold` a plane is kept whatever it shows.
    """
    if kept is not None and len(kept.mean) == vectors.shape[1] and hold:
        return _seen(vectors, kept)
    own = _seen(vectors, fit(vectors))
    if kept is None or len(kept.mean) != vectors.shape[1]:
        return own
    before = _seen(vectors, kept)
    if own.explained is None or before.explained is None:
        return before
    lacks_an_axis = bool((own.basis.axes.any(axis=0) & ~kept.axes.any(axis=0)).any())
    if not lacks_an_axis and sum(before.explained) >= KEPT * sum(own.explained):
        return before
    return Plane(own.basis, own.points, own.explained, refitted=True)


def turned(plane: Plane, rotation: Float[np.ndarray, "2 2"], shift: Float[np.ndarray, "2"]) -> Plane:
    """The same picture turned (and mirrored) by an orthogonal `rotation`, then shifted."""
    axes = plane.basis.axes @ rotation
    basis = Basis(plane.basis.mean - axes @ shift, axes)
    points = plane.points @ rotation + shift
    explained = plane.explained
    if explained is not None:  # the two axes share out the same variance in another way
        along = np.square(points - points.mean(axis=0)).sum(axis=0)
        along = along / along.sum() * sum(explained)
        explained = (float(along[0]), float(along[1]))
    return Plane(basis, points, explained, plane.refitted)


def _seen(vectors: Float[np.ndarray, "N D"], basis: Basis) -> Plane:
    points = (vectors - basis.mean) @ basis.axes
    whole = float(np.square(vectors - vectors.mean(axis=0)).sum()) if len(vectors) else 0.0
    if whole == 0.0:
        return Plane(basis, points, None)
    along = np.square(points - points.mean(axis=0)).sum(axis=0) / whole
    return Plane(basis, points, (float(along[0]), float(along[1])))
