"""A search over the states of a site, as the debugger and the command line open it."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from s2sdap.neighbors.search.choice import Choice, Kind, Size, choose
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found
from s2sdap.neighbors.search.memory import available_bytes
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import LanceRows, Rows
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary.errors import S2sdapError


@runtime_checkable
class HoldsStates(Protocol):
    """What is asked of a store: the Lance dataset of a site's states."""

    def dataset(self, site: StateSite) -> Any:
        """The dataset, with the columns `sentence`, `token`, `predicted` and `vector`."""


@dataclass(frozen=True, slots=True, eq=False)
class Search:
    """Neighbours among the states of one site. Any number of threads may ask at once.

    `why` says in words why this kind was chosen. `recall` is None where the search is exact.
    """

    kind: Kind
    metric: Metric
    why: str
    recall: float | None
    rows: Rows
    _exact: ExactSearch

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
        return self._exact.query(vectors, k, where, cancelled)


def open_search(
    store: HoldsStates, site: StateSite, *, metric: str = "l2", kind: str | None = None
) -> Search:
    """Search the states of that site; without `kind` the one that suits their number and this machine.

    Raises `search_unknown`, `search_not_built`.
    """
    rows = LanceRows(store.dataset(site))
    return search_rows(rows, metric=metric, kind=kind)


def search_rows(rows: Rows, *, metric: str = "l2", kind: str | None = None) -> Search:
    """Search these rows. Raises `search_unknown`, `search_not_built`."""
    measure, wanted = Metric.named(metric), None if kind is None else Kind.named(kind)
    size = Size(len(rows), rows.dimension, available_bytes())
    if wanted not in {None, Kind.EXACT}:
        raise S2sdapError("search_not_built", kind=wanted, reason="it is not built")
    choice = choose(size, {}) if wanted is None else Choice(wanted, "asked for")
    if isinstance(rows, LanceRows) and size.fits:
        rows = rows.in_memory()
    return Search(choice.kind, measure, choice.why, None, rows, ExactSearch(rows, measure))
