"""Exact search against brute force in exact arithmetic, and what it refuses."""

import threading

import numpy as np
import pytest
from brute_force import allowed_one_by_one, check_against_brute_force, filters, hard_vectors, labelled
from hypothesis import given, settings
from hypothesis import strategies as st

from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter, Labels
from s2sdap.neighbors.search.metrics import Approximation, Metric, distances
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.vocabulary.errors import S2sdapError


@settings(max_examples=120, deadline=None)
@given(
    vectors=hard_vectors(),
    metric=st.sampled_from(Metric),
    k=st.integers(0, 70),
    where=st.none() | filters(),
    seed=st.integers(0, 99),
)
def test_what_is_found_is_what_brute_force_finds(vectors, metric, k, where, seed):
    rows = labelled(vectors)
    draw = np.random.default_rng(seed)
    queries = draw.standard_normal((3, vectors.shape[1])).astype(np.float16)
    if len(vectors):
        chosen = vectors[draw.integers(0, len(vectors))]
        queries[0] = np.where(np.isfinite(chosen), chosen, 0)
    queries[1] = 0
    found = ExactSearch(rows, metric).query(queries, k, where)
    allowed = None if where is None else allowed_one_by_one(where, rows.labels)
    check_against_brute_force(found, metric, vectors, queries, k, allowed)
    assert found.exact


