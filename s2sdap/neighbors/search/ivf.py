"""Search in Lance's inverted lists (IVF) of quantised vectors (RaBitQ, Gao and Long 2024): beyond memory.

The lists lie in the dataset beside the vectors and are read a few at a time. What they propose is
fetched and measured in float64. Lance looks at rows that came after the lists one by one.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped
from numpy.typing import NDArray

from s2sdap.neighbors.columns import VECTOR, vectors_of
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found, Nearest, found, go_on
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.search.queries import as_queries
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.store import reading

BITS: Final = 5
"""Bits a feature. Lance and lance-ray differ in what they take when they are not told."""
LIST_ROWS: Final = 4_096
"""Rows a list should have."""
FEWEST: Final = 256
"""Rows that lists are made for."""
MOST: Final = 10_000
"""Neighbours asked of the lists at most; for more, all rows are looked at."""
_NAME: Final = f"{VECTOR}_idx"
_LANCE: Final = {Metric.L2: "L2", Metric.COSINE: "cosine", Metric.INNER_PRODUCT: "dot"}


@dataclass(frozen=True, slots=True, order=True)
class Probes:
    """How hard the lists are searched: how many of them, and how many times k are measured again."""

    lists: int
    times: int

    def __str__(self) -> str:
        return f"lists={self.lists} times={self.times}"


PROBES: Final = tuple(
    Probes(lists, times)
    for lists, times in ((10, 1), (10, 2), (20, 2), (40, 2), (40, 4), (80, 4), (160, 8), (320, 16))
)
"""From the fastest on; the first whose recall is high enough is taken."""


def lists_metric(dataset: Any) -> Metric | None:
    """The metric of the lists that the dataset has, None where it has none that can be used.

    Lance uses one index a column, whichever it comes to first, and goes through all rows where that is of
    another metric than is asked for.
    """
    for each in dataset.describe_indices():
        if each.field_names == [VECTOR]:
            found = str(each.details.get("metric_type")).lower()
            return next((metric for metric, name in _LANCE.items() if name.lower() == found), None)
    return None


@dataclass(frozen=True, slots=True)
class Lists:
    """What lists over a dataset are to be like, in the words of Lance."""

    count: int
    metric: str
    index_type: str = "IVF_RQ"
    bits: int = BITS
    name: str = _NAME

    def drop_others(self, dataset: Any) -> None:
        """Take away what else there is over the vectors, so that Lance comes to these first."""
        for each in dataset.describe_indices():
            if each.field_names == [VECTOR] and each.name != self.name:
                dataset.drop_index(each.name)


def lists_for(dataset: Any, metric: Metric) -> Lists:
    """Lists that suit the number of rows."""
    return Lists(max(1, dataset.count_rows() // LIST_ROWS), _LANCE[metric])


def build_lists(dataset: Any, metric: Metric) -> None:
    """Make the lists, in the place of those that there are. It commits a version of the dataset."""
    lists = lists_for(dataset, metric)
    lists.drop_others(dataset)
    dataset.create_index(
        VECTOR,
        index_type=lists.index_type,
        name=lists.name,
        metric=lists.metric,
        replace=True,
        num_partitions=lists.count,
        num_bits=lists.bits,
    )


def extend_lists(dataset: Any) -> bool:
    """Put the rows that are in no list yet into the lists there are, where those are the fewer.

    Returns whether that was done; it commits a version of the dataset.
    """
    held = sum(each.num_rows_indexed for each in dataset.describe_indices() if each.name == _NAME)
    if 2 * held < dataset.count_rows():
        return False
    dataset.optimize.optimize_indices(index_names=[_NAME])
    return True


class IvfSearch:
    """Lists over a dataset. Any number of threads may ask at once."""

    def __init__(self, exact: ExactSearch, rows: StoreRows, probes: Probes) -> None:
        self.exact = exact
        self.rows = rows
        self.probes = probes

    def search_with(self, probes: Probes) -> None:
        """Search as hard as that from now on."""
        self.probes = probes

    @property
    def metric(self) -> Metric:
        """What near means."""
        return self.exact.metric

    def query(
        self,
        vectors: Shaped[np.ndarray, "..."],
        k: int,
        where: Filter | None = None,
        cancelled: Cancelled | None = None,
    ) -> Found:
        """As `ExactSearch.query`, but a row may be passed over, unless it is found `exact`."""
        queries = as_queries(vectors, self.rows.dimension, k)
        allowed = where.mask(self.rows.labels) if where else None
        count = len(self.rows) if allowed is None else int(np.count_nonzero(allowed))
        wanted = min(k, count)
        zero = self.metric is Metric.COSINE and not queries.any(axis=1).all()
        if not wanted or zero or k * self.probes.times > MOST:
            return self.exact.query(queries, k, where, cancelled)
        nearest = []
        for query in queries:
            go_on(cancelled)
            nearest.append(self._nearest(query, k, where))
        short = self.exact.complete(nearest, queries, wanted, allowed, cancelled)
        how = f"in {self.probes.lists} of the lists over {len(self.rows):,} states"
        if allowed is not None:
            how += f", among the {count:,} that the filter allows"
        if short:
            how += f"; exactly for {short} of {len(queries)}, for which that found too few"
        return found(nearest, k, exact=short == len(queries), how=how)

    def _nearest(self, query: NDArray[np.float16], k: int, where: Filter | None) -> Nearest:
        nearest = Nearest.none_yet(k)
        with reading(self.rows.store.place, str(self.rows.site)):
            table = (
                self.rows.store.dataset(self.rows.site)
                .scanner(
                    columns=[VECTOR, "_distance"],
                    nearest={
                        "column": VECTOR,
                        "q": query.astype(np.float32),
                        "k": k * self.probes.times,
                        "nprobes": self.probes.lists,
                        "metric": _LANCE[self.metric],
                    },
                    filter=where.sql() if where else None,
                    prefilter=True,
                    with_row_address=True,
                )
                .to_table()
            )
            proposed = vectors_of(table.column(VECTOR))
            rows = self.rows.at(table.column("_rowaddr").to_numpy())
        nearest.add(rows, distances(self.metric, proposed, query))
        return nearest
