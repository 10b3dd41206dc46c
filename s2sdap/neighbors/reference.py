"""How far training states are from their own nearest: what a state on show is held against.

A sample of the states of an index, each with the distance of its nearest state of another sentence.
Measured once for an index, a site, a metric and a kind of search, and kept beside the index.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from jaxtyping import Float, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.search import Filter, Kind, Metric, Search
from s2sdap.neighbors.search.found import Cancelled, go_on
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

SAMPLE: Final = 1000
"""States that are sampled; a percentile of so many is within about three of the true one, 19 times of 20."""
Watch = Callable[[int, int], None]
"""Hears how many states of the sample are measured, of how many."""
_AT_ONCE: Final = 64
_NEAREST: Final = 16
"""So many are looked at first: among them is nearly always one of another sentence."""


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceDistances:
    """The nearest distances of a sample of training states, in rising order.

    Attributes:
        site: which states.
        metric: of the distances.
        kind: of the search that found them.
        rows: how many states the index had.
        sample: how many of them were to be drawn; all, where there are fewer.
        seed: what the sample was drawn with.
        distances: one a state of the sample that is finite and has a state of another sentence.
    """

    site: StateSite
    metric: Metric
    kind: Kind
    rows: int
    sample: int
    seed: int
    distances: Float[np.ndarray, "M"]

    def percentile(self, distance: float) -> float | None:
        """How many of a hundred training states have their nearest less far; of equally far ones half count.

        `None` where the sample is empty.
        """
        if not len(self.distances):
            return None
        below = np.searchsorted(self.distances, distance, side="left")
        up_to = np.searchsorted(self.distances, distance, side="right")
        return float(50.0 * (below + up_to) / len(self.distances))


def reference_distances(
    search: Search,
    site: StateSite,
    sample: int = SAMPLE,
    seed: int = 0,
    cancelled: Cancelled | None = None,
    watch: Watch | None = None,
) -> ReferenceDistances:
    """Measure the nearest distances of `sample` states that `search` looks through, drawn without repeats.

    A state's own sentence is left out, as that of the state on show is not in training: it, and often
    the states beside it, would be nearer than anything else. Raises `search_cancelled`.
    """
    rows = len(search.rows)
    drawn = np.random.default_rng(seed).choice(rows, min(sample, rows), replace=False)
    found: list[float] = []
    done = 0
    for part in _parts(np.sort(drawn)):
        found += _nearest(search, part, cancelled)
        done += len(part)
        if watch is not None:
            watch(done, len(drawn))
    distances: NDArray[np.float64] = np.sort(np.array(found, np.float64))
    return ReferenceDistances(site, search.metric, search.kind, rows, sample, seed, distances)


def _parts(rows: Int64[np.ndarray, "n"]) -> Iterator[Int64[np.ndarray, "m"]]:
    for start in range(0, len(rows), _AT_ONCE):
        yield rows[start : start + _AT_ONCE]


def _nearest(search: Search, rows: Int64[np.ndarray, "m"], cancelled: Cancelled | None) -> Iterator[float]:
    """The distance from each row to the nearest of another sentence, where there is one."""
    go_on(cancelled)
    sentences = search.rows.labels.sentence
    vectors = search.rows.take(rows)
    finite = np.all(np.isfinite(vectors), axis=1)
    rows, vectors = rows[finite], vectors[finite]
    if not len(rows):
        return
    found = search.query(vectors, _NEAREST, cancelled=cancelled)
    for row, vector, near, distances in zip(rows, vectors, found.rows, found.distances, strict=True):
        own = int(sentences[row])
        others = distances[(near >= 0) & (sentences[near] != own)]
        if not len(others):
            where = Filter(without=frozenset({own}))
            others = search.query(vector, 1, where, cancelled).distances[0]
        if np.isfinite(others[0]):
            yield float(others[0])


def reference_of(
    store: StateStore,
    site: StateSite,
    search: Search,
    sample: int = SAMPLE,
    seed: int = 0,
    cancelled: Cancelled | None = None,
    watch: Watch | None = None,
) -> ReferenceDistances:
    """The measurement that is kept beside the index, or a new one, which is kept there from then on.

    What is kept counts only for the very states that it was measured on: an index that has grown is
    measured again. Where nothing can be written beside the index it is measured each time. Raises
    `search_cancelled`.
    """
    kept = kept_reference(store, site, search.metric, search.kind)
    if kept is not None and (kept.sample, kept.seed) == (sample, seed):
        return kept
    measured = reference_distances(search, site, sample, seed, cancelled, watch)
    record = _Record(
        states=_digest(store, site),
        rows=measured.rows,
        sample=sample,
        seed=seed,
        distances=tuple(measured.distances.tolist()),
    )
    try:
        store.place.write(_name(site, search.metric, search.kind), msgspec.json.encode(record))
    except OSError:
        return measured
    return measured


def kept_reference(
    store: StateStore, site: StateSite, metric: Metric, kind: Kind
) -> ReferenceDistances | None:
    """What was measured on the states that the index has now, or `None`. A damaged file is none."""
    try:
        record = msgspec.json.decode(store.place.read(_name(site, metric, kind)), type=_Record)
    except (OSError, ValueError):
        return None
    if record.states != _digest(store, site):
        return None
    distances = np.array(record.distances, np.float64)
    if not (np.isfinite(distances).all() and (np.diff(distances) >= 0).all()):
        return None
    return ReferenceDistances(site, metric, kind, record.rows, record.sample, record.seed, distances)


class _Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file: `states` is a hash of the hashes of all blocks of states that it was measured on."""

    states: str
    rows: int
    sample: int
    seed: int
    distances: tuple[float, ...]


def _name(site: StateSite, metric: Metric, kind: Kind) -> str:
    return f"reference-{site}-{metric}-{kind}.json"


def _digest(store: StateStore, site: StateSite) -> str:
    blocks = next(each.blocks for each in store.manifest.sites if each.site == str(site))
    return hashlib.sha256(repr(blocks).encode()).hexdigest()
