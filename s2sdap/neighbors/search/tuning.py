"""Building what makes a search fast, and measuring how much of what is nearest it then finds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from s2sdap.neighbors.manifest import Recall
from s2sdap.neighbors.search.built import graph_name, load, measured, seed_of, settings, states_digest
from s2sdap.neighbors.search.choice import Choice, Kind, Size, to_build
from s2sdap.neighbors.search.descent import EFFORTS, DescentSearch, Effort
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.graph import Progress, build_graph
from s2sdap.neighbors.search.graph_file import encoded
from s2sdap.neighbors.search.ivf import (
    FEWEST,
    PROBES,
    IvfSearch,
    Probes,
    build_lists,
    extend_lists,
    lists_metric,
)
from s2sdap.neighbors.search.memory import available_bytes
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.recall import Query, Truth, drawn, recall, truth
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import unwritable, writing
from s2sdap.vocabulary.errors import S2sdapError

K: Final = 50
"""Neighbours that recall is measured for."""
TARGET: Final = 0.995
"""The recall that is searched for as fast as can be."""

ListBuilding = Callable[[Any, Metric], None]
"""Makes lists over a dataset, as `build_lists` does."""

HowHard = TypeVar("HowHard", Effort, Probes)


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was built and why, and its recall; None where exact search is quick enough to need nothing."""

    kind: Kind
    why: str
    measured: Recall | None


def tune(
    store: StateStore,
    site: StateSite,
    *,
    metric: str = "l2",
    kind: str | None = None,
    k: int = K,
    target: float = TARGET,
    seed: int = 0,
    progress: Progress | None = None,
    lists: ListBuilding = build_lists,
) -> Tuned:
    """Build what makes the search of a site fast, and keep it and its recall with the index.

    Without `kind` what suits the number of states and the memory here. It is then searched as hard as it
    takes to find `target` of the true `k` nearest, or as hard as it can be. `lists` is what builds lists.

    Raises:
        S2sdapError: `search_unknown`, `search_not_built`, `index_no_site`, `index_damaged`, `index_busy`,
            `index_unwritable`, `neighbors_missing`.
    """
    measure, wanted = Metric.named(metric), None if kind is None else Kind.named(kind)
    rows = StoreRows(store, site)
    size = Size(len(rows), rows.dimension, available_bytes())
    choice = to_build(size)
    if wanted is not None and wanted is not choice.kind:
        if wanted is Kind.PYNNDESCENT and not size.graph_can_be_built:
            raise S2sdapError("search_not_built", kind=wanted, reason=choice.why)
        choice = Choice(wanted, "it was asked for")
    tell = progress or (lambda _: None)
    if choice.kind is Kind.EXACT:
        return Tuned(choice.kind, choice.why, None)
    if choice.kind is Kind.IVF:
        found = _tune_lists(rows, measure, k, target, seed, tell, lists)
    else:
        found = _tune_graph(rows, measure, k, target, seed, tell)
    return Tuned(choice.kind, choice.why, found)


def remeasured(
    store: StateStore, site: StateSite, kind: Kind, metric: Metric, progress: Progress | None = None
) -> Recall:
    """The recall of what is built, measured again on the same states, among those that were there then.

    Raises `search_not_built`.
    """
    rows = StoreRows(store, site)
    before = measured(rows, kind, metric)
    if before is None:
        raise S2sdapError("search_not_built", kind=kind, reason="it is not built")
    exact = ExactSearch(rows.in_memory() if kind is Kind.PYNNDESCENT else rows, metric)
    try:
        search = load(rows, kind, exact, progress, few=0)
    except (ValueError, OSError) as error:
        raise S2sdapError("search_not_built", kind=kind, reason=error) from None
    known = truth(exact, drawn(exact.rows, before.rows, seed_of(before)), before.k)
    return msgspec.structs.replace(before, recall=recall(search.query, known))


def _tune_graph(rows: StoreRows, metric: Metric, k: int, target: float, seed: int, tell: Progress) -> Recall:
    tell(f"reading {len(rows):,} states")
    held = rows.in_memory()
    exact = ExactSearch(held, metric)
    queries = drawn(held, len(rows), seed)
    graph = build_graph(held, metric, held_out=queries, seed=seed, progress=tell)
    tell(f"searching exactly for {len(queries)} states that the graph does not have")
    known = truth(exact, queries, k)
    search = DescentSearch(exact, graph, EFFORTS[0], few=0)
    effort, share = _enough(EFFORTS, search.search_with, search.query, known, target, tell)
    found = _recall(rows, Kind.PYNNDESCENT, metric, known, share, settings(effort, seed))
    data = encoded(graph, states_digest(rows, len(rows)) or "")
    place = rows.store.place
    with writing(place) as writer:
        with unwritable(place):
            place.write(graph_name(rows, metric), data)
        writer.note_recall(found)
    return found


def _tune_lists(
    rows: StoreRows,
    metric: Metric,
    k: int,
    target: float,
    seed: int,
    tell: Progress,
    build: ListBuilding,
) -> Recall:
    if len(rows) < FEWEST:
        reason = f"lists are made for {FEWEST:,} states or more, and there are {len(rows):,}"
        raise S2sdapError("search_not_built", kind=Kind.IVF, reason=reason)
    place = rows.store.place
    with writing(place) as writer:
        with unwritable(place):
            dataset = writer.dataset(rows.site)
            if lists_metric(dataset) is not metric or not extend_lists(dataset):
                tell(f"building lists over {len(rows):,} states")
                build(dataset, metric)
        writer.adopt(rows.site)
    rows = StoreRows(StateStore.open(place), rows.site)
    exact = ExactSearch(rows, metric)
    queries = drawn(rows, len(rows), seed)
    tell(f"searching exactly for {len(queries)} of the states")
    known = truth(exact, queries, k)
    search = IvfSearch(exact, rows, PROBES[0])
    probes, share = _enough(PROBES, search.search_with, search.query, known, target, tell)
    found = _recall(rows, Kind.IVF, metric, known, share, settings(probes, seed))
    with writing(place) as writer:
        writer.note_recall(found)
    return found


def _enough(
    efforts: Sequence[HowHard],
    search_with: Callable[[HowHard], None],
    query: Query,
    known: Truth,
    target: float,
    tell: Progress,
) -> tuple[HowHard, float]:
    """The first of these efforts that finds as much as is wanted, or the last, and how much it finds."""
    for effort in efforts:
        search_with(effort)
        share = recall(query, known)
        tell(f"{effort}: finds {share:.4f} of the nearest {known.distances.shape[1]}")
        if share >= target:
            break
    return effort, share


def _recall(rows: StoreRows, kind: Kind, metric: Metric, known: Truth, share: float, settings: str) -> Recall:
    return Recall(
        site=str(rows.site),
        kind=kind,
        metric=metric,
        k=known.distances.shape[1],
        recall=share,
        queries=len(known.drawn),
        rows=len(rows),
        settings=settings,
    )