@settings(max_examples=40, deadline=None)
@given(
    metric=st.sampled_from(Metric),
    dimension=st.sampled_from([1, 3, 64, 257]),
    offset=st.sampled_from([0.0, 5.0, 500.0]),
    centred=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_rank_is_off_by_its_bound_at_most(metric, dimension, offset, centred, seed):
    draw = np.random.default_rng(seed)
    vectors = (offset + draw.standard_normal((200, dimension))).astype(np.float16)
    queries = (offset + draw.standard_normal((4, dimension))).astype(np.float16)
    queries[0] = vectors[0]
    block = vectors.astype(np.float32)
    centre = block.mean(axis=0) if centred and metric is Metric.L2 else None
    approximation = Approximation.of(metric, queries, centre)
    block = block if centre is None else block - centre
    squares = np.einsum("nd,nd->n", block, block)
    ranks, errors = approximation.ranks(block, squares), approximation.error(float(np.sqrt(squares.max())))
    for at, query in enumerate(queries):
        true = distances(metric, vectors, query)
        true_ranks = np.array([approximation.rank_of(float(each)) for each in true])
        assert (np.abs(ranks[:, at] - true_ranks) <= errors[at]).all()


@pytest.mark.parametrize("metric", Metric)
def test_many_blocks_and_many_queries_are_as_one_float64_pass(metric):
    """Large enough for several blocks and groups of queries, with many duplicates across them."""
    draw = np.random.default_rng(3)
    vectors = draw.standard_normal((9_000, 300)).astype(np.float16)
    vectors[draw.integers(0, 9_000, 4_000)] = vectors[draw.integers(0, 50, 4_000)]
    queries = np.concatenate([vectors[:90], draw.standard_normal((60, 300)).astype(np.float16)])
    found = ExactSearch(labelled(vectors), metric).query(queries, 120)
    for at, query in enumerate(queries):
        true = distances(metric, vectors, query)
        order = np.lexsort((np.arange(len(true)), true))[:120]
        np.testing.assert_array_equal(found.rows[at], order)
        np.testing.assert_array_equal(found.distances[at], true[order])


def test_states_far_from_the_origin_are_told_apart_as_fast_as_others():
    """Few are left open by the bound, so few are measured again; what is found is right all the same."""
    draw = np.random.default_rng(11)
    vectors = draw.standard_normal((5_000, 64))
    vectors[:, 7] += 3_000
    vectors = vectors.astype(np.float16)
    search = ExactSearch(labelled(vectors), Metric.L2)
    found = search.query(vectors[:40], 10)
    for at in range(40):
        true = distances(Metric.L2, vectors, vectors[at])
        order = np.lexsort((np.arange(5_000), true))[:10]
        np.testing.assert_array_equal(found.rows[at], order)
        np.testing.assert_array_equal(found.distances[at], true[order])
    block = vectors.astype(np.float32)
    bounds = []
    for centre in (None, block.mean(axis=0)):
        placed = block if centre is None else block - centre
        longest = float(np.sqrt(np.square(placed).sum(axis=1).max()))
        bounds.append(Approximation.of(Metric.L2, vectors[:40], centre).error(longest).max())
    assert bounds[0] > 100
    assert bounds[1] < 1e-2


@pytest.mark.parametrize("metric", Metric)
def test_a_distance_does_not_depend_on_its_company(metric):
    draw = np.random.default_rng(4)
    vectors, query = draw.standard_normal((130, 97)).astype(np.float16), draw.standard_normal(97)
    query = query.astype(np.float16)
    together = distances(metric, vectors, query)
    for count in (1, 2, 3, 64):
        alone = [distances(metric, vectors[i : i + count], query)[0] for i in range(130)]
        np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("metric", [Metric.L2, Metric.COSINE])
def test_a_state_finds_itself_at_exactly_zero(metric):
    """Also when it is asked with more bits than the index keeps of it."""
    states = np.random.default_rng(5).standard_normal((500, 40)).astype(np.float32)
    states[7] = 0
    found = ExactSearch(labelled(states.astype(np.float16)), metric).query(states, 1)
    np.testing.assert_array_equal(found.rows[:, 0], np.arange(500))
    np.testing.assert_array_equal(found.distances[:, 0], 0)


def test_a_zero_vector_under_cosine():
    vectors = np.array([[1, 0], [0, 0], [-2, 0], [0, 0]], np.float16)
    search = ExactSearch(labelled(vectors), Metric.COSINE)
    of_zero, of_other = search.query(np.zeros(2), 4), search.query(np.array([3.0, 0.0]), 4)
    assert (of_zero.rows.tolist(), of_zero.distances.tolist()) == ([[1, 3, 0, 2]], [[0, 0, 1, 1]])
    assert (of_other.rows.tolist(), of_other.distances.tolist()) == ([[0, 1, 3, 2]], [[0, 1, 1, 2]])


@pytest.mark.parametrize("count", [0, 1, 40, 3_000, 5_999, 6_000])
def test_among_some_rows(count):
    """Few are fetched, many are picked out of what is read."""
    draw = np.random.default_rng(6)
    vectors = draw.standard_normal((6_000, 200)).astype(np.float16)
    among = np.sort(draw.choice(6_000, count, replace=False))
    (nearest,) = ExactSearch(labelled(vectors), Metric.L2).nearest(vectors[:1], 3, among)
    true = distances(Metric.L2, vectors[among], vectors[0])
    order = np.argsort(true, kind="stable")[:3]
    assert nearest.rows.tolist() == among[order].tolist()
    assert nearest.distances.tolist() == true[order].tolist()


def test_a_read_only_memory_map_is_searched(tmp_path):
    vectors = np.random.default_rng(8).standard_normal((700, 32)).astype(np.float16)
    np.save(tmp_path / "vectors.npy", vectors)
    mapped = np.load(tmp_path / "vectors.npy", mmap_mode="r")
    found = ExactSearch(MemoryRows(mapped, labelled(vectors).labels), Metric.L2).query(vectors[:9], 2)
    assert found.rows[:, 0].tolist() == list(range(9))


def test_threads_find_what_one_finds():
    vectors = np.random.default_rng(9).standard_normal((20_000, 64)).astype(np.float16)
    alone = ExactSearch(labelled(vectors), Metric.L2).query(vectors[:64], 5)
    search, found = ExactSearch(labelled(vectors), Metric.L2), {}

    def ask(part):
        found[part] = search.query(vectors[part * 8 : part * 8 + 8], 5)

    threads = [threading.Thread(target=ask, args=(part,)) for part in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for part in range(8):
        np.testing.assert_array_equal(found[part].rows, alone.rows[part * 8 : part * 8 + 8])
        np.testing.assert_array_equal(found[part].distances, alone.distances[part * 8 : part * 8 + 8])


def test_a_search_is_cancelled_between_blocks():
    vectors = np.random.default_rng(10).standard_normal((30_000, 64)).astype(np.float16)
    asked = []

    def cancelled():
        asked.append(1)
        return len(asked) == 2

    with pytest.raises(S2sdapError, match="S2S4536"):
        ExactSearch(labelled(vectors), Metric.L2).query(vectors[0], 5, cancelled=cancelled)
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("query", "k", "number"),
    [
        (np.zeros(4), 3, 4530),
        (np.zeros((2, 4)), 3, 4530),
        (np.zeros((1, 1, 3)), 3, 4530),
        (np.array([0, np.nan, 0]), 3, 4531),
        (np.array([0, 0, np.inf]), 3, 4531),
        (np.array([0, 1e6, 0], np.float32), 3, 4531),
        (np.zeros(3), -1, 4532),
    ],
)
def test_a_query_that_cannot_be_answered_is_refused(query, k, number):
    search = ExactSearch(labelled(np.ones((5, 3), np.float16)), Metric.L2)
    with pytest.raises(S2sdapError, match=f"S2S{number}"):
        search.query(query, k)


def test_states_of_the_source_are_neither_right_nor_wrong():
    unpredicted = np.full(4, -1)
    rows = MemoryRows(np.ones((4, 2), np.float16), Labels(np.arange(4), np.arange(4), unpredicted))
    with pytest.raises(S2sdapError, match="S2S4533"):
        ExactSearch(rows, Metric.L2).query(np.ones(2), 2, Filter(right=False))
