"""Search in Lance's lists: against brute force, with filters, and after rows were added."""

import numpy as np
import pytest
from brute_force import allowed_one_by_one
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_indexes import DECODER, random_states, written

from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.ivf import IvfSearch, Probes, build_lists, lists_metric
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.search.tuning import tune
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import writing
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(300)
ALL = Probes(64, 8)


def clustered(rows, dimension, seed=0):
    """Duplicates within and across commits, a zero vector and one that is not finite."""
    states = random_states(rows, dimension, seed, sentences=rows // 10 + 1)
    draw = np.random.default_rng(seed)
    centres = 2 * draw.standard_normal((8, dimension))
    states.vectors[:] = (centres[draw.integers(0, 8, rows)] + 0.5 * states.vectors).astype(np.float16)
    states.vectors[draw.integers(0, rows, rows // 10)] = states.vectors[0]
    states.vectors[rows // 2] = 0
    states.vectors[rows // 3, 0] = np.nan
    states.token[:] %= 5
    states.predicted[:] %= 5
    return states


@pytest.fixture(scope="module")
def indexes(tmp_path_factory):
    """An index a metric: three commits of 700 states, with lists over the first two."""
    found = {}
    for metric in Metric:
        path = tmp_path_factory.mktemp("lists") / "index"
        written(path, [{DECODER: clustered(700, 24, seed)} for seed in (0, 1)])
        with writing(StateStore.open(path).place) as writer:
            build_lists(writer.dataset(DECODER), metric)
            writer.adopt(DECODER)
            writer.add({DECODER: clustered(700, 24, 2)})
            writer.commit()
        found[metric] = StoreRows(StateStore.open(path), DECODER)
    return found


@pytest.fixture(scope="module")
def rows(indexes):
    return indexes[Metric.L2]


def searching(rows, metric, probes=ALL):
    return IvfSearch(ExactSearch(rows, metric), rows, probes)


@pytest.mark.parametrize("metric", Metric)
def test_lance_searches_in_the_lists(indexes, metric, capfd):
    """Where it does not, it goes through all rows, and says so."""
    rows = indexes[metric]
    assert lists_metric(rows.store.dataset(DECODER)) is metric
    searching(rows, metric).query(rows.take(np.array([5])), 3)
    assert "brute-force" not in capfd.readouterr().err


def test_there_is_one_set_of_lists_which_another_replaces(tmp_path):
    written(tmp_path / "index", [{DECODER: clustered(700, 24)}])
    place = StateStore.open(tmp_path / "index").place
    assert lists_metric(StateStore.open(place).dataset(DECODER)) is None
    for metric in Metric:
        with writing(place) as writer:
            build_lists(writer.dataset(DECODER), metric)
            writer.adopt(DECODER)
        dataset = StateStore.open(place).dataset(DECODER)
        assert lists_metric(dataset) is metric
        assert len(dataset.describe_indices()) == 1


def test_rows_added_since_are_put_into_the_lists_there_are_unless_they_are_most(tmp_path):
    written(tmp_path / "index", [{DECODER: clustered(600, 24)}])
    place = StateStore.open(tmp_path / "index").place

    def held():
        return [each.num_rows_indexed for each in StateStore.open(place).dataset(DECODER).describe_indices()]

    def add(count):
        with writing(place) as writer:
            writer.add({DECODER: clustered(count, 24, count)})
            writer.commit()

    told = []
    tune(StateStore.open(place), DECODER, kind="ivf", k=5, progress=told.append)
    assert held() == [600]
    add(300)
    assert held() == [600]
    built = [each for each in told if each.startswith("building lists")]
    tune(StateStore.open(place), DECODER, kind="ivf", k=5, progress=told.append)
    assert held() == [900]
    assert [each for each in told if each.startswith("building lists")] == built
    add(2_000)
    tune(StateStore.open(place), DECODER, kind="ivf", k=5, progress=told.append)
    assert held() == [2_900]
    assert told.count("building lists over 2,900 states") == 1


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    metric=st.sampled_from(Metric),
    k=st.integers(1, 60),
    sentences=st.none() | st.tuples(st.integers(0, 60), st.integers(0, 70)),
    token=st.none() | st.integers(0, 5),
    right=st.none() | st.booleans(),
    without=st.frozensets(st.integers(0, 70), max_size=4),
    seed=st.integers(0, 99),
)
def test_what_is_found_is_what_brute_force_finds(indexes, metric, k, sentences, token, right, without, seed):
    rows, where = indexes[metric], Filter(token, right, sentences, without)
    draw = np.random.default_rng(seed)
    queries = draw.standard_normal((3, 24)).astype(np.float16)
    queries[0] = rows.take(np.array([1_600]))[0]
    search = searching(rows, metric)
    found, exact = search.query(queries, k, where), search.exact.query(queries, k, where)
    allowed = allowed_one_by_one(where, rows.labels)
    np.testing.assert_array_equal(found.rows >= 0, exact.rows >= 0)
    for at, query in enumerate(queries):
        there = found.rows[at][found.rows[at] >= 0]
        assert allowed[there].all()
        assert len(set(there.tolist())) == len(there)
        np.testing.assert_array_equal(
            found.distances[at][: len(there)], distances(metric, rows.take(there), query)
        )
        farthest = exact.distances[at][: len(there)].max(initial=0)
        missed = (found.distances[at][: len(there)] > farthest).sum()
        assert missed <= max(1, 0.05 * len(there))  # where few are asked for, one is more than a twentieth


def test_a_state_finds_itself_and_rows_added_since_are_found_at_once(rows):
    search = searching(rows, Metric.L2)
    asked = np.array([3, 699, 700, 1_399, 1_400, 2_099])
    found = search.query(rows.take(asked), 1)
    assert found.distances[:, 0].tolist() == [0] * 6
    assert not found.exact
    vectors = rows.in_memory().vectors
    for row, query in zip(found.rows[:, 0].tolist(), asked.tolist(), strict=True):
        np.testing.assert_array_equal(vectors[row], vectors[query])


def test_a_zero_query_under_the_cosine_is_answered_by_its_definition(indexes):
    found = searching(indexes[Metric.COSINE], Metric.COSINE).query(np.zeros(24), 4)
    assert found.exact
    assert found.rows[0, :3].tolist() == [350, 1_050, 1_750]
    assert found.distances.tolist() == [[0, 0, 0, 1]]


def test_more_neighbours_than_states(rows):
    found = searching(rows, Metric.L2).query(np.ones(24), 2_500)
    assert (found.rows >= 0).sum() == 2_097
    assert (found.rows[0, 2_097:] == -1).all()


def test_a_search_is_cancelled_between_queries(rows):
    with pytest.raises(S2sdapError, match="S2S4536"):
        searching(rows, Metric.L2).query(np.ones(24), 3, cancelled=lambda: True)
