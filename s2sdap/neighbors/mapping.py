"""The vectors of a dataset, mapped out of its files where these hold them as they are.

Lance copies what it reads into fresh memory, and the pages of that cost more than the vectors in them: of a
million of 256 numbers 0.6 s, mapped 0.03 s. A file of Lance says where in it each column lies. Vectors
of 128 numbers and more lie there as they are, one after the other; shorter ones are packed in between
other things, and are left to Lance.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float16, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.columns import VECTOR, vectors_of
from s2sdap.neighbors.extras import required

_NUMBER: Final = np.dtype(np.float16)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """Rows that lie side by side in a file, whose size they were found by."""

    first: int
    vectors: NDArray[np.float16]
    file: mmap.mmap
    size: int

    def read(self, rows: Any) -> NDArray[np.float16]:
        """Some of its rows. Raises `OSError` where the file has been cut, whose pages are then no more."""
        if self.file.size() != self.size:
            raise OSError(f"a file had {self.size:,} bytes, and now has {self.file.size():,}")
        found: NDArray[np.float16] = self.vectors[rows]
        return found


class MappedVectors:
    """All vectors of a dataset, by row. What is read is the system's own memory of the files."""

    def __init__(self, parts: list[_Part], dimension: int) -> None:
        """Use `mapped`."""
        self._parts = parts
        self._dimension = dimension
        self._firsts = np.array([each.first for each in parts], np.int64)

    def blocks(self, first: int, size: int) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """The rows from `first` on, at most `size` at a time. Raises `OSError` where a file was changed."""
        for part in self._parts:
            for start in range(max(0, first - part.first), len(part.vectors), size):
                yield part.first + start, part.read(slice(start, start + size))

    def take(self, rows: Int64[np.ndarray, "n"]) -> Float16[np.ndarray, "n D"]:
        """A copy of these rows, in this order. Raises `OSError` where a file was changed."""
        found = np.empty((len(rows), self._dimension), _NUMBER)
        places = np.searchsorted(self._firsts, rows, side="right") - 1
        for number in np.unique(places):
            part, mine = self._parts[number], places == number
            found[mine] = part.read(rows[mine] - part.first)
        return found


def mapped(dataset: Any, folder: Path, dimension: int) -> MappedVectors | None:
    """The vectors of a dataset whose files lie in `folder`; `None` where one holds them in another way.

    The first and the last row of each part are held against what Lance reads. Raises what Lance raises.
    """
    column, parts, first = dataset.schema.names.index(VECTOR), [], 0
    for fragment in dataset.get_fragments():
        files = fragment.data_files()
        if len(files) != 1 or fragment.num_deletions:
            return None
        found = _parts(folder / files[0].path, files[0].column_indices[column], first, dimension)
        first += fragment.count_rows()
        if sum(len(each.vectors) for each in found) != fragment.count_rows():
            return None
        parts += found
    ends = [row for each in parts for row in (each.first, each.first + len(each.vectors) - 1)]
    if not ends:
        return None
    vectors = MappedVectors(parts, dimension)
    read = vectors_of(dataset.take(ends, columns=[VECTOR]).column(VECTOR))
    return vectors if vectors.take(np.array(ends)).tobytes() == read.tobytes() else None


def _parts(path: Path, column: int, first: int, dimension: int) -> list[_Part]:
    """What of a file may be vectors as they are, from row `first` on; less than all where some are not."""
    pages = required("lance.file").LanceFileReader(str(path)).metadata().columns[column].pages
    row = dimension * _NUMBER.itemsize
    parts: list[_Part] = []
    with path.open("rb") as opened:
        try:
            file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError:  # not every file system can
            return []
    size = file.size()
    for page in pages:
        if len(page.buffers) != 1:
            return []
        (buffer,) = page.buffers
        if buffer.size % row or buffer.position % _NUMBER.itemsize or buffer.position + buffer.size > size:
            return []
        numbers = np.frombuffer(file, _NUMBER, buffer.size // _NUMBER.itemsize, buffer.position)
        parts.append(_Part(first, numbers.reshape(-1, dimension), file, size))
        first += len(parts[-1].vectors)
    return parts
