"""What is built for an index, kept with it and opened again; and which search is chosen."""

import json
import shutil

import msgspec
import numpy as np
import pytest
from small_indexes import LAYER, random_states, written
from small_indexes import MODEL as NO_MODEL
from tuned_indexes import DECODER, ENCODER, tuned_index

from s2sdap.cli.index_tune import TuneOptions, tune_here
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.search import Filter, Kind, Metric, open_search
from s2sdap.neighbors.search.built import graph_name, measured, states_digest
from s2sdap.neighbors.search.choice import QUICK, Choice, Size, choose, to_build
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.ivf import PROBES, lists_metric
from s2sdap.neighbors.search.memory import available_bytes
from s2sdap.neighbors.search.opening import automatic, chosen_search
from s2sdap.neighbors.search.recall import drawn, recall, truth
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.search.tuning import remeasured, tune
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import writing
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(900)  # half a minute of compiling, on a machine that may be busy


def size(count, dimension=256, gigabytes=16.0):
    return Size(count, dimension, int(gigabytes * 2**30))


@pytest.fixture(scope="module")
def tuned(tmp_path_factory, date_index):
    """States of the date model with a graph. Not to be written to."""
    return tuned_index(tmp_path_factory, date_index.path)


@pytest.fixture
def copy(tuned, tmp_path):
    """The same, to be written to."""
    return shutil.copytree(tuned, tmp_path / "copy")


AGAIN = """
import json, sys
import numpy as np
from s2sdap.neighbors.search import Kind, Metric, open_search
from s2sdap.neighbors.search.tuning import remeasured
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore
store, site = StateStore.open(sys.argv[1]), StateSite("decoder.state")
search = open_search(store, site, kind="pynndescent")
found = search.query(store.rows(site, [5, 900]).vectors, 7)
again = remeasured(store, site, Kind.PYNNDESCENT, Metric.L2)
print(json.dumps([again.recall, search.recall, found.rows.tolist(), found.distances.tolist()]))
"""


def test_recall_is_kept_and_a_fresh_process_measures_the_same(warm, tuned):
    store = StateStore.open(tuned)
    known = measured(StoreRows(store, DECODER), Kind.PYNNDESCENT, Metric.L2)
    assert known.recall >= 0.99
    assert (known.k, known.queries, known.rows) == (50, -(-known.rows // 20), store.count(DECODER))
    done = warm.run(["-W", "error", "-c", AGAIN, tuned], patience=600)
    assert done.returncode == 0, done.stderr
    again, shown, rows, distances = json.loads(done.stdout)
    assert again == shown == known.recall
    exact = open_search(store, DECODER, kind="exact").query(store.rows(DECODER, [5, 900]).vectors, 7)
    assert (rows, distances) == (exact.rows.tolist(), exact.distances.tolist())
    assert [row[0] for row in distances] == [0, 0]


def test_states_that_are_added_are_found_at_once_and_the_graph_stays(copy):
    before = StateStore.open(copy)
    count = before.count(DECODER)
    other = {site: random_states(70, before.dimension(site), sentences=5) for site in before.sites}
    with writing(Place.of(copy)) as writer:
        writer.add(other)
        writer.commit()
    search = open_search(StateStore.open(copy), DECODER, kind="pynndescent")
    found = search.query(other[DECODER].vectors, 1)
    np.testing.assert_array_equal(found.rows[:, 0], count + np.arange(70))
    assert (found.distances == 0).all()
    assert search.kind is Kind.PYNNDESCENT
    assert search.measured.rows == count


@pytest.mark.parametrize("damage", ["gone", "cut", "of others"])
def test_a_graph_that_cannot_be_used_is_refused_and_passed_over(copy, damage):
    store = StateStore.open(copy)
    path = store.place.folder / graph_name(StoreRows(store, DECODER), Metric.L2)
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5_000])
    else:
        whole = path.read_bytes()
        digest = states_digest(StoreRows(store, DECODER), store.count(DECODER)).encode()
        path.write_bytes(whole.replace(digest, digest[::-1]))
    with pytest.raises(S2sdapError, match=r"S2S4535: Cannot search with pynndescent.*index tune"):
        open_search(store, DECODER, kind="pynndescent")
    rows = StoreRows(store, DECODER)
    choice = automatic(rows, Metric.L2, size(1_000_000))
    assert choice.kind is Kind.PYNNDESCENT
    search = chosen_search(rows, Metric.L2, choice, size(1_000_000), must=False)
    assert (search.kind, search.recall) == (Kind.EXACT, None)
    assert search.why.startswith("pynndescent cannot be used: ")
    assert search.query(rows.take(np.array([3])), 4).exact


@pytest.fixture
def asked_first(monkeypatch):
    """What loads in the background waits for the first query, however late that comes."""
    monkeypatch.setattr("s2sdap.neighbors.search.search.GRACE", 600.0)


