"""An index on disk or in object storage, as it is read: states by site and row, sentences by number.

A folder with one Lance dataset a site, one of sentences, and the manifest that says how many rows of
each are acknowledged and at which version. Rows are numbered from 0 in the order in which they were
added; that order never changes. `writing` adds to an index; what a store has opened stays as it was.
Whether it is the index of a model at hand, `identity.check_model` tells.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

import numpy as np
from jaxtyping import Float16, Int64, Integer
from numpy.typing import NDArray

from s2sdap.neighbors import manifest as manifests
from s2sdap.neighbors.columns import KEYS, VECTOR, column_of, no_states, state_schema, states_of, vectors_of
from s2sdap.neighbors.extras import required
from s2sdap.neighbors.file_vectors import FileVectors, vectors_in_files
from s2sdap.neighbors.manifest import Manifest, SiteTable, Table
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.sentences import CorpusSentence, sentence_schema, sentences_of
from s2sdap.neighbors.states import States, StateSite
from s2sdap.vocabulary.errors import S2sdapError

SENTENCES: Final = "sentences"
BLOCK: Final = 65_536
"""Rows that are read at once where a caller names no other number."""
READ: Final = 1 << 20
"""Numbers that are read at once where all are: 2 MB of float16, copied while they are in a cache."""


class StateStore:
    """An index that is open for reading: exactly the rows that were acknowledged when it was opened."""

    def __init__(self, place: Place, manifest: Manifest) -> None:
        """Use `open`."""
        self.place = place
        self.manifest = manifest
        self._tables = {StateSite.parse(each.site): each for each in manifest.sites}
        self._datasets: dict[str, Any] = {}
        self._in_files: dict[StateSite, FileVectors | None] = {}
        self._sorted: tuple[NDArray[np.int64], NDArray[np.int64]] | None = None

    @classmethod
    def open(
        cls, where: str | os.PathLike[str] | Place, storage_options: Mapping[str, str] | None = None
    ) -> "StateStore":
        """The index at a folder, a `file://` URI, or any other URI that Lance reads with `storage_options`.

        Every dataset is looked up, and every file that belongs to it where it is a folder of this
        machine; their values are read when they are asked for.

        Raises:
            S2sdapError: `index_missing`, `index_newer`, `index_damaged`, `neighbors_missing`.
        """
        required("lance")
        place = where if isinstance(where, Place) else Place.of(where, storage_options)
        manifest = read_manifest(place)
        while True:
            store = cls(place, manifest)
            try:
                store._open_all()
            except S2sdapError:  # a process that adds to it may have gone on in between
                again = read_manifest(place)
                if again == manifest:
                    raise
                manifest = again
            else:
                return store

    @property
    def sites(self) -> tuple[StateSite, ...]:
        """The sites that it has states of."""
        return tuple(self._tables)

    def dimension(self, site: StateSite) -> int:
        """How many numbers a vector of `site` has."""
        return self._table(site).dimension

    def count(self, site: StateSite) -> int:
        """How many states of `site` there are."""
        return self._table(site).rows

    @property
    def sentence_count(self) -> int:
        """How many sentences there are: those whose states are in."""
        return self.manifest.sentences.rows

    @property
    def sentence_numbers(self) -> Int64[np.ndarray, "N"]:
        """The numbers of the sentences whose states are in, ascending."""
        return self._numbers()[0]

    def dataset(self, site: StateSite) -> Any:
        """The `lance.LanceDataset` of `site` at the acknowledged version, to search in it.

        Raises `index_missing` where nothing has been committed yet.
        """
        return self._dataset(str(site), self._table(site))

    def blocks_of(self, site: StateSite) -> tuple[tuple[int, str], ...]:
        """How the states of `site` were committed: how many at a time, and the SHA-256 of their values."""
        return self._table(site).blocks

    def in_files(self, site: StateSite) -> FileVectors | None:
        """The vectors of `site` in files of this machine; `None` where they do not lie there as they are."""
        if self.place.folder is None or not self.count(site):
            return None
        if site not in self._in_files:  # every file is looked at for it
            with self._reading(str(site)):
                files = self.place.folder / f"{site}.lance" / "data"
                self._in_files[site] = vectors_in_files(self.dataset(site), files, self.dimension(site))
        return self._in_files[site]

    def vectors(self, site: StateSite) -> Float16[np.ndarray, "N D"]:
        """All the vectors of `site` in one array, row by row."""
        table = self._table(site)
        found = np.empty((table.rows, table.dimension), np.float16)
        size, files = max(256, READ // table.dimension), self.in_files(site)
        with self._reading(str(site)):
            for start, block in self.blocks(site, size) if files is None else files.blocks(0, size):
                found[start : start + len(block)] = block
        return found

    def blocks(self, site: StateSite, rows: int = BLOCK) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """The vectors of `site` in blocks of at most `rows`, each with the row that it begins at."""
        start = 0
        for batch in self._batches(site, [VECTOR], rows):
            yield start, vectors_of(batch.column(VECTOR))
            start += batch.num_rows

    def column(self, site: StateSite, name: str) -> NDArray[Any]:
        """`sentence`, `position`, `token` or `predicted` of all the states of `site`, as an array [N]."""
        found = np.empty(self.count(site), KEYS[name])
        start = 0
        for batch in self._batches(site, [name], BLOCK):
            found[start : start + batch.num_rows] = column_of(batch, name)
            start += batch.num_rows
        return found

    def rows(self, site: StateSite, indices: "Integer[np.ndarray, 'Q'] | Sequence[int]") -> States:
        """The states of these rows, in this order; a row may be asked for more than once.

        Raises:
            S2sdapError: `index_no_row`, `index_no_site`, `index_damaged`.
        """
        wanted = np.asarray(indices, dtype=np.int64)
        outside = wanted[(wanted < 0) | (wanted >= self.count(site))]
        if len(outside):
            self._refuse("row", int(outside[0]), self.count(site))
        if not len(wanted):
            return no_states(self.dimension(site))
        with self._reading(str(site)):
            return states_of(self.dataset(site).take(wanted.tolist(), columns=[*KEYS, VECTOR]))

    def sentence(self, number: int) -> CorpusSentence:
        """The sentence of that number. Raises `index_no_row`, `index_damaged`."""
        return self.sentences([number])[0]

    def sentences(self, numbers: "Integer[np.ndarray, 'Q'] | Sequence[int]") -> list[CorpusSentence]:
        """The sentences of these numbers, in this order. Raises `index_no_row`, `index_damaged`."""
        wanted = np.asarray(numbers, dtype=np.int64)
        known, rows = self._numbers()
        absent = wanted[~np.isin(wanted, known)]
        if len(absent):
            self._refuse("sentence", int(absent[0]), len(known))
        if not len(wanted):
            return []
        places = np.searchsorted(known, wanted)
        with self._reading(SENTENCES):
            return sentences_of(self._dataset(SENTENCES, self.manifest.sentences).take(rows[places].tolist()))

    def _numbers(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The sentence numbers ascending, and the row of each: they are added in another order."""
        if self._sorted is None:
            numbers = np.empty(0, np.int64)
            if self.sentence_count:
                with self._reading(SENTENCES):
                    dataset = self._dataset(SENTENCES, self.manifest.sentences)
                    numbers = dataset.to_table(columns=["sentence"]).column("sentence").to_numpy()
            order = np.argsort(numbers, kind="stable")
            self._sorted = numbers[order], order
        return self._sorted

    def _table(self, site: StateSite) -> SiteTable:
        try:
            return self._tables[site]
        except KeyError:
            known = ", ".join(map(str, self._tables))
            raise S2sdapError("index_no_site", path=self.place.path, site=site, known=known) from None

    def _batches(self, site: StateSite, columns: list[str], rows: int) -> Iterator[Any]:
        if self.count(site) == 0:
            return
        with self._reading(str(site)):
            yield from self.dataset(site).to_batches(columns=columns, batch_size=rows)

    def _refuse(self, what: str, number: int, count: int) -> NoReturn:
        raise S2sdapError("index_no_row", path=self.place.path, what=what, number=number, count=count)

    def _dataset(self, name: str, table: Table) -> Any:
        found = self._datasets.get(name)
        if found is None:
            if not table.version:
                raise S2sdapError("index_missing", path=self.place.path, reason="nothing is committed yet")
            with self._reading(name):
                found = opened_dataset(self.place, name, table.version)
            self._datasets[name] = found
        return found

    def _open_all(self) -> None:
        for site, table in self._tables.items():
            if table.version:
                self._check(str(site), table, state_schema(table.dimension))
        if self.manifest.sentences.version:
            self._check(SENTENCES, self.manifest.sentences, sentence_schema())

    def _check(self, name: str, table: Table, schema: Any) -> None:
        """Refuse a dataset that is not what the manifest says, or that lacks a file."""
        dataset = self._dataset(name, table)
        with self._reading(name):
            if dataset.schema != schema:
                raise ValueError(f"its columns are {dataset.schema.to_string()}")
            if (found := dataset.count_rows()) != table.rows:
                raise ValueError(f"it has {found} rows, the manifest names {table.rows}")
            if self.place.folder is None:
                return
            for fragment in dataset.get_fragments():
                for file in fragment.data_files():
                    path = self.place.folder / f"{name}.lance" / "data" / file.path
                    size = path.stat().st_size
                    if file.file_size_bytes not in (None, size):
                        raise ValueError(f"{path.name} has {size} bytes, not {file.file_size_bytes}")

    def _reading(self, where: str) -> contextlib.AbstractContextManager[None]:
        return reading(self.place, where)


