"""The graph of pynndescent (Dong, Moses and Li 2011; McInnes 2018) over the different states of a site.

Every metric is searched as an L2 distance, between vectors that are made so that it orders as the metric
does: unit vectors for the cosine; for the inner product vectors with one more feature, which brings all
of them to the same norm (Bachrach et al. 2014). Equal states are one node, since a graph whose every
edge goes to a copy leads nowhere.

What pynndescent has built is kept as arrays, from which an index for queries is put together again.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from jaxtyping import Float16, Float32, Int32, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.search.compiling import pynndescent
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import MemoryRows, Rows, block_rows, single

NEIGHBORS: Final = 30
"""Edges a node that the descent keeps; the search graph has up to half as many more."""
FEWEST: Final = 4 * NEIGHBORS
"""Different states that make a graph worth its while; fewer are all searched exactly."""

Progress = Callable[[str], None]
"""Told in words what is being done."""


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """A graph with M nodes over the first `count` rows of a site, in the order of its search tree.

    `rows` are the rows of node 0, then those of node 1 and so on, each lowest first; `firsts` says where
    each node's begin. `loose` are rows that no node has, since they are zero under the cosine or were held
    out: they are searched exactly. Rows that are not finite are in neither. `indptr` and `indices` are the
    edges in compressed rows. The tree has T inner nodes and leaves: hyperplanes, offsets, the two children
    of each or the range of its leaf, and the nodes in the leaves. W is the width of the transformed vectors.
    `longest` is the norm they share under the inner product.
    """

    metric: Metric
    count: int
    seed: int
    longest: float
    rows: Int32[np.ndarray, "R"]
    firsts: Int32[np.ndarray, "M1"]
    loose: Int32[np.ndarray, "L"]
    indptr: Int32[np.ndarray, "M1"]
    indices: Int32[np.ndarray, "E"]
    hyperplanes: Float32[np.ndarray, "T W"]
    offsets: Float32[np.ndarray, "T"]
    children: Int32[np.ndarray, "T 2"]
    leaves: Int32[np.ndarray, "M"]
    leaf_size: int
    nearest: float
    random: Int64[np.ndarray, "3"]

    @property
    def nodes(self) -> int:
        """M."""
        return len(self.firsts) - 1


def embedded(
    rows: Rows, numbers: Int32[np.ndarray, "M"], metric: Metric, longest: float
) -> Float32[np.ndarray, "M W"]:
    """The vectors of these rows, made so that L2 orders them as the metric does."""
    width = rows.dimension + (metric is Metric.INNER_PRODUCT)
    made = np.empty((len(numbers), width), np.float32)
    size = block_rows(rows.dimension)
    for start in range(0, len(numbers), size):
        block = single(rows.take(numbers[start : start + size].astype(np.int64)))
        into = made[start : start + size]
        into[:, : block.shape[1]] = block
        if metric is Metric.COSINE:
            into /= np.sqrt(np.einsum("nd,nd->n", block, block, dtype=np.float64))[:, None]
        if metric is Metric.INNER_PRODUCT:
            squares = np.einsum("nd,nd->n", block, block, dtype=np.float64)
            into[:, -1] = np.sqrt(np.maximum(longest**2 - squares, 0))
    return made


def embedded_queries(
    queries: Float16[np.ndarray, "Q D"], metric: Metric, longest: float
) -> Float32[np.ndarray, "Q W"]:
    """The vectors to search with, of the same kind. A zero query has no direction: it stays zero."""
    made = queries.astype(np.float64)
    if metric is not Metric.L2:
        norms = np.sqrt(np.square(made).sum(axis=1))
        made /= np.where(norms == 0, 1, norms)[:, None]
    if metric is Metric.INNER_PRODUCT:
        made = np.hstack([made * longest, np.zeros((len(made), 1))])
    return made.astype(np.float32)


def build_graph(
    rows: MemoryRows,
    metric: Metric,
    *,
    held_out: Int64[np.ndarray, "H"],
    seed: int = 0,
    progress: Progress | None = None,
) -> Graph:
    """A graph over these rows without those held out; the same for the same rows and seed.

    At a million states of 256 it takes minutes and 4 GB of memory. Raises `neighbors_missing`.
    """
    tell = progress or (lambda _: None)
    tell("looking for equal states")
    kept, loose = _sorted_out(rows, metric, held_out)
    vectors = rows.vectors
    order, firsts = grouped(vectors, kept)
    longest = _longest(vectors, kept) if metric is Metric.INNER_PRODUCT else 0.0
    if len(firsts) - 1 < FEWEST:
        return _without_nodes(metric, len(rows), seed, vectors.shape[1], np.union1d(kept, loose))
    tell(f"importing and compiling; {len(firsts) - 1:,} different states follow")
    package = pynndescent()
    tell(f"building the graph over {len(firsts) - 1:,} different states")
    points = embedded(rows, order[firsts[:-1]], metric, longest)
    with warnings.catch_warnings():
        # That some nodes have fewer neighbours shows in the recall, which is measured.
        warnings.simplefilter("ignore")
        index = package.NNDescent(
            points, metric="euclidean", n_neighbors=NEIGHBORS, random_state=seed, compressed=True
        )
        index.prepare()
    return _graph_of(index, metric, len(rows), seed, longest, order, firsts, loose)


def grouped(
    vectors: Float16[np.ndarray, "N D"], kept: Int64[np.ndarray, "n"]
) -> tuple[Int32[np.ndarray, "n"], Int32[np.ndarray, "M1"]]:
    """The rows `kept`, equal ones side by side and lowest first, and where each group begins."""
    keys = np.ascontiguousarray(vectors[kept]).view(np.dtype((np.void, 2 * vectors.shape[1])))[:, 0]
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    changes = np.flatnonzero(ordered[1:] != ordered[:-1]) + 1
    firsts = np.concatenate([[0], changes, [len(kept)]]) if len(kept) else np.zeros(1, np.int64)
    return kept[order].astype(np.int32), firsts.astype(np.int32)


def _sorted_out(
    rows: MemoryRows, metric: Metric, held_out: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The rows to be nodes, and those that are to be searched exactly."""
    finite, fit = np.ones(len(rows), bool), np.ones(len(rows), bool)
    for start, block in rows.blocks():
        finite[start : start + len(block)] = np.isfinite(block).all(axis=1)
        if metric is Metric.COSINE:
            fit[start : start + len(block)] = (block != 0).any(axis=1)
    fit[held_out] = False
    return np.flatnonzero(finite & fit), np.flatnonzero(finite & ~fit)


