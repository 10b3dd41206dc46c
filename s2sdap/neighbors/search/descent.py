"""Search along the graph of pynndescent: fast and nearly always right; how nearly is measured.

The graph proposes nodes; the rows of these are measured in float64 and put in order. Rows that are in
no node, such as those that were added later, are searched exactly and merged.
"""

import threading
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Shaped
from numpy.typing import NDArray

from s2sdap.neighbors.extras import required
from s2sdap.neighbors.search.compiling import pynndescent
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.found import Cancelled, Found, Nearest, found, go_on
from s2sdap.neighbors.search.graph import Graph, embedded, embedded_queries
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.search.queries import as_queries
from s2sdap.neighbors.search.rows import Rows

MOST: Final = 1_000
"""Nodes asked of the graph at most; where more would be needed, all rows are looked at."""
FEW: Final = 1 << 22
"""Numbers that are looked at one by one as fast as a graph is asked."""


@dataclass(frozen=True, slots=True, order=True)
class Effort:
    """How hard the graph is searched: from so many leaves of its tree on, and epsilon beyond the best."""

    leaves: int
    epsilon: float

    def __str__(self) -> str:
        return f"leaves={self.leaves} epsilon={self.epsilon}"


EFFORTS: Final = (
    Effort(1, 0.1),
    Effort(4, 0.1),
    Effort(16, 0.1),
    Effort(16, 0.2),
    Effort(16, 0.3),
    Effort(64, 0.3),
    Effort(64, 0.5),
    Effort(256, 0.5),
)
"""From the fastest on; the first whose recall is high enough is taken."""


class DescentSearch:
    """A graph, and the rows that it was built over, and later ones. Any number of threads may ask."""

    def __init__(self, exact: ExactSearch, graph: Graph, effort: Effort, few: int = FEW) -> None:
        """`exact` searches `MemoryRows`, the first of which are the graph's. Raises `neighbors_missing`.

        Where no more than `few` numbers are to be looked at, that is done exactly.
        """
        self.exact = exact
        self.few = few
        self.graph = graph
        self.effort = effort
        self._lock = threading.Lock()
        self.loose = np.concatenate([np.sort(graph.loose), np.arange(graph.count, len(exact.rows))])
        self._index: Any = _restored(graph, exact.rows, effort) if graph.nodes else None

    def search_with(self, effort: Effort) -> None:
        """Search as hard as that from now on."""
        with self._lock:
            if self._index is not None and effort.leaves != self.effort.leaves:
                self._index.search_tree_leaf_budget = effort.leaves
                self._index._init_search_function()
            self.effort = effort

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
        rows = self.exact.rows
        queries = as_queries(vectors, rows.dimension, k)
        allowed = where.mask(rows.labels) if where else None
        count = len(rows) if allowed is None else int(np.count_nonzero(allowed))
        asked = self._nodes_to_ask(k, count)
        zero = self.metric is not Metric.L2 and not queries.any(axis=1).all()
        if not asked or zero or count * rows.dimension <= self.few:
            return self.exact.query(queries, k, where, cancelled)
        loose = self.loose if allowed is None else self.loose[allowed[self.loose]]
        nearest = self.exact.nearest(queries, k, loose, cancelled)
        wanted = min(k, count)
        for at, query in enumerate(queries):
            go_on(cancelled)
            self._add(nearest[at], query, asked, allowed)
        short = self.exact.complete(nearest, queries, wanted, allowed, cancelled)
        how = f"along the graph over {self.graph.nodes:,} different states"
        if len(loose):
            how += f", and exactly over {len(loose):,} more"
        if allowed is not None:
            how += f"; {asked:,} found first, since the filter allows {count:,} of {len(rows):,} states"
        if short:
            how += f"; exactly for {short} of {len(queries)}, for which that found too few"
        return found(nearest, k, exact=False, how=how)

    def _nodes_to_ask(self, k: int, count: int) -> int:
        """So many that k allowed rows are among them, if the filter falls evenly; 0: look at all rows."""
        if self._index is None or k == 0 or count == 0:
            return 0
        share = count / len(self.exact.rows)
        excluded = len(self.exact.rows) - count
        asked = k if not excluded else min(k + excluded, int(1.5 * k / share) + 10)
        return asked if asked <= min(MOST, self.graph.nodes // 2) else 0

    def _add(
        self, nearest: Nearest, query: NDArray[np.float16], asked: int, allowed: NDArray[np.bool_] | None
    ) -> None:
        graph = self.graph
        point = embedded_queries(query[None], self.metric, graph.longest)
        with self._lock:
            # The same query finds the same whatever was asked before it.
            self._index.search_rng_state[:] = graph.random
            nodes = self._index.query_indices(point, k=asked, epsilon=self.effort.epsilon)[0]
        nodes = np.unique(nodes)
        begins, sizes = graph.firsts[nodes], graph.firsts[nodes + 1] - graph.firsts[nodes]
        if allowed is None:  # of equal rows the lowest k suffice
            sizes = np.minimum(sizes, nearest.k)
        starts = np.cumsum(sizes) - sizes
        at = np.arange(int(sizes.sum())) + np.repeat(begins - starts, sizes)
        rows = graph.rows[at].astype(np.int64)
        if allowed is not None:
            rows = rows[allowed[rows]]
        if len(rows):
            nearest.add(rows, distances(self.metric, self.exact.rows.take(rows), query))


def _restored(graph: Graph, rows: Rows, effort: Effort) -> Any:
    """An index of pynndescent from arrays: what its own `__setstate__` takes, without a pickle."""
    package, sparse = pynndescent(), required("scipy.sparse")
    nodes = graph.nodes
    edges = np.ones(len(graph.indices), np.uint8)
    tree = (graph.hyperplanes, graph.offsets, graph.children, graph.leaves, graph.leaf_size)
    index = package.NNDescent.__new__(package.NNDescent)
    index.__setstate__(
        {
            "metric": "euclidean",
            "metric_kwds": None,
            "n_neighbors": 30,
            "dim": graph.hyperplanes.shape[1],
            "search_tree_leaf_budget": effort.leaves,
            "_raw_data": embedded(rows, graph.rows[graph.firsts[:-1]], graph.metric, graph.longest),
            "_vertex_order": np.arange(nodes, dtype=np.int32),
            "_search_graph": sparse.csr_array((edges, graph.indices, graph.indptr), shape=(nodes, nodes)),
            "_search_forest": (tree,),
            "_min_distance": np.float32(graph.nearest),
            "_visited": np.zeros(nodes // 8 + 1, np.uint8),
            "rng_state": graph.random.copy(),
            "search_rng_state": graph.random.copy(),
            "quantization": None,
            "tree_init": True,
            "compressed": True,
            "parallel_batch_queries": False,
            "verbose": False,
            "_compile_search": False,
            "_dist_args": (),
            "_distance_correction": None,
            "_input_dtype": np.float32,
            "_is_proxy_distance": False,
            "_is_sparse": False,
            "_normalized_data": False,
            "_angular_trees": False,
            "_bit_trees": False,
        }
    )
    return index
