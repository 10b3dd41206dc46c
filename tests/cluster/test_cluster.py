"""A real cluster of two nodes: handing work to it, decoding a corpus, building and searching an index.

All in one file, so that one process of a test run does it: two clusters on one machine get in each other's
way. What Ray may end, it ends in a process of its own.
"""

import json
import random
import shutil
import socket
import subprocess
import sys
import time

import cluster_driver
import numpy as np
import pytest

from s2sdap.cluster import Cluster, connected, parse_on
from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.opening import open_search
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore, read_manifest
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(600)
RULE = "lowConfidence(p < 0.6)"
SENTENCES = 1200
PARTS = [str(number) for number in range(12)]


@pytest.fixture(scope="module")
def tried(warm, two_nodes, tmp_path_factory):
    """What came of everything that `cluster_driver` tries."""
    done = warm.run(
        [cluster_driver.__file__, two_nodes.address, tmp_path_factory.mktemp("mark") / "died"],
        environment=two_nodes.environment,
        patience=500,
    )
    told = [line for line in done.stdout.splitlines() if line.startswith("{")]  # Ray has lines of its own
    assert told, done.stderr
    return json.loads(told[-1])


def test_both_nodes_are_there_and_one_cpu_stays_free(tried, two_nodes):
    address, *rest = tried["cluster"]
    assert address.rpartition(":")[2] == two_nodes.address.rpartition(":")[2]
    assert rest == [2, 4.0, 1.0, 3]


def test_a_worker_is_given_the_gpu_that_it_asks_for(tried):
    """No GPU is needed for that: the node says that it has one."""
    assert tried["on a GPU"] == {"came": ["0 of 0"], "error": None}


def test_outcomes_come_in_the_order_of_the_parts(tried):
    assert tried["doubling"] == {"came": [part * 2 for part in PARTS], "error": None}
    assert tried["nothing"] == {"came": [], "error": None}


def test_a_refusal_of_a_worker_is_raised_as_it_was(tried):
    assert tried["refusing"]["came"] == PARTS[:3]
    assert tried["refusing"]["error"].startswith("S2S1003: x.txt is not UTF-8: byte 7, on line 3, is 0xe9")


def test_a_worker_that_cannot_be_made_says_why(tried):
    assert tried["never made"]["came"] == []
    assert tried["never made"]["error"].startswith("S2S2001: There is no model 'nothing'")


def test_any_other_failure_of_a_worker_is_told(tried):
    assert "S2S7305" in tried["crashing"]["error"]
    assert "RuntimeError: no luck with b'0'" in tried["crashing"]["error"]


def test_a_part_whose_worker_died_is_done_by_another(tried):
    assert tried["dying"] == {"came": PARTS, "error": None}


def test_silence_ends(tried):
    assert tried["silence"]["came"] == []
    assert tried["silence"]["error"].startswith("S2S7306: No part of the work has come back for 2 s")


@pytest.mark.parametrize(("cpus", "gpus"), [(4.0, 0.0), (1.0, 1.0)])
def test_a_cluster_without_room_is_refused(cpus, gpus):
    with pytest.raises(S2sdapError, match=r"S2S7304.*4 CPUs and 0 GPUs"):
        Cluster("here:1", 4.0, 0.0, 1).workers(cpus, gpus)


@pytest.mark.parametrize(
    "on", ["", "local", "ray:", "ray://", "ray://host", "ray://:1", "ray://h:0", "ray://h:99999"]
)
def test_what_names_no_cluster_is_refused(on):
    with pytest.raises(S2sdapError, match="S2S7302"):
        parse_on(on)


def test_addresses_are_read():
    assert parse_on("ray") is None
    assert parse_on("ray://head.example:6379") == "head.example:6379"
    assert parse_on("ray://[::1]:6379") == "[::1]:6379"


def test_nobody_at_an_address_is_told():
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(S2sdapError, match=r"S2S7303.*refused"), connected(address):
            pass


