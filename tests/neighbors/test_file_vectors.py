"""Vectors that are read out of the files of an index are those written, and a file that is cut is told."""

import contextlib
import threading
from pathlib import Path

import lance
import numpy as np
import pytest
from small_indexes import DECODER, random_states, written

from s2sdap.neighbors.columns import state_table
from s2sdap.neighbors.file_vectors import vectors_in_files
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.search import open_search
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.states import States
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import writing
from s2sdap.vocabulary.errors import S2sdapError

COUNTS = 700, 1, 260


def batches(dimension):
    """As many states as that, a commit each; some numbers are none, and some states come twice."""
    found = [random_states(count, dimension, seed) for seed, count in enumerate(COUNTS)]
    found[0].vectors[3] = np.nan
    found[2].vectors[5, 7] = -np.inf
    found[2].vectors[9] = found[0].vectors[0]
    return found


def store_of(folder, dimension):
    written(folder, [{DECODER: states} for states in batches(dimension)])
    return StateStore.open(folder)


def files_of(folder):
    return list((folder / "index" / f"{DECODER}.lance" / "data").iterdir())


def bits(vectors):
    return np.ascontiguousarray(vectors).view(np.uint16)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_of(tmp_path_factory.mktemp("files") / "index", 256)


@pytest.mark.parametrize("dimension", [128, 131, 600])
def test_what_is_read_is_what_was_written(tmp_path, dimension):
    store = store_of(tmp_path / "index", dimension)
    rows, wanted = StoreRows(store, DECODER), np.concatenate([each.vectors for each in batches(dimension)])
    assert rows.in_files is not None
    np.testing.assert_array_equal(bits(store.vectors(DECODER)), bits(wanted))
    for first in (0, 1, 699, 700, 701, 960, 961):
        found = [(start, block.copy()) for start, block in rows.in_files.blocks(first, 256)]
        assert [start for start, _ in found] == list(
            np.cumsum([first, *(len(each) for _, each in found)])[:-1]
        )
        assert all(len(block) <= 256 for _, block in found)
        np.testing.assert_array_equal(
            bits(np.concatenate([wanted[:0], *(each for _, each in found)])), bits(wanted[first:])
        )
    for some in ([960, 0, 700, 3, 3, 699], range(950, 10, -3), [5, 6, 4], [960]):
        np.testing.assert_array_equal(bits(rows.take(np.array(some))), bits(wanted[some]))
    assert rows.take(np.arange(0)).shape == (0, dimension)


def test_short_vectors_are_left_to_lance(tmp_path):
    store = store_of(tmp_path / "index", 16)
    rows, wanted = StoreRows(store, DECODER), np.concatenate([each.vectors for each in batches(16)])
    assert rows.in_files is None
    np.testing.assert_array_equal(bits(store.vectors(DECODER)), bits(wanted))
    np.testing.assert_array_equal(
        bits(np.concatenate([each.copy() for _, each in rows.blocks(5)])), bits(wanted[5:])
    )


def test_a_file_with_rows_taken_out_of_it_is_left_to_lance(tmp_path):
    store = store_of(tmp_path / "index", 256)
    dataset = store.dataset(DECODER)
    files = tmp_path / "index" / f"{DECODER}.lance" / "data"
    assert vectors_in_files(dataset, files, 256) is not None
    dataset.delete("token = 5")
    assert dataset.count_rows() < sum(COUNTS)
    assert vectors_in_files(dataset, files, 256) is None


def test_a_search_needs_no_memory_and_is_ready_at_once(store):
    told = []
    search = open_search(store, DECODER, background=True, progress=told.append)
    assert search.ready
    assert told == []
    states = batches(256)
    whole = States(
        *(
            np.concatenate([getattr(each, name) for each in states])
            for name in ("vectors", "sentence", "position", "token", "predicted")
        )
    )
    other = ExactSearch(MemoryRows.of(whole), Metric.L2)
    queries = whole.vectors[[0, 400, 700, 960]]
    found, wanted = search.query(queries, 9), other.query(queries, 9)
    np.testing.assert_array_equal(found.rows, wanted.rows)
    np.testing.assert_array_equal(found.distances, wanted.distances)
    assert list(found.rows[0][:2]) == [0, 710]  # equal states, at no distance


def test_an_index_that_grows_leaves_what_is_open_as_it_was(tmp_path):
    store = store_of(tmp_path / "index", 256)
    rows = StoreRows(store, DECODER)
    before = rows.take(np.arange(len(rows)))
    with writing(Place.of(tmp_path / "index")) as writer:
        writer.add({DECODER: random_states(90, 256, 7)})
        writer.commit()
        writer.tidy()
    np.testing.assert_array_equal(bits(rows.take(np.arange(len(rows)))), bits(before))
    assert len(StoreRows(StateStore.open(tmp_path / "index"), DECODER)) == sum(COUNTS) + 90


def test_a_layout_that_is_not_known_is_left_to_lance(tmp_path):
    table = state_table(batches(256)[0])
    lance.write_dataset(table, tmp_path / "old.lance", data_storage_version="legacy")
    assert (
        vectors_in_files(lance.dataset(tmp_path / "old.lance"), tmp_path / "old.lance" / "data", 256) is None
    )


def opened(folder):
    """The files below a folder that this process has open: other threads may be at others."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(OSError):  # the one that lists them, and what is closed meanwhile
            found.append(each.readlink())
    return [each for each in found if each.is_relative_to(folder)]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="this system does not tell the open files")
def test_no_file_stays_open(store):
    folder = Path(store.place.folder).resolve()
    with next((folder / f"{DECODER}.lance" / "data").iterdir()).open("rb"):
        assert opened(folder)  # or else nothing is proved by the end
    for metric in ("l2", "cosine"):
        search = open_search(store, DECODER, metric=metric)
        search.query(search.rows.take(np.array([0, 960])), 3)
    assert not opened(folder)


@pytest.mark.parametrize("left", [0, 5_000])
def test_a_file_that_is_cut_is_told(tmp_path, left):
    store = store_of(tmp_path / "index", 256)
    search = open_search(store, DECODER)
    query = store.vectors(DECODER)[0]
    search.query(query, 3)
    for file in files_of(tmp_path):
        with file.open("r+b") as opened:
            opened.truncate(left)
    for ask in (lambda: search.query(query, 3), lambda: search.rows.take(np.array([699]))):
        with pytest.raises(S2sdapError, match=r"S2S4513: .* has become shorter"):
            ask()


def test_a_file_that_is_written_over_meanwhile_gives_no_other_answer(tmp_path):
    written(tmp_path / "index", [{DECODER: random_states(20_000, 256)}])
    search = open_search(StateStore.open(tmp_path / "index"), DECODER)
    query = search.rows.take(np.array([7]))
    wanted, over = search.query(query, 3), threading.Event()
    (file,) = files_of(tmp_path)

    def copy_over():
        whole = file.read_bytes()
        while not over.wait(0.001):
            file.write_bytes(whole)

    copying = threading.Thread(target=copy_over)
    copying.start()
    told = set()
    try:
        for _ in range(40):
            try:
                np.testing.assert_array_equal(search.query(query, 3).rows, wanted.rows)
                told.add("answered")
            except S2sdapError as error:
                told.add(error.name)
    finally:
        over.set()
        copying.join()
    assert told <= {"answered", "index_damaged"}
    np.testing.assert_array_equal(search.query(query, 3).rows, wanted.rows)
