"""What can be told of a source token beside its id: how often training had it, and what is near to it."""

import contextlib
from typing import Final

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.asking import neighbors_at
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.lookups import Wanted
from s2sdap.debugger.neighbors.places import StatePlace
from s2sdap.debugger.neighbors.telling import line_of
from s2sdap.debugger.neighbors.training import Training
from s2sdap.language.decoded import WordFacts
from s2sdap.models.contract import Described
from s2sdap.neighbors.bundled import INDEX, bundled_folder
from s2sdap.neighbors.embedding import near_token
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

NEAR: Final = 5
NEIGHBORS: Final = 3
COUNTED: Final = 50_000_000
"""States whose tokens are counted at most: beyond it, that would keep a hover waiting."""


class Words:
    """Looks words up for a model. What was counted is kept."""

    def __init__(self, model: Described, training: Training) -> None:
        self.model, self.training = model, training
        self._index: OpenIndex | None = None
        self._counts: NDArray[np.int64] | None = None

    def open(self) -> None:
        """Open the index, where there is one that need not be built first, and count. May take seconds.

        Nothing is told of it before it is open, so that no hover waits; any thread may do it.
        """
        training = self.training
        if self._index is not None or training.problem is not None:
            return
        if training.bundled and not training.ready and not (bundled_folder() / INDEX).is_dir():
            return
        with contextlib.suppress(S2sdapError):
            index = training.open()
            site = StateSite(sites.ENCODER_STATES)
            if site in index.sites:
                index.query(index.search(site), site, np.zeros(index.store.dimension(site), np.float32), 1)
                if index.store.count(site) <= COUNTED:
                    self._counts = np.bincount(index.store.column(site, "token"))
            self._index = index

    def facts(self, frame: Frame | None, token: int, position: int) -> WordFacts:
        """What is known of source token `token`, which stands at `position` of the sentence of a frame."""
        index, counts = self._index, self._counts
        return WordFacts(
            occurrences=None if counts is None else int(counts[token]) if token < len(counts) else 0,
            tokens=None if counts is None else int(counts.sum()),
            near=self._near(token),
            neighbors=() if index is None or frame is None else self._neighbors(index, frame, position),
        )

    def _near(self, token: int) -> tuple[tuple[str, float], ...]:
        try:
            found = near_token(self.model, "source", token, NEAR)
        except S2sdapError:  # it has no embeddings of its source, or none of this token
            return ()
        return tuple((each.text, each.similarity) for each in found.near)

    def _neighbors(self, index: OpenIndex, frame: Frame, position: int) -> tuple[str, ...]:
        site = StateSite(sites.ENCODER_STATES)
        if site not in index.sites:
            return ()
        try:
            found = neighbors_at(index, frame, StatePlace(site, position), Wanted(k=NEIGHBORS))
        except S2sdapError:
            return ()
        return tuple(line_of(each) for each in found.neighbors)
