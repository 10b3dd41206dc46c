"""The rows of one site of an index: read in blocks, from its files or by Lance, or all into memory."""

from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate

import numpy as np
from jaxtyping import Float16, Int64, UInt64
from numpy.typing import NDArray

from s2sdap.neighbors.columns import VECTOR, vectors_of
from s2sdap.neighbors.file_vectors import FileVectors
from s2sdap.neighbors.search.filters import Labels
from s2sdap.neighbors.search.rows import MemoryRows, Rows, block_rows
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore, reading


class StoreRows(Rows):
    """What is asked for is read each time; only the labels are kept. Raises `index_damaged`."""

    def __init__(self, store: StateStore, site: StateSite) -> None:
        """Raises `index_no_site`."""
        self.store = store
        self.site = site
        self.dimension = store.dimension(site)

    @cached_property
    def labels(self) -> Labels:
        """24 bytes a row."""
        return Labels(*(self.store.column(self.site, name) for name in ("sentence", "token", "predicted")))

    def __len__(self) -> int:
        return self.store.count(self.site)

    @property
    def in_files(self) -> FileVectors | None:
        """The vectors in the files themselves, nearly as fast as memory; `None` where they cannot be had."""
        return self.store.in_files(self.site)

    def blocks(self, first: int = 0) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """Pieces of the files, or batches as they are read, cut to blocks."""
        if first >= len(self):
            return
        start, size = first, block_rows(self.dimension)
        if self.in_files is not None:
            with reading(self.store.place, str(self.site)):
                yield from self.in_files.blocks(first, size)
            return
        with reading(self.store.place, str(self.site)):
            scanner = self.store.dataset(self.site).scanner(
                columns=[VECTOR], batch_size=size, offset=first or None, scan_in_order=True
            )
            for batch in scanner.to_batches():
                vectors = vectors_of(batch.column(VECTOR))
                for offset in range(0, len(vectors), size):
                    yield start + offset, vectors[offset : offset + size]
                start += len(vectors)

    def take(self, rows: Int64[np.ndarray, "n"]) -> Float16[np.ndarray, "n D"]:
        """Read by row number."""
        if not len(rows):
            return np.empty((0, self.dimension), np.float16)
        with reading(self.store.place, str(self.site)):
            if self.in_files is not None:
                return self.in_files.take(rows)
            return vectors_of(
                self.store.dataset(self.site).take(rows.tolist(), columns=[VECTOR]).column(VECTOR)
            )

    def in_memory(self) -> MemoryRows:
        """All of it read into memory: 2 bytes a number, and the labels."""
        return _ReadRows(self)

    def at(self, addresses: UInt64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
        """The rows at these addresses of Lance: the fragment in the upper 32 bits, the place in it below."""
        fragments, starts = self._fragments
        fragment = (addresses >> np.uint64(32)).astype(np.int64)
        place = (addresses & np.uint64(0xFFFFFFFF)).astype(np.int64)
        found: NDArray[np.int64] = starts[np.searchsorted(fragments, fragment)] + place
        return found

    @cached_property
    def _fragments(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the fragments in rising order, and the first row of each."""
        fragments = self.store.dataset(self.site).get_fragments()
        firsts = [0, *accumulate(each.count_rows() for each in fragments)][:-1]
        numbers = np.array([each.fragment_id for each in fragments], np.int64)
        order = np.argsort(numbers)
        return numbers[order], np.array(firsts, np.int64)[order]


class _ReadRows(MemoryRows):
    """The vectors in memory; labels are read when a filter asks for them."""

    def __init__(self, rows: StoreRows) -> None:
        self.vectors = rows.store.vectors(rows.site)
        self.dimension = rows.dimension
        self._stored = rows

    @property
    def labels(self) -> Labels:
        """Read once."""
        return self._stored.labels
