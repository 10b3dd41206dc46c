"""Many queries at once, on the workers of a cluster: the same search, a block of queries a part."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
from jaxtyping import Float16

from s2sdap.cluster import Cluster, mapped
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Found
from s2sdap.neighbors.search.opening import open_search
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

BLOCK: Final = 256
"""Queries of a part."""


@dataclass(frozen=True, slots=True)
class Searching:
    """What is searched and how, in plain values: the arguments of `open_search` and of `query`."""

    index: str
    site: str
    k: int
    metric: str = "l2"
    kind: str | None = None
    where: Filter | None = None
    storage: Mapping[str, str] = field(default_factory=dict)


class _Answer(msgspec.Struct):
    """What a block of queries found: rows [Q, k] and distances [Q, k] as bytes."""

    rows: bytes
    distances: bytes
    exact: bool
    how: str


class SearchWorker:
    """Searches one index. Every worker opens it for itself, so all of them have to reach it."""

    def __init__(self, searching: Searching) -> None:
        store = StateStore.open(Place.of(searching.index, searching.storage))
        site = StateSite.parse(searching.site)
        self._asked = searching
        self._dimension = store.dimension(site)
        self._search = open_search(store, site, metric=searching.metric, kind=searching.kind)

    def __call__(self, part: bytes, /) -> bytes:
        """The neighbours of a block of queries."""
        queries = np.frombuffer(part, np.float16).reshape(-1, self._dimension)
        found = self._search.query(queries, self._asked.k, self._asked.where)
        answer = _Answer(found.rows.tobytes(), found.distances.tobytes(), found.exact, found.how)
        return msgspec.msgpack.encode(answer)


def searched_on(
    cluster: Cluster, searching: Searching, queries: Float16[np.ndarray, "Q D"], **resources: Any
) -> Iterator[Found]:
    """What a block of queries found after the other, in their order.

    `resources` are the `cpus` of a worker and the other keyword arguments of `mapped`. Raises what
    `open_search` and `query` raise.
    """
    starts = range(0, len(queries), BLOCK)
    parts = [np.ascontiguousarray(queries[start : start + BLOCK]).tobytes() for start in starts]
    for outcome in mapped(cluster, parts, SearchWorker, {"searching": searching}, **resources):
        answer = msgspec.msgpack.decode(outcome, type=_Answer)
        rows = np.frombuffer(answer.rows, np.int64).reshape(-1, searching.k)
        distances = np.frombuffer(answer.distances, np.float64).reshape(-1, searching.k)
        yield Found(rows, distances, answer.exact, answer.how)
