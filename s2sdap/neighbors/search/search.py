"""One search over the states of a site, of whichever kind, as its callers see it."""

import threading
from collections.abc import Callable

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

    @property
    def metric(self) -> Metric:
        """What near means."""
        return self._exact.metric

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
        """Whether it answers as `kind` says; else it still loads, and answers exactly until then."""
        return self.kind is Kind.EXACT or self._faster is not None

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
        return (self._faster or self._exact).query(vectors, k, where, cancelled)

    def wait(self) -> None:
        """Return when nothing is loading any more."""
        if self._loading is not None:
            self._loading.join()

    def speed_up(self, load: Callable[[], Faster], progress: Progress | None, *, background: bool) -> None:
        """Take what `load` gives. In the background, what goes wrong leaves the search exact and says why.

        Raises what `load` raises where it is not in the background.
        """
        if not background:
            self._faster = load()
            return
        tell = progress or (lambda _: None)

        def run() -> None:
            try:
                self._faster = load()
                tell(f"{self.kind} is ready")
            except (ValueError, OSError, S2sdapError) as error:
                self.fall_back(error)
                tell(self.why)

        self._loading = threading.Thread(target=run, name="loads the search for neighbours", daemon=True)
        self._loading.start()

    def fall_back(self, reason: object) -> None:
        """Stay exact, and say why."""
        self.why = f"{self.kind} cannot be used: {reason}"
        self.kind, self.measured = Kind.EXACT, None
