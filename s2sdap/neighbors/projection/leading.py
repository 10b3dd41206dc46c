"""The directions in which points vary most, without all the others."""

from typing import Final

import numpy as np
from jaxtyping import Float

_SMALL: Final = 128
"""Up to this size all directions are found as quickly."""
_BLOCK: Final = 4
"""Vectors a block: two directions that vary alike are both found, and two more say when to stop."""
_BLOCKS: Final = 24
_EVERY: Final = 4
_RESIDUAL: Final = 1e-10


def leading(
    centred: Float[np.ndarray, "N D"], wanted: int = 2
) -> tuple[Float[np.ndarray, "W"], Float[np.ndarray, "D W"]]:
    """The largest eigenvalues of `centred.T @ centred`, falling, and their eigenvectors of length 1.

    Small ones by a whole decomposition; else by block Lanczos with full orthogonalisation (Golub and
    Underwood 1977) to a residual of 1e-10 of the largest, and by a whole one where that does not come.
    An eigenvalue that rounding alone could give has no direction: its eigenvector is 0.
    """
    count, width = centred.shape
    tall = centred if width <= count else centred.T  # the same eigenvalues from the smaller side
    wanted = min(wanted, tall.shape[1])
    found = _by_lanczos(tall, wanted) if tall.shape[1] > _SMALL else None
    values, vectors = _whole(tall, wanted) if found is None else found
    if width > count:
        vectors = centred.T @ vectors
    real = values > 1e-12 * np.square(centred).sum()
    lengths = np.linalg.norm(vectors, axis=0)
    return values, np.where(real, vectors / np.where(real, lengths, 1.0), 0.0)


def _whole(
    tall: Float[np.ndarray, "M n"], wanted: int
) -> tuple[Float[np.ndarray, "W"], Float[np.ndarray, "n W"]]:
    values, vectors = np.linalg.eigh(tall.T @ tall)
    return values[::-1][:wanted], vectors[:, ::-1][:, :wanted]


def _by_lanczos(
    tall: Float[np.ndarray, "M n"], wanted: int
) -> tuple[Float[np.ndarray, "W"], Float[np.ndarray, "n W"]] | None:
    start = np.random.default_rng(0).normal(size=(tall.shape[1], _BLOCK))  # any start leads to the same end
    block, _ = np.linalg.qr(start)
    space, images = np.empty((tall.shape[1], 0)), np.empty((tall.shape[1], 0))
    for number in range(1, _BLOCKS + 1):
        image = tall.T @ (tall @ block)
        space, images = np.column_stack([space, block]), np.column_stack([images, image])
        if number % _EVERY == 0:
            values, turns = np.linalg.eigh(space.T @ images)
            turns = turns[:, ::-1][:, :wanted]
            values, vectors = values[::-1][:wanted], space @ turns
            residuals = np.linalg.norm(images @ turns - vectors * values, axis=0)
            if (residuals <= _RESIDUAL * values[0]).all():
                return values, vectors
        block = image - space @ (space.T @ image)
        block -= space @ (space.T @ block)  # once is not enough where little is left
        block, _ = np.linalg.qr(block)
    return None