@pytest.mark.usefixtures("asked_first")
def test_in_the_background_queries_are_answered_meanwhile(tuned):
    told = []
    search = open_search(
        StateStore.open(tuned), DECODER, kind="pynndescent", background=True, progress=told.append
    )
    meanwhile = search.query(search.rows.take(np.array([3])), 4)
    search.wait()
    assert search.ready
    assert told[0].startswith("reading")
    assert told[-1] == "pynndescent is ready"
    np.testing.assert_array_equal(search.query(search.rows.take(np.array([3])), 4).rows, meanwhile.rows)


@pytest.mark.usefixtures("asked_first")
@pytest.mark.parametrize("kind", [Kind.PYNNDESCENT, Kind.EXACT])
def test_many_states_are_searched_on_disk_until_they_are_in_memory(tuned, kind):
    rows = StoreRows(StateStore.open(tuned), DECODER)
    told = []
    search = chosen_search(
        rows,
        Metric.L2,
        Choice(kind, "it was asked for"),
        size(1_000_000),
        must=True,
        background=True,
        progress=told.append,
    )
    queries = rows.take(np.arange(5, 900, 50))
    meanwhile = search.query(queries, 4)
    assert meanwhile.exact
    search.wait()
    assert isinstance(search.rows, MemoryRows)
    assert told[-1] == f"{kind} is ready"
    found = search.query(queries, 4)
    np.testing.assert_array_equal(found.rows, meanwhile.rows)
    np.testing.assert_array_equal(found.distances, meanwhile.distances)


def test_in_the_background_what_goes_wrong_leaves_the_search_exact_and_says_why(copy):
    store = StateStore.open(copy)
    (store.place.folder / graph_name(StoreRows(store, DECODER), Metric.L2)).write_bytes(b"nothing")
    told = []
    search = open_search(store, DECODER, kind="pynndescent", background=True, progress=told.append)
    search.wait()
    assert (search.kind, search.recall, search.ready) == (Kind.EXACT, None, True)
    assert search.why == told[-1]
    assert search.why.startswith("pynndescent cannot be used: its graph cannot be read")
    assert search.query(search.rows.take(np.array([3])), 4).exact


@pytest.mark.parametrize("metric", Metric)
def test_lists_are_built_kept_and_measured_the_same_again(copy, metric):
    tune(StateStore.open(copy), ENCODER, metric=metric, kind="ivf", k=20, seed=1)
    store = StateStore.open(copy)
    known = measured(StoreRows(store, ENCODER), Kind.IVF, metric)
    assert known.recall >= 0.99
    assert remeasured(store, ENCODER, Kind.IVF, metric) == known
    search = open_search(store, ENCODER, metric=metric, kind="ivf")
    exact = ExactSearch(StoreRows(store, ENCODER), metric)
    # Lance draws where lists begin, and has no seed: what is promised is the recall of the states measured.
    assert recall(search.query, truth(exact, drawn(exact.rows, known.rows, 1), known.k)) == known.recall
    others = search.rows.take(np.arange(100))
    found = search.query(others, 5)
    assert not found.exact
    assert (found.distances >= exact.query(others, 5).distances).all()
    assert lists_metric(store.dataset(ENCODER)) is metric
    other = next(each for each in Metric if each is not metric)
    with pytest.raises(S2sdapError, match="S2S4535"):
        open_search(store, ENCODER, metric=other, kind="ivf")


def test_what_is_not_built_is_refused_with_what_to_do(date_index):
    store = StateStore.open(date_index.path)
    for kind in ("pynndescent", "ivf"):
        with pytest.raises(S2sdapError, match=r"S2S4535.*not built for decoder\.state and l2.*index tune"):
            open_search(store, DECODER, kind=kind)
    for unknown in ({"kind": "faiss"}, {"metric": "l1"}):
        with pytest.raises(
            S2sdapError, match=r"S2S4534.*(exact, pynndescent, ivf|l2, cosine, inner-product)"
        ):
            open_search(store, DECODER, **unknown)


def test_few_states_need_nothing(date_index, tmp_path):
    plain = shutil.copytree(date_index.path, tmp_path / "plain")
    tuned = tune(StateStore.open(plain), DECODER)
    assert (tuned.kind, tuned.measured) == (Kind.EXACT, None)
    search = open_search(StateStore.open(plain), DECODER)
    assert (search.kind, search.recall, search.ready) == (Kind.EXACT, None, True)
    assert "gone through in about ten milliseconds" in search.why


@pytest.mark.parametrize("count", [0, 1, 5])
def test_an_index_with_next_to_nothing_in_it(tmp_path, count):
    written(tmp_path / "index", [{LAYER: random_states(count, 4)}])
    store = StateStore.open(tmp_path / "index")
    assert store.manifest.model == NO_MODEL
    search = open_search(store, LAYER)
    found = search.query(np.ones(4), 3, Filter(without=frozenset([99])))
    assert (found.rows >= 0).sum() == min(3, count)
    with pytest.raises(S2sdapError, match=r"S2S4535.*256 states or more"):
        tune(store, LAYER, kind="ivf")
    tune(store, LAYER, kind="pynndescent")  # without a node: every state is looked at
    search = open_search(StateStore.open(tmp_path / "index"), LAYER, kind="pynndescent")
    assert (search.query(np.ones(4), 3).rows == found.rows).all()
    assert search.recall == 1


