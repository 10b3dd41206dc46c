"""An index gives back what was put in: every bit of every state, in the order in which it came."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_indexes import DECODER, ENCODER, LAYER, random_states, same_states, some_sentences, written
from small_s3 import SmallS3

from s2sdap.neighbors.columns import joined
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError


@pytest.fixture(scope="module")
def batches():
    return [
        {ENCODER: random_states(rows, 8, rows), LAYER: random_states(rows + 3, 12, rows)}
        for rows in (5, 0, 70, 1)
    ]


@pytest.fixture(scope="module")
def s3():
    server = SmallS3()
    yield server
    server.close()


@pytest.fixture(scope="module", params=["{}", "file://{}", "file-object-store://{}", "s3://bucket{}"])
def store(request, batches, s3, tmp_path_factory):
    """By its path, by a URI of it, through what Lance has for object storage, and from a server over HTTP."""
    place = request.param.format(tmp_path_factory.mktemp("store") / "an index")
    options = s3.options if place.startswith("s3:") else None
    written(place, batches, some_sentences(7), options)
    return StateStore.open(place, options)


def test_nothing_of_an_index_in_object_storage_is_on_this_disk(s3, batches, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written("s3://bucket/there", batches, some_sentences(7), s3.options)
    assert list(tmp_path.iterdir()) == []
    assert {"there/manifest.json"} < {key for key in s3.objects if key.startswith("there/")}
    assert "nothing" not in repr(StateStore.open("s3://bucket/there", s3.options).place)  # the secret key


def test_it_tells_what_is_in_it(store):
    assert store.sites == (ENCODER, LAYER)
    assert [store.dimension(site) for site in store.sites] == [8, 12]
    assert [store.count(site) for site in store.sites] == [76, 88]
    assert store.sentence_count == 7


def test_every_state_comes_back(store, batches):
    for site in store.sites:
        whole = joined([batch[site] for batch in batches])
        found = store.rows(site, range(store.count(site)))
        assert same_states(found, whole)
        assert np.array_equal(store.vectors(site), whole.vectors)
        for name in ("sentence", "position", "token", "predicted"):
            assert np.array_equal(store.column(site, name), getattr(whole, name))
            assert store.column(site, name).dtype == getattr(whole, name).dtype


def test_rows_come_in_the_order_in_which_they_are_asked_for(store, batches):
    whole = joined([batch[ENCODER] for batch in batches])
    wanted = np.array([75, 0, 75, 5, 4])
    found = store.rows(ENCODER, wanted)
    assert np.array_equal(found.vectors, whole.vectors[wanted])
    assert np.array_equal(found.token, whole.token[wanted])
    nothing = store.rows(ENCODER, [])
    assert nothing.vectors.shape == (0, 8)
    assert len(nothing) == 0


@pytest.mark.parametrize("rows", [1, 3, 64, 1000])
def test_blocks_are_the_rows_one_after_the_other(store, rows):
    blocks = list(store.blocks(LAYER, rows))
    assert [start for start, _ in blocks] == list(np.cumsum([0, *(len(each) for _, each in blocks)])[:-1])
    assert max(len(each) for _, each in blocks) <= rows
    assert np.array_equal(np.concatenate([each for _, each in blocks]), store.vectors(LAYER))


def test_sentences_come_back_by_number(store):
    assert store.sentences(range(7)) == some_sentences(7)
    assert store.sentence(5) == some_sentences(7)[5]
    assert store.sentences([6, 0, 6]) == [some_sentences(7)[number] for number in (6, 0, 6)]
    assert store.sentences([]) == []


@pytest.mark.parametrize("row", [-1, 76, 10**12])
def test_a_row_that_is_not_there_is_refused(store, row):
    with pytest.raises(S2sdapError, match=rf"S2S4517.* no row {row}; there are 76"):
        store.rows(ENCODER, [0, row])


def test_a_sentence_that_is_not_there_is_refused(store):
    with pytest.raises(S2sdapError, match=r"S2S4517.* no sentence 7; there are 7"):
        store.sentence(7)


def test_a_site_that_is_not_there_is_refused_with_those_that_are(store):
    with pytest.raises(
        S2sdapError, match=r"S2S4516.*decoder\.state; it has encoder\.states, decoder\.layers\.1"
    ):
        store.vectors(DECODER)


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(), dimension=st.integers(1, 40), sizes=st.lists(st.integers(0, 90), min_size=1, max_size=4)
)
def test_any_shape_comes_back(tmp_path_factory, data, dimension, sizes):
    values = st.floats(width=16, allow_nan=True, allow_infinity=True)
    batches = []
    for seed, rows in enumerate(sizes):
        states = random_states(rows, dimension, seed)
        if rows:  # values that arithmetic would not keep: infinities, NaNs, the two zeros
            states.vectors[data.draw(st.integers(0, rows - 1))] = data.draw(values)
        batches.append({DECODER: states})
    place = tmp_path_factory.mktemp("any")
    written(place, batches)
    store = StateStore.open(place)
    whole = joined([batch[DECODER] for batch in batches])
    assert store.count(DECODER) == sum(sizes)
    assert same_states(store.rows(DECODER, range(sum(sizes))), whole)
    assert np.array_equal(store.vectors(DECODER).view(np.uint16), whole.vectors.view(np.uint16))


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=20), min_size=1, max_size=5))
def test_any_text_comes_back(tmp_path_factory, texts):
    import dataclasses

    kept = [
        dataclasses.replace(each, source=text, target=text, pieces=(text,), spans=(None,))
        for each, text in zip(some_sentences(len(texts)), texts, strict=True)
    ]
    place = tmp_path_factory.mktemp("texts")
    written(place, [{DECODER: random_states(1, 2)}], kept)
    assert StateStore.open(place).sentences(range(len(texts))) == kept