def read_manifest(place: Place) -> Manifest:
    """The manifest that is there now. Raises `index_missing`, `index_newer`, `index_damaged`."""
    try:
        data = place.read(manifests.NAME)
    except OSError as error:
        reason = getattr(error, "strerror", None) or error
        raise S2sdapError("index_missing", path=place.path, reason=f"{manifests.NAME}: {reason}") from None
    return manifests.decoded(data, place.path)


def opened_dataset(place: Place, name: str, version: int | None) -> Any:
    """The Lance dataset `name` of an index at a version, or the newest. Raises what Lance raises."""
    return required("lance").dataset(
        place / f"{name}.lance", version=version, storage_options=dict(place.options)
    )


@contextlib.contextmanager
def reading(place: Place, where: str) -> Iterator[None]:
    """Tell what Lance raises while it reads as `index_damaged`."""
    try:
        yield
    except S2sdapError:
        raise
    except (OSError, ValueError, KeyError) as error:  # an ArrowInvalid is a ValueError
        raise S2sdapError("index_damaged", path=place.path, where=where, reason=_short(error)) from error
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # what a panic in Rust becomes derives from nothing else
            raise
        raise S2sdapError("index_damaged", path=place.path, where=where, reason=_short(error)) from error


def _short(error: BaseException) -> str:
    """The first line of what Lance said, without the places in its own source that follow."""
    return str(error).partition("\n")[0].partition(", /")[0]