NOTHING = {Kind.PYNNDESCENT: "not built", Kind.IVF: "not built"}
BOTH = {Kind.PYNNDESCENT: "", Kind.IVF: ""}


@pytest.mark.parametrize(
    ("states", "hindrances", "kind", "reason"),
    [
        (size(QUICK // 256), BOTH, Kind.EXACT, "ten milliseconds"),
        (size(QUICK // 256 + 1), BOTH, Kind.PYNNDESCENT, "graph"),
        (size(1_000_000), {**BOTH, Kind.PYNNDESCENT: "gone"}, Kind.IVF, "lists"),
        (size(1_000_000, gigabytes=2), BOTH, Kind.IVF, "lists"),
        (size(1_000_000, gigabytes=0.5), BOTH, Kind.IVF, "do not fit in memory"),
        (size(1_000_000), NOTHING, Kind.EXACT, "pynndescent: not built; ivf: not built"),
        (size(1_000_000, gigabytes=0.5), NOTHING, Kind.EXACT, "read for every query"),
        (size(0), NOTHING, Kind.EXACT, "0 states"),
    ],
)
def test_the_kind_is_chosen_by_number_memory_and_what_is_there(states, hindrances, kind, reason):
    choice = choose(states, hindrances)
    assert choice.kind is kind
    assert reason in choice.why


def test_what_to_build_is_chosen_by_number_and_memory():
    assert to_build(size(1_000)).kind is Kind.EXACT
    assert to_build(size(1_000_000)).kind is Kind.PYNNDESCENT
    assert to_build(size(1_000_000, gigabytes=4)).kind is Kind.IVF
    assert 2**28 < available_bytes() < 2**50


def test_a_search_that_finds_too_little_is_not_chosen_by_itself(copy):
    rows, many = StoreRows(StateStore.open(copy), DECODER), size(1_000_000)
    assert automatic(rows, Metric.L2, many).kind is Kind.PYNNDESCENT
    known = measured(rows, Kind.PYNNDESCENT, Metric.L2)
    with writing(Place.of(copy)) as writer:
        writer.note_recall(msgspec.structs.replace(known, recall=0.9))
    store = StateStore.open(copy)
    choice = automatic(StoreRows(store, DECODER), Metric.L2, many)
    assert choice.kind is Kind.EXACT
    assert "it finds only 0.900 of them" in choice.why
    assert open_search(store, DECODER, kind="pynndescent").recall == 0.9


def command(warm, *arguments):
    done = warm.run(["-W", "error", "-m", "s2sdap", "index", "tune", *arguments], patience=600)
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def plain(tmp_path):
    """An index of few states, so that little is measured."""
    written(tmp_path / "plain", [{site: random_states(300, 16) for site in (ENCODER, DECODER)}])
    return tmp_path / "plain"


def test_the_command_says_what_it_built_and_how_much_that_finds(warm, plain):
    code, output, _ = command(warm, plain, "--site", ENCODER, "--site", DECODER)
    assert code == 0
    assert [line.split(", because ")[0] for line in output.splitlines()] == [
        "encoder.states: exact",
        "decoder.state: exact",
    ]
    code, output, progress = command(
        warm, plain, "--site", DECODER, "--kind", "ivf", "--metric", "cosine", "--k", "10"
    )
    known = measured(StoreRows(StateStore.open(plain), DECODER), Kind.IVF, Metric.COSINE)
    assert code == 0
    found = f"it finds {known.recall:.4f} of the 10 nearest ({known.settings})"
    assert output == f"decoder.state: ivf, because it was asked for; {found}\n"
    assert "decoder.state: building lists" in progress


def test_the_command_fails_where_less_is_found_than_was_asked_for(plain, capsys):
    """More than all of it never is."""
    options = TuneOptions(
        index=str(plain), sites=[str(DECODER)], metric="l2", kind="ivf", recall=1.5, k=10, seed=0, storage=()
    )
    assert tune_here(options) == 1
    assert measured(StoreRows(StateStore.open(plain), DECODER), Kind.IVF, Metric.L2).settings == (
        f"{PROBES[-1]} seed=0"
    )
    assert "of the 10 nearest" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "number"),
    [(["--kind", "faiss"], 4534), (["--metric", "l1"], 4534), (["--site", "decoder.attention"], 4501)],
)
def test_the_command_refuses_what_there_is_not(warm, date_index, arguments, number):
    code, output, error = command(warm, date_index.path, *arguments)
    assert (code, output) == (2, "")
    assert error.startswith(f"S2S{number}: ")
