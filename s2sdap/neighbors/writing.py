"""Adding to an index. What was committed is acknowledged; what a killed process left beyond it is undone.

A commit appends to the datasets, each of which Lance does whole or not at all, and then replaces the
manifest, which names the version of each. The manifest is the commit: until it is there, readers see the
earlier versions, and the next writer goes back to them.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from s2sdap.neighbors import manifest as manifests
from s2sdap.neighbors.columns import digest_of, joined, no_states, state_table
from s2sdap.neighbors.extras import required
from s2sdap.neighbors.lock import locked
from s2sdap.neighbors.manifest import CorpusRecord, Manifest, ModelIdentity, Recall, SiteTable, Table
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.sentences import CorpusSentence, sentence_table, sentences_digest
from s2sdap.neighbors.states import States, StateSite
from s2sdap.neighbors.store import SENTENCES, StateStore, opened_dataset, read_manifest
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T", bound=Table)
_LAST: Final = 2**64 - 1
"""Lance names the file of version v by this number less v, so that the newest comes first."""


@contextlib.contextmanager
def writing(place: Place, *, wait: bool = False) -> Iterator["StoreWriter"]:
    """Hold an index for writing. `wait` for another process that writes, or refuse.

    Raises:
        S2sdapError: `index_missing`, `index_newer`, `index_damaged`, `index_busy`, `index_unwritable`.
    """
    required("lance")
    with _held(place, wait=wait):
        yield StoreWriter(place, StateStore.open(place).manifest)


@contextlib.contextmanager
def creating(
    place: Place, model: ModelIdentity, dimensions: Mapping[StateSite, int], *, wait: bool = False
) -> Iterator["StoreWriter"]:
    """Make an empty index and hold it, or hold the one that is there already.

    Raises:
        S2sdapError: `index_foreign` where something else is there, and what `writing` raises.
    """
    required("lance")
    sites = tuple(SiteTable(site=str(site), dimension=size) for site, size in dimensions.items())
    with unwritable(place):
        if place.folder is not None:
            place.folder.mkdir(parents=True, exist_ok=True)
    with _held(place, wait=wait):
        if manifest_there(place) is None:
            manifest = Manifest(model=model, sites=sites, sentences=Table())
            with unwritable(place):
                place.write(manifests.NAME, manifests.encoded(manifest))
        yield StoreWriter(place, StateStore.open(place).manifest)


def manifest_there(place: Place) -> Manifest | None:
    """The manifest of the index at a place, or `None` where one can be made.

    Raises:
        S2sdapError: `index_foreign` where something else is there, `index_newer`, `index_damaged`.
    """
    with unwritable(place):
        if place.empty():
            return None
    try:
        return read_manifest(place)
    except S2sdapError as error:
        if error.name == "index_missing":
            raise S2sdapError("index_foreign", path=place.path) from None
        raise


class StoreWriter:
    """An index that this process adds to. What was added counts from the next `commit` on."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        """Use `writing` or `creating`."""
        self.place = place
        self.manifest = manifest
        self.pending_rows = 0
        self.pending_bytes = 0
        self._sites = {StateSite.parse(each.site): each for each in manifest.sites}
        self._pending: dict[StateSite, list[States]] = {site: [] for site in self._sites}
        self._sentences: list[CorpusSentence] = []
        self._written: dict[str, int] = {}  # the version that this process wrote last, of each dataset

    def add_sentences(self, sentences: Sequence[CorpusSentence]) -> None:
        """Add sentences, in any order; their numbers must be new."""
        self._sentences.extend(sentences)

    def add(self, states: Mapping[StateSite, States]) -> None:
        """Add the states of a batch, of every site of the index.

        Raises:
            S2sdapError: `index_dimension`.
        """
        for site, table in self._sites.items():
            found = states[site].vectors.shape[1]
            if found != table.dimension:
                raise S2sdapError(
                    "index_dimension", path=self.place.path, site=site, expected=table.dimension, found=found
                )
        for site in self._sites:
            self._pending[site].append(states[site])
        self.pending_rows += max((len(states[site]) for site in self._sites), default=0)
        self.pending_bytes += sum(states[site].vectors.nbytes for site in self._sites)

    def commit(self, corpora: Sequence[CorpusRecord] | None = None) -> None:
        """Write what was added and acknowledge it, and with it how far the corpora are.

        Raises:
            S2sdapError: `index_unwritable`, `index_busy`; the index is as it was at the commit before.
        """
        try:
            with unwritable(self.place):
                self._acknowledge(self._appended(self.manifest.corpora if corpora is None else corpora))
        except BaseException:
            self._written = {}  # what was appended is not acknowledged: the next commit goes back
            raise
        self._sites = {StateSite.parse(each.site): each for each in self.manifest.sites}
        self._pending = {site: [] for site in self._sites}
        self._sentences = []
        self.pending_rows = self.pending_bytes = 0

    def dataset(self, site: StateSite) -> Any:
        """The dataset of `site` as it was acknowledged, its newest version, to put an index into; or None."""
        with unwritable(self.place):
            return self._at(str(site), self._sites[site])

    def adopt(self, site: StateSite) -> None:
        """Acknowledge the newest version of a dataset to which an index was added, but no row.

        Raises:
            S2sdapError: `index_damaged` where its rows are others, `index_unwritable`.
        """
        table = self._sites[site]
        dataset = opened_dataset(self.place, str(site), None)
        if dataset.count_rows() != table.rows:
            reason = f"it has {dataset.count_rows()} rows, not {table.rows}"
            raise S2sdapError("index_damaged", path=self.place.path, where=site, reason=reason)
        self._sites[site] = msgspec.structs.replace(table, version=dataset.version)
        self._written[str(site)] = dataset.version
        with unwritable(self.place):
            self._acknowledge(msgspec.structs.replace(self.manifest, sites=tuple(self._sites.values())))

    def note_recall(self, recall: Recall) -> None:
        """Keep a measurement with the index, in the place of the last one of its site, kind and metric."""
        key = (recall.site, recall.kind, recall.metric)
        others = tuple(each for each in self.manifest.recall if (each.site, each.kind, each.metric) != key)
        with unwritable(self.place):
            self._acknowledge(msgspec.structs.replace(self.manifest, recall=(*others, recall)))

    def tidy(self) -> None:
        """Remove what no acknowledged version needs: earlier versions, and what killed processes left."""
        named = [(SENTENCES, self.manifest.sentences), *((each.site, each) for each in self.manifest.sites)]
        with unwritable(self.place):
            for name, table in named:
                if table.version:
                    self._at(name, table).cleanup_old_versions(
                        older_than=timedelta(0), delete_unverified=True
                    )

    def _appended(self, corpora: Sequence[CorpusRecord]) -> Manifest:
        """Append what was added to every dataset; the manifest that acknowledges it."""
        sentences, tables = self.manifest.sentences, []
        if self._sentences or not sentences.version:
            digest = sentences_digest(self._sentences)
            sentences = self._append(SENTENCES, sentences, sentence_table(self._sentences), digest)
        for site, table in self._sites.items():
            states = joined([no_states(table.dimension), *self._pending[site]])
            if len(states) or not table.version:  # the first commit makes every dataset
                tables.append(self._append(str(site), table, state_table(states), digest_of(states)))
            else:
                tables.append(table)
        return msgspec.structs.replace(
            self.manifest, sentences=sentences, sites=tuple(tables), corpora=tuple(corpora)
        )

    def _append(self, name: str, table: T, rows: Any, digest: str) -> T:
        """Append to a dataset; how far it then is."""
        lance = required("lance")
        self._at(name, table)
        there = _exists(self.place, name)
        mode = "append" if table.version else "overwrite" if there else "create"
        dataset = lance.write_dataset(
            rows, self.place / f"{name}.lance", mode=mode, storage_options=dict(self.place.options)
        )
        count = table.rows + rows.num_rows
        if dataset.count_rows() != count:
            raise S2sdapError("index_busy", path=self.place.path, who="")
        if self.place.folder is not None:
            _settle(self.place.folder / f"{name}.lance", dataset)
        self._written[name] = dataset.version
        blocks = (*table.blocks, (rows.num_rows, digest))
        return msgspec.structs.replace(table, rows=count, version=dataset.version, blocks=blocks)

    def _at(self, name: str, table: Table) -> Any:
        """The dataset at its acknowledged version, which is then its newest.

        A process that was killed before it could acknowledge has left a newer one: that is undone, once.
        """
        if not table.version:
            return None
        dataset = opened_dataset(self.place, name, None)
        expected = self._written.get(name, table.version)
        if dataset.version == expected:
            return dataset
        if name in self._written:  # this process wrote the newest one, and now another has
            raise S2sdapError("index_busy", path=self.place.path, who="")
        opened_dataset(self.place, name, table.version).restore()
        restored = opened_dataset(self.place, name, None)
        self._written[name] = restored.version
        return restored

    def _acknowledge(self, manifest: Manifest) -> None:
        """Replace the manifest, unless another process has done so since this one read it."""
        if read_manifest(self.place) != self.manifest:
            raise S2sdapError("index_busy", path=self.place.path, who="")
        self.place.write(manifests.NAME, manifests.encoded(manifest))
        self.manifest = manifest


@contextlib.contextmanager
def unwritable(place: Place) -> Iterator[None]:
    """Tell what the system or Lance raises while it writes as `index_unwritable`."""
    try:
        yield
    except S2sdapError:
        raise
    except (OSError, ValueError) as error:  # an ArrowInvalid is a ValueError
        reason = getattr(error, "strerror", None) or str(error).partition(", /")[0]
        raise S2sdapError("index_unwritable", path=place.path, reason=reason) from error


@contextlib.contextmanager
def _held(place: Place, *, wait: bool) -> Iterator[None]:
    """The lock of a folder. Object storage has none: there the manifest is looked at before each commit."""
    if place.folder is None:
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(place.folder, wait=wait))
        except FileNotFoundError as error:
            raise S2sdapError("index_missing", path=place.path, reason=error.strerror) from None
        except OSError as error:
            raise S2sdapError("index_unwritable", path=place.path, reason=error.strerror) from None
        yield


def _exists(place: Place, name: str) -> bool:
    try:
        opened_dataset(place, name, None)
    except (OSError, ValueError):
        return False
    return True


def _settle(folder: Path, dataset: Any) -> None:
    """Have the newest rows and their version on the disk before the manifest that names them is."""
    newest = [file for fragment in dataset.get_fragments()[-1:] for file in fragment.data_files()]
    version = folder / "_versions" / f"{_LAST - dataset.version:020d}.manifest"
    for path in (*(folder / "data" / file.path for file in newest), version):
        for each in (path, path.parent):
            if not each.exists() or (os.name == "nt" and each.is_dir()):
                continue
            descriptor = os.open(each, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
