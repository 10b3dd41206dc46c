"""What neighbours say together, against a computation one by one."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from s2sdap.neighbors.reference import ReferenceDistances
from s2sdap.neighbors.search import Kind, Metric
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.summary import summarise
from s2sdap.vocabulary.errors import S2sdapError

SITE = StateSite("decoder.state")
neighbours = st.lists(
    st.tuples(st.floats(0, 50), st.integers(0, 4), st.integers(0, 4), st.booleans()), max_size=25
)


def reference(*distances):
    return ReferenceDistances(SITE, Metric.L2, Kind.EXACT, 100, 9, 0, np.sort(np.array(distances, float)))


def columns(rows):
    distances = np.array([row[0] if row[3] else math.inf for row in rows], dtype=np.float64)
    tokens = np.array([row[1] for row in rows], dtype=np.int64)
    predicted = np.array([row[2] for row in rows], dtype=np.int64)
    return distances, tokens, predicted


@settings(max_examples=200, deadline=None)
@given(neighbours, st.floats(0.1, 1000), st.sampled_from([Metric.L2, Metric.COSINE]), st.integers(0, 4))
def test_a_summary_is_what_counting_one_by_one_gives(rows, temperature, metric, chosen):
    model = np.arange(5) / 10
    found = summarise(
        *columns(rows), metric=metric, probabilities=model, chosen=chosen, temperature=temperature
    )
    there = [(distance, token, predicted) for distance, token, predicted, kept in rows if kept]
    assert found.found == len(there)
    assert found.temperature == temperature
    if not there:
        assert (found.tokens, found.purity, found.agreement, found.right, found.nearest) == (
            (),
            None,
            None,
            None,
            None,
        )
        return
    weights, counts = Counter(), Counter()
    least = min(distance**2 if metric is Metric.L2 else distance for distance, _, _ in there)
    for distance, token, _ in there:
        energy = distance**2 if metric is Metric.L2 else distance
        weights[token] += math.exp(-(energy - least) / temperature)
        counts[token] += 1
    whole = sum(weights.values())
    assert {share.token: share.count for share in found.tokens} == dict(counts)
    for share in found.tokens:
        assert share.probability == pytest.approx(weights[share.token] / whole, rel=1e-9, abs=1e-300)
        assert share.model == model[share.token]
    order = [(-share.probability, share.token) for share in found.tokens]
    assert order == sorted(order)
    assert sum(share.probability for share in found.tokens) == pytest.approx(1.0)
    assert found.purity == max(counts.values()) / len(there)
    assert found.agreement == counts[chosen] / len(there)
    assert found.right == sum(token == predicted for _, token, predicted in there)
    assert found.nearest == min(distance for distance, _, _ in there)


def test_without_a_temperature_the_scale_of_the_states_does_not_matter():
    distances, tokens = np.array([1.0, 2.0, 3.0]), np.array([7, 8, 7])
    near, far = (summarise(distances * scale, tokens, tokens, metric=Metric.L2) for scale in (1, 1000))
    assert near.temperature == 4.0
    assert far.temperature == 4e6
    assert [share.probability for share in far.tokens] == pytest.approx(
        [share.probability for share in near.tokens]
    )


def test_neighbours_that_are_the_state_itself_count_alike():
    tokens = np.array([2, 2, 1, 0])
    found = summarise(np.zeros(4), tokens, tokens, metric=Metric.L2)
    assert [(share.token, share.probability) for share in found.tokens] == [(2, 0.5), (0, 0.25), (1, 0.25)]


def test_energies_below_0_as_of_inner_products_are_fine():
    found = summarise(
        np.array([-900.0, -100.0]),
        np.array([3, 5]),
        np.array([3, 3]),
        metric=Metric.INNER_PRODUCT,
        temperature=1.0,
    )
    assert [share.token for share in found.tokens] == [3, 5]
    assert found.tokens[0].probability == 1.0
    assert found.nearest == -900.0


def test_source_states_are_right_about_nothing():
    found = summarise(np.array([1.0]), np.array([3]), np.array([-1]), metric=Metric.L2)
    assert found.right is None
    assert found.agreement is None
    assert found.tokens[0].model is None


def test_the_percentile_says_how_many_training_states_have_their_nearest_less_far():
    sample = reference(1, 2, 2, 3)
    assert [sample.percentile(distance) for distance in (0.5, 1.0, 2.0, 2.5, 9.0)] == [0, 12.5, 50, 75, 100]
    assert reference().percentile(1.0) is None
    tokens = np.array([3, 3])
    found = summarise(np.array([2.5, 9.0]), tokens, tokens, metric=Metric.L2, reference=sample)
    assert found.percentile == 75.0
    none = summarise(np.array([math.inf]), tokens[:1], tokens[:1], metric=Metric.L2, reference=sample)
    assert none.percentile is None


@pytest.mark.parametrize("temperature", [0.0, -1.0, math.nan])
def test_a_temperature_that_is_not_above_0_is_refused(temperature):
    tokens = np.array([3])
    with pytest.raises(S2sdapError, match="S2S4543"):
        summarise(np.array([1.0]), tokens, tokens, metric=Metric.L2, temperature=temperature)
