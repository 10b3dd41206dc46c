"""What a session knows of its model's training: the index that it was given, opened when it is first asked.

    training = Training(model, "dates.index")
    training.open()             # raises where it is no index, or another model's
    session = Session(model, program, training=training)
    session.neighbors("state", k=5)

The bundled date model has an index without being given one: that of its training set, which is built when
it is first asked for, takes seconds, and is kept in the user's cache.
"""

import os
import threading
from collections.abc import Callable
from functools import partial

from s2sdap.debugger.descriptions import Description
from s2sdap.debugger.frames import Frame, no_index
from s2sdap.debugger.neighbors.asking import Say, state_of
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.places import StatePlace, place_at, predicting_site, vector_at
from s2sdap.debugger.neighbors.telling import scope_items
from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.contract import Described
from s2sdap.neighbors.building import BuildProgress
from s2sdap.neighbors.bundled import bundled_index, has_bundled_index
from s2sdap.neighbors.identity import check_model
from s2sdap.neighbors.search.found import go_on
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError


def _silent(_message: str, _percentage: float | None) -> None:
    """Nobody listens."""


class Training:
    """The index of a session, or why it has none. Any number of threads may ask."""

    def __init__(self, model: Described, index: str | os.PathLike[str] | None = None) -> None:
        self.model = model
        self.asked = None if index is None else os.fspath(index)
        self.failed: S2sdapError | None = None
        """Why it could not be opened for those who cannot wait; a request tries again."""
        self._lock = threading.Lock()
        self._index: OpenIndex | None = None

    @property
    def bundled(self) -> bool:
        """Whether the index is the one that comes with the model."""
        return self.asked is None and self.model.name == DEFAULT_MODEL and has_bundled_index(self.model)

    @property
    def problem(self) -> S2sdapError | None:
        """Why there is no index to ask; `None` where there is one, be it still to be opened or built."""
        return None if self.asked is not None or self.bundled else no_index(self.model)

    @property
    def ready(self) -> bool:
        """Whether the index is open, so that an answer needs no more than a search."""
        return self._index is not None

    @property
    def title(self) -> str:
        """What opening it is called while it lasts."""
        if self.asked is not None:
            return f"Opening the index {self.asked}"
        return f"Building the index of {self.model.name}"

    def open(self, say: Say = _silent, cancelled: Callable[[], bool] = lambda: False) -> OpenIndex:
        """The index, opened or built if that was not done. Raises what kept it from being there.

        `say` hears how far a build is, which ends once `cancelled()` is true, with `search_cancelled`; the
        next call goes on with it.
        """
        with self._lock:
            if self._index is None:
                self._index = OpenIndex(self._store(say, cancelled))
            return self._index

    def _store(self, say: Say, cancelled: Callable[[], bool]) -> StateStore:
        if self.bundled:
            return bundled_index(partial(_heard, say, cancelled))
        if self.asked is None:
            raise no_index(self.model)
        store = StateStore.open(self.asked)
        try:
            check_model(store.place.path, store.manifest.model, self.model)
        except S2sdapError as error:  # of a recording the weights are told, its tokenizer is not at hand
            if error.name != "not_recorded":
                raise
        return store

    def nearest(self, frame: Frame, /) -> tuple[float, float]:
        """How far the state that predicts the frame's token is from the nearest of training; its percentile.

        Raises `no_state_here` where the frame has no state that the index holds.
        """
        if self.failed is not None and not self.ready:
            raise self.failed
        index = self.open()
        site = predicting_site(frame, index.sites)
        if site is None:
            known = ", ".join(map(str, index.sites))
            raise S2sdapError("no_state_here", stage=frame.stage, path=index.path, known=known)
        found = index.query(index.search(site), site, vector_at(frame, StatePlace(site)), 1)
        distance = float(found.distances[0][0])
        percentile = index.reference(site).percentile(distance)
        return distance, 100.0 if percentile is None else percentile

    def state_of(self, frame: Frame, site: str, at: tuple[int | None, ...], number: int, /) -> list[float]:
        """The numbers of a neighbour of the tensor at a site, `at` running over its leading axes."""
        return state_of(self.open(), frame, place_at(site, at), number)

    def scope_items(self, frame: Frame, /) -> list[Description]:
        """What the scope of neighbours shows at a frame. Opens the index."""
        return scope_items(frame, self.open())


def _heard(say: Say, cancelled: Callable[[], bool], progress: BuildProgress) -> None:
    """How far a build is. What is raised here ends it."""
    go_on(cancelled)
    text = f"{progress.sentences:,} of {progress.all_sentences:,} sentences"
    say(text, min(100.0, 100.0 * progress.tokens / max(1, progress.all_tokens)))
