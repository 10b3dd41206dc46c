"""An index that a session asks: its searches, each opened once, and how far training states are apart."""

import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager

import numpy as np
from jaxtyping import Float32

from s2sdap.neighbors.reference import ReferenceDistances, Watch, reference_of
from s2sdap.neighbors.search import Filter, Found, Search, open_search
from s2sdap.neighbors.search.found import Cancelled
from s2sdap.neighbors.sentences import CorpusSentence
from s2sdap.neighbors.states import States, StateSite
from s2sdap.neighbors.store import StateStore, reading

DEFAULT_METRIC = "l2"


class OpenIndex:
    """Any number of threads may ask; what has to be opened for an answer is opened by the first."""

    def __init__(self, store: StateStore) -> None:
        self.store = store
        self._lock = threading.RLock()
        self._searches: dict[tuple[StateSite, str, str | None], Search] = {}
        self._references: dict[tuple[StateSite, str], ReferenceDistances] = {}

    @property
    def path(self) -> str:
        """Where it lies."""
        return self.store.place.path

    @property
    def sites(self) -> tuple[StateSite, ...]:
        """The sites that it has states of."""
        return self.store.sites

    def search(self, site: StateSite, metric: str | None = None, kind: str | None = None) -> Search:
        """The search over a site. Raises `index_no_site`, and what `open_search` raises.

        What takes long to load is loaded in the background, and answers are exact until then; a `kind` that
        was asked for is waited for.
        """
        key = (site, metric or DEFAULT_METRIC, kind)
        with self._lock:
            if key not in self._searches:
                with self._reading(site):
                    self._searches[key] = open_search(
                        self.store, site, metric=key[1], kind=kind, background=kind is None
                    )
            return self._searches[key]

    def query(
        self,
        search: Search,
        site: StateSite,
        vector: Float32[np.ndarray, "D"],
        k: int,
        where: Filter | None = None,
        cancelled: Cancelled | None = None,
    ) -> Found:
        """The nearest states of a site. Raises what `Search.query` raises, and `index_damaged`."""
        with self._reading(site):
            return search.query(vector, k, where, cancelled)

    def _reading(self, site: StateSite) -> AbstractContextManager[None]:
        return reading(self.store.place, str(site))

    def reference(
        self,
        site: StateSite,
        metric: str | None = None,
        cancelled: Cancelled | None = None,
        watch: Watch | None = None,
    ) -> ReferenceDistances:
        """How far training states are from their own nearest; measured by whoever asks first."""
        key = (site, metric or DEFAULT_METRIC)
        with self._lock:
            if key not in self._references:
                search = self.search(site, metric)
                with self._reading(site):
                    self._references[key] = reference_of(
                        self.store, site, search, cancelled=cancelled, watch=watch
                    )
            return self._references[key]

    def states(self, site: StateSite, rows: Sequence[int]) -> States:
        """The states of these rows."""
        return self.store.rows(site, rows)

    def sentences(self, numbers: Sequence[int]) -> dict[int, CorpusSentence]:
        """The sentences of these numbers, each once."""
        wanted = sorted(set(numbers))
        return dict(zip(wanted, self.store.sentences(wanted), strict=True))