def test_without_ray_one_is_told_what_to_install():
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from s2sdap.cluster import connected\n"
        "with connected('ray'): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert "S2S7301" in done.stderr
    assert "pip install 's2sdap[scale]'" in done.stderr


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Dates as people write them, empty lines and what no date is among them."""
    draw = random.Random(7)
    months = ("January", "Feb", "March", "avril", "5", "Juni", "July", "agosto")
    lines = [f"{draw.choice(months)} {draw.randint(1, 28)}, {draw.randint(1900, 2099)}" for _ in range(400)]
    lines[3], lines[50], lines[333] = "", "tomorrow", "x" * 3000
    path = tmp_path_factory.mktemp("corpus") / "dates.txt"
    path.write_text("\n".join(lines) + "\n")
    return path


def run(warm, two_nodes, program, folder, *words):
    """Outputs, report and exit code of a run."""
    folder.mkdir()
    command = ["-m", "s2sdap", "run", program, "--break", RULE, "--batch-size", "32"]
    files = [
        "--output",
        folder / "out.txt",
        "--report",
        folder / "report.jsonl",
        "--html",
        folder / "report.html",
    ]
    done = warm.run([*command, *files, *words], environment=two_nodes.environment, patience=500)
    report = [json.loads(line) for line in (folder / "report.jsonl").read_text().splitlines()]
    return done, (folder / "out.txt").read_text(), report, (folder / "report.html").read_text()


def test_a_cluster_writes_what_one_machine_writes(warm, two_nodes, program, tmp_path):
    here, outputs, report, html = run(warm, two_nodes, program, tmp_path / "here")
    there, other_outputs, other_report, other_html = run(
        warm, two_nodes, program, tmp_path / "there", "--on", two_nodes.address
    )
    assert here.returncode == there.returncode == 2  # a sentence is too long
    assert other_outputs == outputs
    assert len(other_report) == len(report) == 399
    for one, other in zip(report, other_report, strict=True):
        assert {**one, "batched": 0, **_numbers(other)} == {**other, "batched": 0}
        assert _logprobs(one) == pytest.approx(_logprobs(other), abs=1e-4)
    assert _said(here) == _said(there)
    assert "399 of 399" in html
    assert "399 of 399" in other_html


def _said(run):
    """What the command says; Ray has lines of its own."""
    return sorted(line for line in run.stderr.splitlines() if line.startswith("S2S"))


def _numbers(line):
    """What a batch may be off in: the numbers, not what they belong to."""
    return {name: line[name] for name in ("score", "final", "tokens", "nBest", "stops") if name in line}


def _logprobs(line):
    return [token["logp"] for token in line.get("tokens", ())]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    pytest.importorskip("lance", reason="the extra `neighbors` is not installed: no index is built")
    path = tmp_path_factory.mktemp("corpus") / "dates.tsv"
    pairs = training_pairs()[:SENTENCES]
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs))
    return path


def command(corpus, out, *words):
    sites = "encoder.states,decoder.layers.0,attention.context"
    asked = (
        "index",
        "build",
        "--corpus",
        corpus,
        "--out",
        out,
        "--sites",
        sites,
        "--batch",
        8,
        "--commit",
        500,
    )
    return ["-m", "s2sdap", *map(str, (*asked, *words))]


@pytest.fixture(scope="module")
def here(warm, corpus, tmp_path_factory):
    """The index that one process builds."""
    out = tmp_path_factory.mktemp("here") / "index"
    done = warm.run(command(corpus, out), patience=300)
    assert done.returncode == 0, done.stderr
    return StateStore.open(Place.of(out))


def assert_same(index, other):
    assert index.sites == other.sites
    for site in index.sites:
        assert index.count(site) == other.count(site) > 0
        every = np.arange(index.count(site))
        mine, others = index.rows(site, every), other.rows(site, every)
        for name in ("sentence", "position", "token", "predicted", "vectors"):
            np.testing.assert_array_equal(
                getattr(mine, name), getattr(others, name), err_msg=f"{site} {name}"
            )
    assert [index.sentence(each) for each in range(SENTENCES)] == [
        other.sentence(each) for each in range(SENTENCES)
    ]


def test_a_cluster_builds_the_same_index(warm, two_nodes, corpus, here, tmp_path):
    asked = command(corpus, tmp_path / "index", "--on", two_nodes.address)
    built = warm.run(asked, environment=two_nodes.environment, patience=500)
    assert built.returncode == 0, built.stderr
    assert_same(StateStore.open(Place.of(tmp_path / "index")), here)


def test_a_node_may_be_lost_midway(two_nodes, corpus, here, tmp_path):
    out = tmp_path / "index"
    building = subprocess.Popen(
        [sys.executable, *command(corpus, out, "--on", two_nodes.address)],
        env=two_nodes.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while not _rows(out):
        assert building.poll() is None, building.stderr.read()
        time.sleep(0.02)  # until the first rows are acknowledged
    two_nodes.lose_one()
    assert building.poll() is None, "the index was done before the node was lost"
    _, told = building.communicate(timeout=500)
    assert building.returncode == 0, told
    two_nodes.add()
    assert_same(StateStore.open(Place.of(out)), here)


SEARCHING = """
import sys
import numpy as np
from s2sdap.cluster import connected
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.on_cluster import Searching, searched_on
address, index, site, last, queries, out = sys.argv[1:]
searching = Searching(index, site, 7, metric="cosine", where=Filter(right=True, sentences=(0, int(last))))
with connected(address) as cluster:
    found = list(searched_on(cluster, searching, np.load(queries)))
