"""The vectors of a dataset, read out of its files where these hold them as they are.

Lance reads into fresh memory, and the pages of that cost more than the vectors in them: 0.6 s for a million
of 256 numbers, which are read in a fifth of that into memory that is there. A file of Lance says where in
it each column lies. Vectors of 128 numbers and more lie there as they are, one after the other; shorter ones
are packed in between other things, and are left to Lance.

Files are not mapped: one that is cut while somebody looks at its pages would end the process.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any, Final

import numpy as np
from jaxtyping import Float16, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.columns import VECTOR, vectors_of
from s2sdap.neighbors.extras import required

_NUMBER: Final = np.dtype(np.float16)
_CLOSE: Final = 4
"""Rows that lie in so many times their number are read as one piece."""


@dataclass(frozen=True, slots=True)
class _Part:
    """`count` rows that lie side by side in a file from the byte `position` on; the first is row `first`."""

    first: int
    count: int
    path: Path
    position: int

    def read(self, file: FileIO, row: int, into: NDArray[np.float16]) -> None:
        """The rows from `row` of this part on, as many as there is room for. Raises `OSError` for fewer."""
        file.seek(self.position + row * into.shape[1] * _NUMBER.itemsize)
        if file.readinto(into.data.cast("B")) != into.nbytes:
            raise OSError(f"{self.path.name} has become shorter")


class FileVectors:
    """All vectors of a dataset, by row. Files are open only while something is read."""

    def __init__(self, parts: list[_Part], dimension: int) -> None:
        """Use `vectors_in_files`."""
        self._parts = parts
        self._dimension = dimension
        self._firsts = np.array([each.first for each in parts], np.int64)

    def blocks(self, first: int, size: int) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """The rows from `first` on, at most `size` at a time, each until the next one is asked for.

        Raises `OSError` where a file is gone or was cut.
        """
        memory = np.empty((size, self._dimension), _NUMBER)
        for part in self._parts:
            rows = range(max(0, first - part.first), part.count, size)
            if not rows:
                continue
            with FileIO(part.path) as file:
                for start in rows:
                    block = memory[: part.count - start]
                    part.read(file, start, block)
                    yield part.first + start, block

    def take(self, rows: Int64[np.ndarray, "n"]) -> Float16[np.ndarray, "n D"]:
        """These rows, in this order. Raises `OSError` where a file is gone or was cut."""
        found = np.empty((len(rows), self._dimension), _NUMBER)
        places = np.searchsorted(self._firsts, rows, side="right") - 1
        for number in np.unique(places):
            part, mine = self._parts[number], np.flatnonzero(places == number)
            wanted = rows[mine] - part.first
            low, span = int(wanted.min()), int(np.ptp(wanted)) + 1
            with FileIO(part.path) as file:
                if span <= _CLOSE * len(wanted):
                    piece = np.empty((span, self._dimension), _NUMBER)
                    part.read(file, low, piece)
                    found[mine] = piece[wanted - low]
                    continue
                for place, row in zip(mine.tolist(), wanted.tolist(), strict=True):
                    part.read(file, row, found[place : place + 1])
        return found


def vectors_in_files(dataset: Any, folder: Path, dimension: int) -> FileVectors | None:
    """The vectors of a dataset whose files lie in `folder`; `None` where one holds them in another way.

    The first and the last row of each part are held against what Lance reads.
    """
    with contextlib.suppress(OSError, ValueError, LookupError):  # Lance tells what is wrong when it reads
        column, parts, first = dataset.schema.names.index(VECTOR), list[_Part](), 0
        for fragment in dataset.get_fragments():
            files = fragment.data_files()
            if len(files) != 1 or fragment.num_deletions:
                return None
            found = _parts(folder / files[0].path, files[0].column_indices[column], first, dimension)
            first += fragment.count_rows()
            if sum(each.count for each in found) != fragment.count_rows():
                return None
            parts += found
        ends = [row for each in parts for row in (each.first, each.first + each.count - 1)]
        if ends:
            vectors = FileVectors(parts, dimension)
            read = vectors_of(dataset.take(ends, columns=[VECTOR]).column(VECTOR))
            return vectors if vectors.take(np.array(ends)).tobytes() == read.tobytes() else None
    return None


def _parts(path: Path, column: int, first: int, dimension: int) -> list[_Part]:
    """What of a file may be vectors as they are, from row `first` on; less than all where some are not."""
    row = dimension * _NUMBER.itemsize
    parts: list[_Part] = []
    for page in required("lance.file").LanceFileReader(str(path)).metadata().columns[column].pages:
        if len(page.buffers) != 1 or page.buffers[0].size % row:
            return []
        (buffer,) = page.buffers
        parts.append(_Part(first, buffer.size // row, path, buffer.position))
        first += parts[-1].count
    return parts
