"""A graph as a file: read as it was written, and refused where its numbers lead nowhere."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load, save
from tuned_indexes import DECODER, tuned_index

from s2sdap.neighbors.search import graph_file
from s2sdap.neighbors.search.built import graph_name, states_digest
from s2sdap.neighbors.search.descent import DescentSearch, Effort
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.graph import Graph
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.store import StateStore

pytestmark = pytest.mark.timeout(900)  # half a minute of compiling, on a machine that may be busy
HARD = Effort(64, 0.5)
WIDTH = 64


@pytest.fixture(scope="module")
def built(tmp_path_factory, date_index) -> tuple[MemoryRows, Graph]:
    """The decoder states of the date model, and the graph over them."""
    rows = StoreRows(StateStore.open(tuned_index(tmp_path_factory, date_index.path)), DECODER)
    data = rows.store.place.read(graph_name(rows, Metric.L2))
    return rows.in_memory(), graph_file.decoded(data, states_digest(rows, len(rows)), len(rows), WIDTH)


def test_a_graph_is_written_and_read_as_it_was(built):
    rows, graph = built
    again = graph_file.decoded(graph_file.encoded(graph, "abc"), "abc", len(rows), WIDTH)
    queries = np.random.default_rng(7).standard_normal((30, WIDTH)).astype(np.float16)
    one, other = (DescentSearch(ExactSearch(rows, Metric.L2), each, HARD, few=0) for each in (graph, again))
    np.testing.assert_array_equal(one.query(queries, 20).rows, other.query(queries, 20).rows)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_graph_is_refused_or_leads_only_to_rows(built, data):
    """The search follows the numbers of a file without looking: so a file that leads elsewhere is refused."""
    rows, graph = built
    whole = bytearray(graph_file.encoded(graph, "abc"))
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole) - 1)) :]
    else:
        for _ in range(data.draw(st.integers(1, 40))):
            whole[data.draw(st.integers(0, len(whole) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        read = graph_file.decoded(bytes(whole), "abc", len(rows), WIDTH)
    except ValueError:
        return
    search = DescentSearch(ExactSearch(rows, Metric.L2), read, HARD, few=0)
    found = search.query(rows.vectors[:3], 5)
    assert (found.rows >= 0).all()
    np.testing.assert_array_equal(
        found.distances[0], distances(Metric.L2, rows.vectors[found.rows[0]], rows.vectors[0])
    )


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("rows", lambda a: a + 1, "not rows"),
        ("rows", np.zeros_like, "not rows"),
        ("loose", lambda a: a + 10**6, "not rows"),
        ("firsts", lambda a: a[::-1].copy(), "ranges"),
        ("indptr", lambda a: a + 1, "ranges"),
        ("indices", lambda a: a + 1, "an edge"),
        ("indices", lambda a: a - 1, "an edge"),
        ("leaves", np.zeros_like, "leaves"),
        ("children", lambda a: np.where(a > 0, 1, a), "go down"),
        ("children", lambda a: np.where(a > 0, a + 10**6, a), "go down"),
        ("children", lambda a: np.where(a <= 0, a - 10**6, a), "leaf"),
        ("hyperplanes", lambda a: a[:, :-1].copy(), "shape"),
        ("offsets", lambda a: a[:-1].copy(), "shape"),
        ("random", lambda a: a[:-1].copy(), "shape"),
        ("offsets", lambda a: a.astype(np.float64), "other arrays"),
    ],
)
def test_numbers_that_lead_nowhere_are_refused(built, name, change, reason):
    rows, graph = built
    whole = graph_file.encoded(graph, "abc")
    length = int.from_bytes(whole[:8], "little")
    metadata = json.loads(whole[8 : 8 + length])["__metadata__"]
    arrays = load(whole)
    arrays[name] = np.ascontiguousarray(change(arrays[name]))
    with pytest.raises(ValueError, match=reason):
        graph_file.decoded(save(arrays, metadata), "abc", len(rows), WIDTH)


def test_a_graph_of_other_states_or_another_release_is_refused(built):
    rows, graph = built
    whole = graph_file.encoded(graph, "abc")
    with pytest.raises(ValueError, match="other states"):
        graph_file.decoded(whole, "abd", len(rows), WIDTH)
    with pytest.raises(ValueError, match="shape"):
        graph_file.decoded(whole, "abc", len(rows), WIDTH + 1)
    with pytest.raises(ValueError, match="cannot be read"):
        graph_file.decoded(b"", "abc", len(rows), WIDTH)
    other = whole.replace(graph_file.release().encode(), b"0.0.1")
    with pytest.raises(ValueError, match=r"built by pynndescent 0\.0\.1"):
        graph_file.decoded(other, "abc", len(rows), WIDTH)