assert len(found) > 1
np.savez(out, rows=np.concatenate([each.rows for each in found]),
         distances=np.concatenate([each.distances for each in found]))
"""


def test_many_queries_find_on_a_cluster_what_they_find_here(warm, two_nodes, here, tmp_path):
    site, last = StateSite.parse("decoder.layers.0"), SENTENCES // 2
    queries = here.rows(site, np.arange(0, here.count(site), 20)).vectors
    np.save(tmp_path / "queries.npy", queries)
    asked = (two_nodes.address, here.place.path, site, last, tmp_path / "queries.npy", tmp_path / "found.npz")
    done = warm.run(["-c", SEARCHING, *asked], environment=two_nodes.environment, patience=500)
    assert done.returncode == 0, done.stderr
    found = np.load(tmp_path / "found.npz", allow_pickle=False)
    where = Filter(right=True, sentences=(0, last))
    expected = open_search(here, site, metric="cosine").query(queries, 7, where)
    np.testing.assert_array_equal(found["rows"], expected.rows)
    np.testing.assert_array_equal(found["distances"], expected.distances)


def test_lists_that_a_cluster_built_are_searched_here(warm, two_nodes, here, tmp_path):
    copy = tmp_path / "index"
    shutil.copytree(here.place.path, copy)
    site = StateSite.parse("encoder.states")
    words = (
        "index",
        "tune",
        copy,
        "--site",
        site,
        "--kind",
        "ivf",
        "--on",
        two_nodes.address,
        "--recall",
        0.99,
    )
    tuned = warm.run(["-m", "s2sdap", *words], environment=two_nodes.environment, patience=500)
    assert tuned.returncode == 0, tuned.stderr
    store = StateStore.open(Place.of(copy))
    (segments,) = [each for each in store.dataset(site).describe_indices() if each.field_names == ["vector"]]
    assert segments.num_rows_indexed == store.count(site)
    search = open_search(store, site, kind="ivf")
    assert search.recall >= 0.99
    (itself,) = search.query(store.rows(site, np.array([5])).vectors, 1).distances
    assert itself == 0


def _rows(out):
    try:
        return read_manifest(Place.of(out)).sentences.rows
    except S2sdapError:
        return 0


def test_where_no_cluster_runs_one_is_started_and_ended(two_nodes, tmp_path):
    """`RAY_ADDRESS=local` has Ray look for none: other tests of this machine may have one."""
    (tmp_path / "dates.txt").write_text("March 3, 1999\n4. Juli 2005\n")
    words = ("run", tmp_path / "dates.txt", "--on", "ray", "--output", tmp_path / "out.txt")
    done = subprocess.run(
        [sys.executable, "-m", "s2sdap", *map(str, words)],
        env={**two_nodes.environment, "RAY_ADDRESS": "local"},
        check=False,
        timeout=300,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "1999-03-03\n2005-07-04\n"


def test_what_names_no_cluster_is_refused_before_anything_is_read(warm, tmp_path):
    refused = warm.run(command(tmp_path / "nothing.tsv", tmp_path / "index", "--on", "spark://x"))
    assert refused.returncode == 2
    assert "S2S7302" in refused.stderr
