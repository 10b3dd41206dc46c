"""Pictures of a decode: the trajectory of its states at a site, among their nearest training states.

A picture is of one site, since only vectors of one space can be compared; a second decode of the same
model is drawn into the same picture.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from jaxtyping import Float32

from s2sdap.debugger.comparing.runs import Run
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.asking import piece_at
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.places import StatePlace, vector_at
from s2sdap.debugger.program import Sentence
from s2sdap.models.tokens import TargetVocabulary
from s2sdap.neighbors.projection import Group
from s2sdap.neighbors.search.found import NONE, Cancelled
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

MOST_NEIGHBORS: Final = 100
"""Neighbours of each state that a picture can be asked for."""
MOST_LOOKED_AT: Final = 10_000
"""... and of all its states together; of all points 2,000 are drawn."""
NEIGHBORS: Final = "neighbors"
"""The name of their group."""
Hand = Literal["left", "right"]


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """The states of a decode at a site: one a source token, or one a step, in order.

    `keys` tell each from any other state there may come to be at its position.
    """

    hand: Hand
    positions: tuple[int, ...]
    pieces: tuple[str, ...]
    vectors: Float32[np.ndarray, "T D"]

    @property
    def keys(self) -> tuple[str, ...]:
        """What each state is called."""
        return tuple(
            f"{position}:{hashlib.blake2b(vector.tobytes(), digest_size=8).hexdigest()}"
            for position, vector in zip(self.positions, self.vectors, strict=True)
        )


@dataclass(frozen=True, slots=True)
class Dot:
    """A point of a picture: a state of a decode (`hand`), or a training state near to one of them.

    `position` is a source position or a step. Of a training state `near` is the position of the state of
    the decode that it is nearest to, at `distance`.
    """

    hand: Hand | None
    position: int
    piece: str
    row: int | None = None
    sentence: int | None = None
    near: int | None = None
    distance: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """What a picture of a site shows: groups to lay out, and what each point of them is.

    `neighbors` is how many of each state were looked for: fewer than were asked for, where there are many
    states.
    """

    site: StateSite
    groups: tuple[Group, ...]
    dots: dict[tuple[str, str], Dot]
    neighbors: int


def frames_of_run(run: Run, sentence: Sentence) -> list[Frame]:
    """The frames of a run in step order, each where search has chosen."""
    return [
        Frame(
            run.plan,
            sentence,
            run.branch or 0,
            Stage.SEARCH,
            run.encoder,
            run.records,
            run.records[node.step],
            node.row,
            node,
        )
        for node in run.nodes
    ]


def trajectory(hand: Hand, frames: Sequence[Frame], site: StateSite) -> Trajectory:
    """The states of a decode at a site. `frames` are in step order, or the encoder's alone.

    Raises `no_such_site`, `not_yet` or `bad_value`.
    """
    if site.of_source:
        frame = frames[-1]
        tokens = frame.source.tokens
        vectors = [vector_at(frame, StatePlace(site, at)) for at in range(len(tokens))]
        return Trajectory(hand, tuple(range(len(tokens))), tuple(t.piece for t in tokens), _together(vectors))
    there = [frame for frame in frames if frame.record is not None and frame.has(site.site)]
    if not there:
        vector_at(frames[-1], StatePlace(site))  # says why there is none
    return Trajectory(
        hand,
        tuple(frame.step for frame in there),
        tuple(_piece(frame) for frame in there),
        _together([vector_at(frame, StatePlace(site)) for frame in there]),
    )


def scene_of(
    site: StateSite,
    trajectories: Sequence[Trajectory],
    index: OpenIndex | None,
    k: int,
    target: TargetVocabulary,
    cancelled: Cancelled | None = None,
) -> Scene:
    """The trajectories with the `k` nearest training states of each of their states, if there is an index."""
    dots: dict[tuple[str, str], Dot] = {}
    groups: list[Group] = []
    for each in trajectories:
        groups.append(Group(each.hand, each.keys, each.vectors, trajectory=True))
        for key, position, piece in zip(each.keys, each.positions, each.pieces, strict=True):
            dots[each.hand, key] = Dot(each.hand, position, piece)
    states = sum(len(each.positions) for each in trajectories)
    k = min(k, MOST_LOOKED_AT // max(1, states)) if index is not None and site in index.sites else 0
    if index is not None and k > 0:
        groups.append(_neighbors(site, trajectories, index, k, dots, target, cancelled))
    return Scene(site, tuple(groups), dots, k)


def check_same_space(run: Run, frame: Frame) -> None:
    """Refuse to draw the states of another model into the picture. Raises `other_space`."""
    model, other = frame.decode.model, run.model
    if model.fingerprint != other.fingerprint:
        raise S2sdapError("other_space", other=other.name, model=model.name)


def _neighbors(
    site: StateSite,
    trajectories: Sequence[Trajectory],
    index: OpenIndex,
    k: int,
    dots: dict[tuple[str, str], Dot],
    target: TargetVocabulary,
    cancelled: Cancelled | None,
) -> Group:
    """The nearest of every state, each training state once: beside the state that it is nearest to."""
    search = index.search(site)
    nearest: dict[int, tuple[float, int]] = {}
    for each in trajectories:
        found = index.query(search, site, each.vectors, k, cancelled=cancelled)
        for position, rows, distances in zip(each.positions, found.rows, found.distances, strict=True):
            for row, distance in zip(rows.tolist(), distances.tolist(), strict=True):
                if row != NONE and (row not in nearest or distance < nearest[row][0]):
                    nearest[row] = (distance, position)
    rows = sorted(nearest)
    states = index.states(site, rows)
    sentences = index.sentences(states.sentence.tolist())
    for at, row in enumerate(rows):
        of, position = sentences[int(states.sentence[at])], int(states.position[at])
        piece = piece_at(of, site, position, int(states.token[at]), target)
        distance, near = nearest[row]
        dots[NEIGHBORS, str(row)] = Dot(None, position, piece, row, of.sentence, near, distance)
    return Group(NEIGHBORS, tuple(map(str, rows)), states.vectors)


def _together(vectors: Sequence[Float32[np.ndarray, "D"]]) -> Float32[np.ndarray, "T D"]:
    return np.stack(vectors) if vectors else np.zeros((0, 0), np.float32)


def _piece(frame: Frame) -> str:
    """The token that a step chose; before search has chosen, what it reads of it so far is nothing."""
    return "" if frame.chosen is None else frame.piece(frame.chosen.token)
