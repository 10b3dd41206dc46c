"""Search along pynndescent's graph: against brute force, with rows that came later, and from its file.

Building compiles half a minute of code in each process, so all that builds is in this file; the index with a
graph that other files look at is built here too.
"""

import threading
from itertools import pairwise

import numpy as np
import pytest
from brute_force import allowed_one_by_one, check_against_brute_force, filters, labelled
from hypothesis import given, settings
from hypothesis import strategies as st
from tuned_indexes import tuned_index

from s2sdap.neighbors.search.descent import DescentSearch, Effort
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter, Labels
from s2sdap.neighbors.search.graph import build_graph, grouped
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.search.recall import drawn, recall, truth
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(900)  # half a minute of compiling, on a machine that may be busy
HARD = Effort(64, 0.5)
NONE = np.empty(0, np.int64)


@pytest.fixture(autouse=True, scope="module")
def for_the_others(tmp_path_factory, date_index):
    """The index that other files share: another process would compile all that for it again."""
    tuned_index(tmp_path_factory, date_index.path)


def clustered(count, dimension, seed=0, clusters=10):
    """Clusters with nothing between them, many duplicates, a zero vector and one that is not finite."""
    draw = np.random.default_rng(seed)
    centres = 2 * draw.standard_normal((clusters, dimension))
    vectors = centres[draw.integers(0, clusters, count)] + 0.4 * draw.standard_normal((count, dimension))
    vectors = vectors.astype(np.float16)
    vectors[draw.integers(0, count, count // 5)] = vectors[draw.integers(0, count // 50 + 1, count // 5)]
    vectors[count // 2] = 0
    vectors[count // 3, 0] = np.nan
    return vectors


def searching(rows, metric, held_out=NONE, effort=HARD):
    """Without the short cut by which few states are all looked at."""
    return DescentSearch(
        ExactSearch(rows, metric), build_graph(rows, metric, held_out=held_out), effort, few=0
    )


def share(found, exact):
    """How much of what is nearest was found; among equally near ones any will do."""
    farthest = np.where(np.isfinite(exact.distances), exact.distances, -np.inf).max(axis=1)
    return (found.distances <= farthest[:, None]).sum() / np.isfinite(exact.distances).sum()


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    count=st.integers(150, 700),
    dimension=st.integers(2, 24),
    metric=st.sampled_from(Metric),
    k=st.integers(1, 40),
    where=st.none() | filters(),
    seed=st.integers(0, 99),
)
def test_what_is_found_is_what_brute_force_finds(count, dimension, metric, k, where, seed):
    rows = labelled(clustered(count, dimension, seed))
    draw = np.random.default_rng(seed)
    finite = np.flatnonzero(np.isfinite(rows.vectors).all(axis=1))
    queries = np.concatenate(
        [rows.vectors[draw.choice(finite, 20)], draw.standard_normal((20, dimension)).astype(np.float16)]
    )
    search = searching(rows, metric)
    found, exact = search.query(queries, k, where), search.exact.query(queries, k, where)
    allowed = np.ones(count, bool) if where is None else allowed_one_by_one(where, rows.labels)
    np.testing.assert_array_equal(found.rows >= 0, exact.rows >= 0)
    for at, query in enumerate(queries):
        there = found.rows[at][found.rows[at] >= 0]
        assert allowed[there].all()
        assert len(set(there.tolist())) == len(there)
        # The distances are the true ones to the bit, and in order.
        true = distances(metric, rows.vectors[there], query)
        np.testing.assert_array_equal(found.distances[at][: len(there)], true)
        assert list(zip(true, there, strict=True)) == sorted(zip(true, there, strict=True))
    if (exact.rows >= 0).any():
        assert share(found, exact) >= 0.97
    if found.exact:
        np.testing.assert_array_equal(found.rows, exact.rows)


@pytest.mark.parametrize("metric", Metric)
@pytest.mark.parametrize("count", [0, 1, 2, 119])
def test_a_few_states_are_all_looked_at(count, metric):
    vectors = np.random.default_rng(count).standard_normal((count, 6)).astype(np.float16)
    search = searching(labelled(vectors), metric)
    queries = np.random.default_rng(1).standard_normal((3, 6)).astype(np.float16)
    found = search.query(queries, 5)
    check_against_brute_force(found, metric, vectors, queries, 5)
    assert found.exact


@pytest.fixture(scope="module")
def built():
    """A graph over the first 3,000 of 3,400 rows."""
    rows = labelled(clustered(3_400, 20))
    labels = Labels(
        *(each[:3_000] for each in (rows.labels.sentence, rows.labels.token, rows.labels.predicted))
    )
    first = MemoryRows(rows.vectors[:3_000], labels)
    return rows, build_graph(first, Metric.L2, held_out=np.arange(50))


def test_a_state_finds_itself(built):
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    finite = np.flatnonzero(np.isfinite(rows.vectors).all(axis=1))
    found = search.query(rows.vectors[finite], 1)
    assert (found.distances == 0).mean() > 0.999
    there = found.distances[:, 0] == 0
    # Of equal states the lowest row comes first.
    first = np.array(
        [np.flatnonzero((rows.vectors == vector).all(axis=1))[0] for vector in rows.vectors[finite]]
    )
    np.testing.assert_array_equal(found.rows[there, 0], first[there])
    assert not found.exact


def test_rows_that_are_not_in_the_graph_are_found_for_certain(built):
    """Those held out, and those that came after it was built."""
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, Effort(1, 0.1), few=0)
    assert set(range(3_000, 3_400)) | set(range(50)) == set(search.loose.tolist())
    for row in (*range(50), *range(3_000, 3_400)):
        equal = np.flatnonzero((rows.vectors == rows.vectors[row]).all(axis=1))
        found = search.query(rows.vectors[row], len(equal))
        assert row in found.rows, "found at once, whatever the graph finds"
    assert "exactly over 450 more" in found.how


def test_a_filter_that_leaves_little_is_answered_exactly(built):
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    where = Filter(sentences=(3, 9), token=1)
    found, exact = search.query(rows.vectors[:20], 8, where), search.exact.query(rows.vectors[:20], 8, where)
    assert found.exact
    np.testing.assert_array_equal(found.rows, exact.rows)


def test_leaving_out_the_sentence_on_show_stays_on_the_graph(built):
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    sentence = int(rows.labels.sentence[100])
    where = Filter(without=frozenset([sentence]))
    found, exact = (
        search.query(rows.vectors[100], 10, where),
        search.exact.query(rows.vectors[100], 10, where),
    )
    assert not found.exact
    assert not np.isin(found.rows, np.flatnonzero(rows.labels.sentence == sentence)).any()
    np.testing.assert_array_equal(found.distances, exact.distances)


def test_more_than_the_graph_can_tell_is_answered_exactly(built):
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    found = search.query(rows.vectors[0], 5_000)
    assert found.exact
    assert (found.rows >= 0).sum() == np.isfinite(rows.vectors).all(axis=1).sum()


def test_the_same_query_finds_the_same_whatever_was_asked_before_and_by_whom(built):
    rows, graph = built
    queries = np.random.default_rng(5).standard_normal((80, 20)).astype(np.float16)
    alone = [
        DescentSearch(ExactSearch(rows, Metric.L2), graph, Effort(4, 0.1), few=0).query(q, 10).rows
        for q in queries[:5]
    ]
    search, found = DescentSearch(ExactSearch(rows, Metric.L2), graph, Effort(4, 0.1), few=0), {}

    def ask(part):
        found[part] = search.query(queries[part::8], 10)

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    together = search.query(queries, 10)
    for part in range(8):
        np.testing.assert_array_equal(found[part].rows, together.rows[part::8])
    np.testing.assert_array_equal(np.concatenate(alone), together.rows[:5])


def test_a_search_is_cancelled_between_queries(built):
    rows, graph = built
    search = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) == 4

    with pytest.raises(S2sdapError, match="S2S4536"):
        search.query(rows.vectors[:9], 5, cancelled=cancelled)


def test_searching_harder_finds_as_a_search_that_begins_so(built):
    rows, graph = built
    begun = DescentSearch(ExactSearch(rows, Metric.L2), graph, HARD, few=0)
    changed = DescentSearch(ExactSearch(rows, Metric.L2), graph, Effort(1, 0.1), few=0)
    changed.search_with(HARD)
    queries = np.random.default_rng(6).standard_normal((30, 20)).astype(np.float16)
    np.testing.assert_array_equal(changed.query(queries, 20).rows, begun.query(queries, 20).rows)


def test_recall_counts_what_was_found_of_what_is_nearest(built):
    """Against its definition, for a search that finds nothing, half, or all of it."""
    rows, graph = built
    exact = ExactSearch(rows, Metric.L2)
    queries = drawn(rows, 3_000, seed=1)
    known = truth(exact, queries, 10)
    assert len(queries) in {149, 150}
    assert recall(exact.query, known) == 1
    half = ExactSearch(
        MemoryRows(
            np.where(np.arange(3_400)[:, None] % 2, np.nan, rows.vectors).astype(np.float16), rows.labels
        ),
        Metric.L2,
    )
    counted = []
    for query, row in zip(known.vectors, queries, strict=True):
        true = distances(Metric.L2, rows.vectors, query)
        true[row] = np.inf
        true[~np.isfinite(true)] = np.inf
        farthest = np.sort(true)[9]
        counted.append(min(10, (true[::2] <= farthest).sum()) / 10)
    assert recall(half.query, known) == pytest.approx(np.mean(counted), abs=1e-12)
    nothing = ExactSearch(MemoryRows(np.full_like(rows.vectors, np.nan), rows.labels), Metric.L2)
    assert recall(nothing.query, known) == 0
    assert recall(DescentSearch(exact, graph, HARD, few=0).query, known) >= 0.99


def test_equal_rows_are_one_group_lowest_first():
    vectors = np.random.default_rng(0).integers(0, 3, (400, 3)).astype(np.float16)
    kept = np.flatnonzero(np.arange(400) % 7)
    order, firsts = grouped(vectors, kept)
    groups = [order[a:b].tolist() for a, b in pairwise(firsts)]
    expected = {}
    for row in kept.tolist():
        expected.setdefault(vectors[row].tobytes(), []).append(row)
    assert sorted(groups) == sorted(expected.values())
