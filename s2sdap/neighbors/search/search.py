"""One search over the states of a site, of whichever kind, as its callers see it."""

import threading
from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
from jaxtyping import Shaped

from s2sdap.neighbors.manifest import Recall
from s2sdap.neighbors.search.built import Faster
from s2sdap.neighbors.search.choice import Choice, Kind
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found
from s2sdap.neighbors.search.graph import Progress
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import Rows
from s2sdap.vocabulary.errors import S2sdapError

GRACE: Final = 2.0
"""Seconds that loading in the background waits for a first query: whoever opens a search has one."""


class Search:
    """Neighbours among the states of one site. Any number of threads may ask at once.

    `why` says in words why this kind was chosen. `measured` is how much of what is nearest it finds, as
    that was measured when it was built; None where the search is exact.
    """

    def __init__(self, choice: Choice, exact: ExactSearch, measured: Recall | None) -> None:
        """Use `open_search`."""
        self.kind = choice.kind
        self.why = choice.why
        self.measured = measured
        self._exact = exact
        self._faster: Faster | None = None
        self._loading: threading.Thread | None = None
        self._asked, self._answered = threading.Event(), threading.Event()

    @property
    def metric(self) -> Metric:
        """What near means."""
        return self._exact.metric

    @property
    def exact(self) -> ExactSearch:
        """The exact search over the same rows."""
        return self._exact

    @property
    def rows(self) -> Rows:
        """What is searched."""
        return self._exact.rows

    @property
    def recall(self) -> float | None:
        """The share of the true nearest that it finds, 0..1, as measured; None where the search is exact."""
        return None if self.measured is None else self.measured.recall

    @property
    def ready(self) -> bool:
        """Whether it answers as `kind` says; else something still loads, and it answers exactly."""
        return self._loading is None or not self._loading.is_alive()

    def query(
        self,
        vectors: Shaped[np.ndarray, "..."],
        k: int,
        where: Filter | None = None,
        cancelled: Cancelled | None = None,
    ) -> Found:
        """The nearest `k` states of each query, of those that the filter allows.

        `vectors` is [Q, D] or [D], of any type of float; they are rounded to float16 as the states are.
        Distances are true ones in float64. Raises `query_shape`, `query_not_finite`, `query_count`,
        `filter_predictions`, and `search_cancelled` once `cancelled()` is true.
        """
        self._asked.set()
        try:
            return (self._faster or self._exact).query(vectors, k, where, cancelled)
        finally:
            self._answered.set()

    def wait(self) -> None:
        """Return when nothing is loading any more."""
        self._asked.set()
        self._answered.set()
        if self._loading is not None:
            self._loading.join()

    def use(self, exact: ExactSearch) -> None:
        """Search exactly in this way from now on."""
        self._exact = exact

    def use_faster(self, faster: Faster) -> None:
        """Search in this way from now on."""
        self._faster = faster

    def load(self, steps: Sequence[Callable[[], None]], progress: Progress | None) -> None:
        """Do that in another thread. What goes wrong leaves the search exact and says why."""

        def run() -> None:
            if self._asked.wait(GRACE):
                self._answered.wait()
            try:
                for step in steps:
                    step()
                told = f"{self.kind} is ready"
            except (ValueError, OSError, MemoryError, S2sdapError) as error:
                self.fall_back(error)
                told = self.why
            if progress is not None:
                progress(told)

        self._loading = threading.Thread(target=run, name="loads the search for neighbours", daemon=True)
        self._loading.start()

    def fall_back(self, reason: object) -> None:
        """Stay exact, and say why."""
        self.why = f"{self.kind} cannot be used: {reason}"
        self.kind, self.measured = Kind.EXACT, None
