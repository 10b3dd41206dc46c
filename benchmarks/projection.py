"""What a picture of a decode among its neighbours costs when a step is added, and how far it can be believed.

The points are real: decoder states of the date model over dates, those of five decodes with the nearest
of each of their steps; the fifth has come to its sixth step, and makes another. The peer is
scikit-learn's t-SNE, which can only begin again. Times are of this process's own processor.
"""

import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.manifold import TSNE, trustworthiness

from benchmarks.measuring import Row, milliseconds, paired
from benchmarks.throughput import corpus as dates
from s2sdap.models.loading import load_model
from s2sdap.neighbors.extraction import Extractor
from s2sdap.neighbors.projection import Group, Layout, Method, project
from s2sdap.neighbors.search import Filter
from s2sdap.neighbors.search.opening import search_rows
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.states import Pair, States, StateSite

SITE = StateSite("decoder.state")
LINES = 1_000
DECODES = 5
NEIGHBOURS = 22
"""Of each step; some are those of two steps, and a thousand points are left."""
GOAL = 0.2
"""Seconds that a step may take."""


def states_of(count: int = LINES) -> States:
    """The decoder states of as many dates, greedily decoded."""
    extractor = Extractor(load_model("dates"), [SITE])
    examples, _ = extractor.read([Pair(number, line) for number, line in enumerate(dates(count))])
    parts = [extractor(batch)[SITE] for batch in extractor.batches(examples)]
    names = ("vectors", "sentence", "position", "token", "predicted")
    return States(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def groups_of(states: States, steps: int) -> list[Group]:
    """The decodes of the first sentences, the last of so many steps, and the nearest of their states."""
    search = search_rows(MemoryRows.of(states))
    others = Filter(without=frozenset(range(DECODES)))
    decodes, near = [], list[int]()
    for sentence in range(DECODES):
        rows = np.flatnonzero(states.sentence == sentence)
        rows = rows[np.argsort(states.position[rows])]
        rows = rows if sentence < DECODES - 1 else rows[:steps]
        near += search.query(states.vectors[rows], NEIGHBOURS, others).rows.ravel().tolist()
        keys = tuple(map(str, states.position[rows]))
        decodes.append(Group(f"decode {sentence}", keys, states.vectors[rows], trajectory=True))
    near = list(dict.fromkeys(near))
    return [*decodes, Group("neighbours", tuple(map(str, near)), states.vectors[near])]


def seconds(work: Callable[[], object]) -> float:
    """Processor seconds of `work`."""
    begin = time.process_time()
    work()
    return time.process_time() - begin


def _scratch(vectors: NDArray[np.float64], iterations: int = 1000) -> NDArray[np.float32]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        points: NDArray[np.float32] = TSNE(max_iter=iterations, random_state=0).fit_transform(vectors)
    return points


def rows(runs: int = 3) -> list[Row]:
    """Each method's next step, and t-SNE from scratch."""
    states = states_of()
    before, after = groups_of(states, 6), groups_of(states, 7)
    vectors = np.concatenate([group.vectors for group in after]).astype(np.float64)
    first: dict[Method, Layout] = {method: project(before, method) for method in ("pca", "mds", "tsne")}
    count = f"{len(first['pca'].keys):,} points, then {len(vectors) - len(first['pca'].keys)} more"
    table = []
    for method, previous in first.items():
        ours, peer, ratio = paired(
            lambda method=method, previous=previous: seconds(
                lambda: project(after, method, previous=previous)
            ),
            lambda: seconds(lambda: _scratch(vectors)),
            runs,
        )
        what = f"{method}, {count}"
        table.append(
            Row(f"{what}, peer scikit-learn's t-SNE", milliseconds(ours), milliseconds(peer), ratio, 0.5)
        )
        table.append(Row(what, milliseconds(ours), "200 ms", ours / GOAL, 1.0))
        table.append(_believed(what, project(after, method, previous=previous), vectors))
    ours, peer, ratio = paired(
        lambda: seconds(lambda: project(after, "tsne")), lambda: seconds(lambda: _scratch(vectors)), runs
    )
    table.append(
        Row(
            "t-SNE from scratch, peer scikit-learn's",
            milliseconds(ours),
            milliseconds(peer),
            ratio,
            1.0,
        )
    )
    return table


def _believed(what: str, layout: Layout, vectors: NDArray[np.float64]) -> Row:
    """How far the old points moved, and the trustworthiness of both pictures."""
    moved = layout.movement
    if moved is None:
        raise RuntimeError("no old point is in the new picture")
    peer = trustworthiness(vectors, _scratch(vectors), n_neighbors=layout.faithfulness.k)
    return Row(
        f"{what}: trustworthiness, movement",
        f"{layout.faithfulness.trustworthiness:.4f}; mean {moved.mean:.4f}, at most {moved.largest:.4f}",
        f"{peer:.4f}; all anew",
    )
