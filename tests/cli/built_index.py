"""An index of written dates that the command built, and the corpora beside it: fixtures of the folder."""

import shutil

import pytest

from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

COUNT = 150
ENCODER, DECODER = StateSite("encoder.states"), StateSite("decoder.state")


@pytest.fixture(scope="session")
def corpora(tmp_path_factory):
    """The folder of what is indexed and added; the index is built into it."""
    folder = tmp_path_factory.mktemp("index")
    pairs = training_pairs()
    (folder / "dates.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in pairs[:COUNT]), "utf-8")
    (folder / "sources.txt").write_text("".join(f"{a}\n" for a, _ in pairs[COUNT : COUNT + 20]), "utf-8")
    (folder / "references.txt").write_text("".join(f"{b}\n" for _, b in pairs[COUNT : COUNT + 20]), "utf-8")
    return folder


@pytest.fixture(scope="session")
def built(corpora, s2sdap):
    """What the command says and makes, in a process of its own."""
    done = s2sdap("index", "build", "--corpus", corpora / "dates.tsv", "--out", corpora / "index")
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def index(corpora, built, tmp_path):
    """A copy of it that a test may change."""
    return shutil.copytree(corpora / "index", tmp_path / "index")


def values(place):
    """All that its states are, to be compared."""
    store = StateStore.open(place)
    rows = [store.rows(site, range(store.count(site))) for site in store.sites]
    return [getattr(each, name).tobytes() for each in rows for name in ("vectors", "sentence", "position")]
