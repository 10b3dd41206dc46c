"""What can be told of a source token beside its id: how often training had it, and what is near to it."""

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
        self._counts: NDArray[np.int64] | None = None
        self._counted = False

    def warm(self) -> None:
        """Open the index and count, so that the first hover need not wait for it."""
        if (index := self._index()) is not None:
            self._tokens(index)

    def facts(self, frame: Frame | None, token: int, position: int) -> WordFacts:
        """What is known of source token `token`, which stands at `position` of the sentence of a frame."""
        index = self._index()
        counts = None if index is None else self._tokens(index)
        return WordFacts(
            occurrences=None if counts is None else int(counts[token]) if token < len(counts) else 0,
            tokens=None if counts is None else int(counts.sum()),
            near=self._near(token),
            neighbors=() if index is None or frame is None else self._neighbors(index, frame, position),
        )

    def _index(self) -> OpenIndex | None:
        """The index, where there is one that need not be built first."""
        training = self.training
        if training.problem is not None:
            return None
        if training.bundled and not training.ready and not (bundled_folder() / INDEX).is_dir():
            return None
        try:
            return training.open()
        except S2sdapError:
            return None

    def _tokens(self, index: OpenIndex) -> NDArray[np.int64] | None:
        """How often training had each source token, by id."""
        site = StateSite(sites.ENCODER_STATES)
        if not self._counted and site in index.sites and index.store.count(site) <= COUNTED:
            self._counts = np.bincount(index.store.column(site, "token"))
        self._counted = True
        return self._counts

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
