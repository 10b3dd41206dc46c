"""Groups of states to a layout, by any of the methods."""

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Final, get_args

import numpy as np
from jaxtyping import Float

from s2sdap.neighbors.projection import pca
from s2sdap.neighbors.projection.faithfulness import squared_distances, trustworthiness
from s2sdap.neighbors.projection.layout import Faithfulness, Layout, Method, Space, moved, shared
from s2sdap.neighbors.projection.placing import alignment
from s2sdap.neighbors.projection.points import Group, Points, gather
from s2sdap.neighbors.projection.refining import LEAST, Refinement
from s2sdap.vocabulary.errors import S2sdapError

METHODS: Final[tuple[Method, ...]] = get_args(Method)
LIMIT: Final = 2000
"""How many points are drawn at most; a picture of more is a cloud, and t-SNE's steps grow with the square."""


def method_named(text: str) -> Method:
    """The method called `text`. Raises `projection_method`."""
    for method in METHODS:
        if method == text:
            return method
    raise S2sdapError("projection_method", method=text, known=", ".join(METHODS))


def project(
    groups: Sequence[Group],
    method: Method = "pca",
    seed: int = 0,
    previous: Layout | None = None,
    *,
    space: Space = "l2",
    limit: int = LIMIT,
    hold: bool = False,
) -> Layout:
    """The layout of all `groups` together. The same arguments give the same layout.

    With `previous`, what stood there stays as far as the method lets it, and how far it moved is told.
    Where the picture has outgrown `previous` it is made anew (`Layout.refitted`), but not with `hold`.

    Raises:
        S2sdapError: what `gather` raises.
    """
    steps = project_in_steps(groups, method, seed, previous, space=space, limit=limit, hold=hold)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            layout: Layout = stop.value
            return layout


def project_in_steps(
    groups: Sequence[Group],
    method: Method,
    seed: int = 0,
    previous: Layout | None = None,
    *,
    space: Space = "l2",
    limit: int = LIMIT,
    hold: bool = False,
) -> Generator[int, None, Layout]:
    """What `project` returns, after each step of t-SNE yielding how many were taken.

    Whoever wants to see the picture in between has `refinement`.
    """
    begun = refinement(groups, method, seed, previous, space=space, limit=limit, hold=hold)
    if isinstance(begun, Layout):
        return begun
    while not begun.done:
        begun.advance()
        yield begun.steps
    return begun.layout()


def refinement(
    groups: Sequence[Group],
    method: Method,
    seed: int = 0,
    previous: Layout | None = None,
    *,
    space: Space = "l2",
    limit: int = LIMIT,
    hold: bool = False,
) -> Refinement | Layout:
    """A t-SNE picture to advance, or the picture itself where there is nothing to refine.

    That is so for PCA and scaling, and for points too few or all in one place, which PCA draws.
    """
    points = gather(groups, space, seed, limit)
    before = previous if previous is not None and previous.space == space else None
    if method != "tsne":
        return linear(points, method, space, seed, before, hold=hold)
    if len(points.keys) < LEAST or not np.ptp(points.vectors, axis=0).any():
        return linear(points, "pca", space, seed, before, hold=hold)
    return Refinement(points, space, seed, before, hold=hold)


def linear(
    points: Points, method: Method, space: Space, seed: int, previous: Layout | None, *, hold: bool
) -> Layout:
    """PCA, which keeps its plane, or classical scaling, which fits it anew and turns it onto the last.

    Classical scaling (Torgerson 1952, Gower 1966) of Euclidean distances is PCA of the points on show.
    """
    before = previous if previous is not None and previous.method == method else None
    kept = before.basis if before is not None and method == "pca" else None
    plane = pca.look(points.vectors, kept, hold=hold)
    if before is not None and (method == "mds" or plane.refitted):
        now, then = shared(points.keys, before)
        plane = pca.turned(plane, *alignment(plane.points[now], before.points[then]))
    return Layout(
        method,
        space,
        seed,
        points.keys,
        plane.points,
        replace(_trusted(points, plane.points), explained=plane.explained),
        moved(points.keys, plane.points, before, method),
        plane.refitted,
        points.left_out,
        basis=plane.basis,
    )


def _trusted(points: Points, places: Float[np.ndarray, "N 2"]) -> Faithfulness:
    return Faithfulness(*trustworthiness(squared_distances(points.vectors), places))
