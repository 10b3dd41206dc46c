"""New points among old ones, and a new picture laid over an old one."""

from typing import Final

import numpy as np
from jaxtyping import Float, Int64

NEAREST: Final = 3
"""A new point is placed by this many of the old ones."""


def place(
    vectors: Float[np.ndarray, "N D"], old: Int64[np.ndarray, "M"], points: Float[np.ndarray, "M 2"]
) -> Float[np.ndarray, "N 2"]:
    """All points: those in rows `old` at `points`, each other between its nearest old ones.

    The nearest old points count by the inverse of their squared distance, so a new point that equals
    an old one stands on it. There must be an old point.
    """
    placed = np.zeros((len(vectors), 2))
    placed[old] = points
    new = np.setdiff1d(np.arange(len(vectors)), old)
    if not len(new):
        return placed
    centred = vectors - vectors.mean(axis=0)
    apart = (
        np.square(centred[old]).sum(axis=1) - 2 * centred[new] @ centred[old].T
    )  # but for what is their own
    count = min(NEAREST, len(old))
    near = np.argpartition(apart, count - 1, axis=1)[:, :count]
    between = vectors[new][:, None] - vectors[old][near]
    distances = np.square(between).sum(axis=2)  # by differences: of equal points it is exactly 0
    same = distances == 0
    weights = np.where(same.any(axis=1, keepdims=True), same, 1.0 / np.where(same, 1.0, distances))
    weights /= weights.sum(axis=1, keepdims=True)
    placed[new] = (weights[:, :, None] * points[near]).sum(axis=1)
    return placed


def alignment(
    points: Float[np.ndarray, "N 2"], onto: Float[np.ndarray, "N 2"]
) -> tuple[Float[np.ndarray, "2 2"], Float[np.ndarray, "2"]]:
    """The rotation R (or mirroring) and shift s for which `points @ R + s` is nearest to `onto`.

    The orthogonal Procrustes problem (Schönemann 1966); the scale is left as it is.
    """
    if not len(points):
        return np.eye(2), np.zeros(2)
    here, there = points.mean(axis=0), onto.mean(axis=0)
    left, _, right = np.linalg.svd((points - here).T @ (onto - there))
    rotation = left @ right
    return rotation, there - here @ rotation
