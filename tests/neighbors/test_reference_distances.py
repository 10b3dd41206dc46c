"""How far training states are from their nearest of other sentences, measured and kept."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_indexes import DECODER, LAYER, random_states, some_sentences, written

from s2sdap.neighbors.columns import joined
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.reference import kept_reference, reference_distances, reference_of
from s2sdap.neighbors.search import Kind, Metric, open_search
from s2sdap.neighbors.search.metrics import distances
from s2sdap.neighbors.search.opening import search_rows
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import writing
from s2sdap.vocabulary.errors import S2sdapError


def one_by_one(states, metric):
    """The nearest distance of every finite state to one of another sentence, where there is one."""
    found = []
    for vector, sentence in zip(states.vectors, states.sentence, strict=True):
        others = states.vectors[states.sentence != sentence]
        others = others[np.isfinite(others).all(axis=1)]
        if np.isfinite(vector).all() and len(others):
            found.append(distances(metric, others, vector).min())
    return np.sort(np.array(found))


@settings(max_examples=40, deadline=None)
@given(
    rows=st.integers(0, 90),
    sentences=st.integers(1, 5),
    metric=st.sampled_from(Metric),
    seed=st.integers(0, 99),
    broken=st.booleans(),
)
def test_all_states_are_as_far_as_brute_force_finds_them(rows, sentences, metric, seed, broken):
    """With few long sentences too: a state's sixteen nearest are then all of its own."""
    states = random_states(rows, 4, seed, sentences)
    states.vectors[:] = states.vectors * 0.1 + states.sentence[:, None]
    if broken and rows:
        states.vectors[rows // 2, 1] = np.nan
    search = search_rows(MemoryRows.of(states), metric=metric)
    found = reference_distances(search, DECODER, sample=500, seed=seed)
    np.testing.assert_array_equal(found.distances, one_by_one(states, metric))
    assert (found.rows, found.metric, found.kind) == (rows, metric, Kind.EXACT)


def test_a_sample_is_drawn_without_repeats_and_by_its_seed():
    states = random_states(300, 6, sentences=40)
    search = search_rows(MemoryRows.of(states))
    whole = one_by_one(states, Metric.L2)
    first, again, other = (reference_distances(search, DECODER, 100, seed) for seed in (1, 1, 2))
    assert first.distances.tolist() == again.distances.tolist() != other.distances.tolist()
    assert len(first.distances) == 100
    assert Counter(first.distances.tolist()) <= Counter(whole.tolist())


def test_a_planted_stranger_is_farther_than_training_states_are():
    states = random_states(400, 6, sentences=80)
    reference = reference_distances(search_rows(MemoryRows.of(states)), DECODER)
    query = np.full(6, 9.0, np.float16)
    stranger = distances(Metric.L2, states.vectors, query).min()
    assert reference.percentile(float(stranger)) == 100.0
    assert 20 < reference.percentile(float(np.median(one_by_one(states, Metric.L2)))) < 80


def test_measuring_can_be_cancelled():
    search = search_rows(MemoryRows.of(random_states(200, 4)))
    with pytest.raises(S2sdapError, match=r"S2S\d+"):
        reference_distances(search, DECODER, cancelled=lambda: True)


def test_measuring_tells_how_far_it_is():
    heard = []
    search = search_rows(MemoryRows.of(random_states(200, 4)))
    reference_distances(search, DECODER, 150, watch=lambda *told: heard.append(told))
    assert heard == [(64, 150), (128, 150), (150, 150)]


def test_what_was_measured_is_kept_beside_the_index_until_the_states_change(tmp_path):
    path = tmp_path / "index"
    states = random_states(50, 4)
    written(path, [{DECODER: states, LAYER: random_states(50, 3)}], some_sentences(7))
    store = StateStore.open(path)
    search = open_search(store, DECODER)
    assert kept_reference(store, DECODER, Metric.L2, Kind.EXACT) is None
    measured = reference_of(store, DECODER, search)
    np.testing.assert_array_equal(measured.distances, one_by_one(states, Metric.L2))
    kept = kept_reference(StateStore.open(path), DECODER, Metric.L2, Kind.EXACT)
    assert kept.distances.tobytes() == measured.distances.tobytes()
    assert (kept.rows, kept.sample, kept.seed) == (measured.rows, measured.sample, measured.seed)
    assert kept_reference(store, LAYER, Metric.L2, Kind.EXACT) is None
    assert kept_reference(store, DECODER, Metric.COSINE, Kind.EXACT) is None

    more = random_states(30, 4, seed=9)
    with writing(Place.of(path)) as writer:
        writer.add({DECODER: more, LAYER: random_states(30, 3)})
        writer.commit()
    grown = StateStore.open(path)
    assert kept_reference(grown, DECODER, Metric.L2, Kind.EXACT) is None
    again = reference_of(grown, DECODER, open_search(grown, DECODER))
    np.testing.assert_array_equal(again.distances, one_by_one(joined([states, more]), Metric.L2))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"distances": [2.0, 1.0]}'])
def test_a_damaged_file_is_measured_again(tmp_path, data):
    path = tmp_path / "index"
    written(path, [{DECODER: random_states(20, 4)}])
    store = StateStore.open(path)
    search = open_search(store, DECODER)
    measured = reference_of(store, DECODER, search)
    (file,) = path.glob("reference-*")
    file.write_bytes(data)
    assert kept_reference(store, DECODER, Metric.L2, Kind.EXACT) is None
    assert reference_of(store, DECODER, search).distances.tobytes() == measured.distances.tobytes()
    assert kept_reference(store, DECODER, Metric.L2, Kind.EXACT) is not None


def test_another_sample_is_measured_anew(tmp_path):
    path = tmp_path / "index"
    written(path, [{DECODER: random_states(60, 4)}])
    store = StateStore.open(path)
    search = open_search(store, DECODER)
    assert len(reference_of(store, DECODER, search, sample=10).distances) == 10
    assert len(reference_of(store, DECODER, search, sample=20).distances) == 20
