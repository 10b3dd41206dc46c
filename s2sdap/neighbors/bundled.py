"""The index of the bundled date model's training set: built when it is first wanted, in the user's cache.

A quarter of the 40,000 training pairs is drawn, so that the first use waits for seconds. The folder is
named by the model's fingerprint and the release, so another model or release builds its own.
"""

import hashlib
import os
import shutil
import sys
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.bundled.written_dates import TRAINING_SHA256, training_pairs
from s2sdap.models.contract import Described
from s2sdap.models.loading import load_model
from s2sdap.neighbors import manifest as manifests
from s2sdap.neighbors.admission import unfinished
from s2sdap.neighbors.building import CommitBounds, Watch, build_index
from s2sdap.neighbors.corpus import read_corpus
from s2sdap.neighbors.extraction import Extractor, available_sites
from s2sdap.neighbors.identity import check_model, identity_of
from s2sdap.neighbors.lock import locked
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.plan import planned
from s2sdap.neighbors.site_choice import chosen_sites
from s2sdap.neighbors.store import StateStore
from s2sdap.neighbors.writing import unwritable
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

SAMPLE: Final = 10_000
"""Training pairs in the index."""
COMMIT: Final = 16_384
"""States of a site after which they are committed."""
CORPUS: Final = "training.tsv"
INDEX: Final = "index"


def has_bundled_index(model: Described) -> bool:
    """Whether `model` is the one whose training set this package knows."""
    return model.fingerprint == _fingerprint()


def bundled_folder(sample: int = SAMPLE) -> Path:
    """Where the training pairs and their index lie, or will."""
    name = f"{DEFAULT_MODEL}-{_fingerprint()}-{version('s2sdap')}-{manifests.VERSION}-{sample}"
    return _cache_folder() / "s2sdap" / "neighbors" / name


def bundled_index(watch: Watch | None = None, *, sample: int = SAMPLE) -> StateStore:
    """The index of the bundled model, built now where it is not there yet.

    Processes that want it at once wait for the one that builds it. What a killed one has committed is
    gone on with; what cannot be read is built again.

    Args:
        watch: hears how far the build is. What it raises ends the build; the next call goes on.
        sample: training pairs that are drawn.

    Raises:
        S2sdapError: `index_unwritable` where the cache cannot be written, `neighbors_missing`.
    """
    folder = bundled_folder(sample)
    store = _whole(folder)
    if store is not None:
        return store
    place = Place.of(folder)
    with unwritable(place):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=True):
        store = _whole(folder)
        if store is None:
            with unwritable(place):
                _built(folder, watch, sample)
            store = StateStore.open(folder / INDEX)
    return store


def _whole(folder: Path) -> StateStore | None:
    """The index if all of it is there and can be read."""
    try:
        store = StateStore.open(folder / INDEX)
        check_model(store.place.path, store.manifest.model, load_model(DEFAULT_MODEL))
    except S2sdapError as error:
        if error.name == "neighbors_missing":
            raise
        return None
    corpora = store.manifest.corpora
    return store if corpora and unfinished(corpora) is None else None


def _built(folder: Path, watch: Watch | None, sample: int) -> None:
    """Build the index, or go on with one that was begun. What cannot be gone on with is removed."""
    try:
        _gone_on(folder, watch, sample)
    except S2sdapError as error:
        if error.name not in _BEYOND_REPAIR:
            raise
        shutil.rmtree(folder / INDEX)
        _gone_on(folder, watch, sample)


def _gone_on(folder: Path, watch: Watch | None, sample: int) -> None:
    corpus = folder / CORPUS
    if not corpus.exists() or hashlib.sha256(corpus.read_bytes()).hexdigest() != TRAINING_SHA256:
        text = "".join(f"{source}\t{target}\n" for source, target in training_pairs())
        write_whole(corpus, text.encode())
    model = load_model(DEFAULT_MODEL)
    dimensions = chosen_sites(available_sites(model), model=model.name)
    extractor = Extractor(model, tuple(dimensions))
    plan = planned(read_corpus(str(corpus), sample=sample), extractor)
    identity = identity_of(model, DEFAULT_MODEL)
    place, commits = Place.of(folder / INDEX), CommitBounds(COMMIT)
    build_index(place, plan, extractor, identity, dimensions, commits=commits, watch=watch)


_BEYOND_REPAIR: Final = (
    "index_damaged",
    "index_newer",
    "index_foreign",
    "index_other_model",
    "index_other_build",
    "corpus_changed",
)
"""Why an index that lies in the cache is not gone on with."""


@cache
def _fingerprint() -> str:
    return load_model(DEFAULT_MODEL).fingerprint


def _cache_folder() -> Path:
    """Where this system keeps what can be made again."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        return Path(given)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")