def _longest(vectors: NDArray[np.float16], kept: NDArray[np.int64]) -> float:
    size, longest = block_rows(vectors.shape[1]), 0.0
    for start in range(0, len(kept), size):
        block = vectors[kept[start : start + size]].astype(np.float64)
        longest = max(longest, float(np.square(block).sum(axis=1).max()))
    return float(np.sqrt(longest))


def _graph_of(
    index: Any,
    metric: Metric,
    count: int,
    seed: int,
    longest: float,
    order: NDArray[np.int32],
    firsts: NDArray[np.int32],
    loose: NDArray[np.int64],
) -> Graph:
    """What is needed of a prepared index, with the nodes numbered as in its search tree."""
    vertex = np.asarray(index._vertex_order, np.int64)  # the group at each node
    sizes = np.diff(firsts)[vertex]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    place = np.arange(len(order)) - np.repeat(starts[:-1], sizes) + np.repeat(firsts[:-1][vertex], sizes)
    tree = index._search_forest[0]
    return Graph(
        metric,
        count,
        seed,
        longest,
        order[place],
        starts.astype(np.int32),
        loose.astype(np.int32),
        index._search_graph.indptr.astype(np.int32),
        index._search_graph.indices.astype(np.int32),
        np.ascontiguousarray(tree.hyperplanes, np.float32),
        np.ascontiguousarray(tree.offsets, np.float32),
        np.ascontiguousarray(tree.children, np.int32),
        np.ascontiguousarray(tree.indices, np.int32),
        int(tree.leaf_size),
        float(index._min_distance),
        np.asarray(index.search_rng_state, np.int64),
    )


def _without_nodes(metric: Metric, count: int, seed: int, dimension: int, loose: NDArray[np.int64]) -> Graph:
    none, one = np.empty(0, np.int32), np.zeros(1, np.int32)
    width = dimension + (metric is Metric.INNER_PRODUCT)
    return Graph(
        metric,
        count,
        seed,
        0.0,
        none,
        one,
        loose.astype(np.int32),
        one,
        none,
        np.empty((0, width), np.float32),
        np.empty(0, np.float32),
        np.empty((0, 2), np.int32),
        none,
        0,
        0.0,
        np.zeros(3, np.int64),
    )
