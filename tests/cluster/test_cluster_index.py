"""`s2sdap index build --on ray`: the index that one machine builds, to the bit, also when a node is lost."""

import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

pytest.importorskip("lance", reason="the extra `neighbors` is not installed: no index is built")

from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.search.filters import Filter
from s2sdap.neighbors.search.opening import open_search
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore, read_manifest
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(600)
SENTENCES = 1200


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
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
    return [sys.executable, "-m", "s2sdap", *map(str, (*asked, *words))]


@pytest.fixture(scope="module")
def here(corpus, tmp_path_factory):
    """The index that one process builds."""
    out = tmp_path_factory.mktemp("here") / "index"
    subprocess.run(command(corpus, out), check=True, timeout=300, capture_output=True)
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


def test_a_cluster_builds_the_same_index(two_nodes, corpus, here, tmp_path):
    built = subprocess.run(
        command(corpus, tmp_path / "index", "--on", two_nodes.address),
        env=two_nodes.environment,
        check=False,
        timeout=500,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert_same(StateStore.open(Place.of(tmp_path / "index")), here)


def test_a_node_may_be_lost_midway(two_nodes, corpus, here, tmp_path):
    out = tmp_path / "index"
    building = subprocess.Popen(
        command(corpus, out, "--on", two_nodes.address),
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


def test_many_queries_find_on_a_cluster_what_they_find_here(two_nodes, here, tmp_path):
    site, last = StateSite.parse("decoder.layers.0"), SENTENCES // 2
    queries = here.rows(site, np.arange(0, here.count(site), 20)).vectors
    np.save(tmp_path / "queries.npy", queries)
    asked = (two_nodes.address, here.place.path, site, last, tmp_path / "queries.npy", tmp_path / "found.npz")
    subprocess.run(
        [sys.executable, "-c", SEARCHING, *map(str, asked)],
        env=two_nodes.environment,
        check=True,
        timeout=500,
    )
    found = np.load(tmp_path / "found.npz", allow_pickle=False)
    where = Filter(right=True, sentences=(0, last))
    expected = open_search(here, site, metric="cosine").query(queries, 7, where)
    np.testing.assert_array_equal(found["rows"], expected.rows)
    np.testing.assert_array_equal(found["distances"], expected.distances)


def test_lists_that_a_cluster_built_are_searched_here(two_nodes, here, tmp_path):
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
    tuned = subprocess.run(
        [sys.executable, "-m", "s2sdap", *map(str, words)],
        env=two_nodes.environment,
        check=False,
        timeout=500,
        capture_output=True,
        text=True,
    )
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


def test_what_names_no_cluster_is_refused_before_anything_is_read(tmp_path):
    refused = subprocess.run(
        command(tmp_path / "nothing.tsv", tmp_path / "index", "--on", "spark://x"),
        check=False,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 2
    assert "S2S7302" in refused.stderr
