"""What is drawn: groups of vectors of one space, gathered into one matrix.

What is not finite is left out. Where there are more points than can be drawn, trajectories stay and
of the rest a sample does: those whose keys have the lowest hashes. So the sample is the same in every
call, and a point more moves at most one other out.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Shaped
from numpy.typing import NDArray

from s2sdap.neighbors.projection.layout import LeftOut, PointKey, Space
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Points that belong together: the states of one decode in step order, or neighbours.

    Attributes:
        name: what tells it from the other groups of a picture.
        keys: what each point is called in its group; no two alike. A point is the same one in the
            next call where its group's name and its key are.
        vectors: the states, all groups of one picture of the same width.
        trajectory: whether the points are drawn as a line, in their order, and stay where there are
            more points than can be drawn.
    """

    name: str
    keys: tuple[str, ...]
    vectors: Shaped[np.ndarray, "N D"]
    trajectory: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """The points of all groups that can be drawn, one under the other, and those that cannot."""

    keys: tuple[PointKey, ...]
    vectors: Float[np.ndarray, "N D"]
    left_out: tuple[LeftOut, ...]


def gather(groups: Sequence[Group], space: Space, seed: int, limit: int) -> Points:
    """The finite points of `groups`, at most `limit`; for `cosine` each at its length 1.

    Raises:
        S2sdapError: `projection_widths` where the groups' vectors are not of one width,
            `projection_keys` where a group is named twice, has a key twice, or not a key a vector.
    """
    _check(groups)
    keys = tuple((group.name, key) for group in groups for key in group.keys)
    width = groups[0].vectors.shape[1] if groups else 0
    vectors = np.zeros((len(keys), width))
    if keys:
        np.concatenate([group.vectors for group in groups], out=vectors, casting="unsafe")
    finite: NDArray[np.bool_] = np.all(np.isfinite(vectors), axis=1)
    kept = set(np.flatnonzero(finite).tolist())
    if len(kept) > limit:
        lines = {group.name for group in groups if group.trajectory}
        order = sorted(kept, key=lambda row: (keys[row][0] not in lines, _hash(keys[row], seed)))
        kept = set(order[:limit])
    left_out = tuple(
        LeftOut(*keys[row], "bound" if finite[row] else "not_finite")
        for row in range(len(keys))
        if row not in kept
    )
    rows = sorted(kept)
    chosen = vectors[rows]
    if space == "cosine":
        lengths = np.linalg.norm(chosen, axis=1, keepdims=True)
        chosen = np.divide(chosen, lengths, out=np.zeros_like(chosen), where=lengths > 0)
    return Points(tuple(keys[row] for row in rows), chosen, left_out)


def _check(groups: Sequence[Group]) -> None:
    widths = sorted({int(group.vectors.shape[1]) for group in groups})
    if len(widths) > 1:
        raise S2sdapError("projection_widths", widths=", ".join(map(str, widths)))
    names = [group.name for group in groups]
    for group in groups:
        if names.count(group.name) > 1:
            raise S2sdapError("projection_keys", group=group.name, reason="two groups have that name")
        if len(group.keys) != len(group.vectors):
            reason = f"it has {len(group.keys)} keys for {len(group.vectors)} vectors"
            raise S2sdapError("projection_keys", group=group.name, reason=reason)
        if len(set(group.keys)) < len(group.keys):
            raise S2sdapError("projection_keys", group=group.name, reason="a key stands for two points")


def _hash(key: PointKey, seed: int) -> bytes:
    return hashlib.blake2b(f"{seed}\0{key[0]}\0{key[1]}".encode(), digest_size=8).digest()
