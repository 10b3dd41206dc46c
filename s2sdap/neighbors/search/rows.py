"""The rows that are searched, wherever they lie: here in an array, in `store_rows` in an index."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float16, Float32, Int64
from numpy.typing import NDArray

from s2sdap.neighbors.search.filters import Labels
from s2sdap.neighbors.states import States

BLOCK: Final = 1 << 20
"""Numbers a block: 4 MB as float32, which stays in a core's cache while it is worked on."""


class Rows(ABC):
    """N vectors of D features (`dimension`) with their labels."""

    dimension: int

    @property
    @abstractmethod
    def labels(self) -> Labels:
        """What each row belongs to."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def blocks(self, first: int = 0) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """The rows from `first` on in order, a block at a time, each with the number of its first row.

        A block is valid until the next one is asked for.
        """

    @abstractmethod
    def take(self, rows: Int64[np.ndarray, "n"]) -> Float16[np.ndarray, "n D"]:
        """These rows, in this order."""


class MemoryRows(Rows):
    """Rows of an array in memory or of a memory map."""

    def __init__(self, vectors: Float16[np.ndarray, "N D"], labels: Labels) -> None:
        self.vectors = vectors
        self._labels = labels
        self.dimension = int(vectors.shape[1])

    @classmethod
    def of(cls, states: States) -> "MemoryRows":
        """Of states as extraction gives them."""
        return cls(states.vectors, Labels(states.sentence, states.token, states.predicted))

    @property
    def labels(self) -> Labels:
        """As they were given."""
        return self._labels

    def __len__(self) -> int:
        return len(self.vectors)

    def blocks(self, first: int = 0) -> Iterator[tuple[int, Float16[np.ndarray, "n D"]]]:
        """Slices of the array."""
        size = block_rows(self.dimension)
        for start in range(first, len(self), size):
            yield start, self.vectors[start : start + size]

    def take(self, rows: Int64[np.ndarray, "n"]) -> Float16[np.ndarray, "n D"]:
        """A copy of these rows."""
        taken: NDArray[np.float16] = self.vectors[rows]
        return taken


def block_rows(dimension: int) -> int:
    """Rows a block."""
    return max(256, BLOCK // max(1, dimension))


class _Buffers(threading.local):
    """Memory that a thread converts blocks in, kept: fresh pages cost more than a small block."""

    numbers = torch.empty(0)


_BUFFERS: Final = _Buffers()


def single(vectors: Float16[np.ndarray, "n D"]) -> Float32[np.ndarray, "n D"]:
    """The vectors as float32, until this thread asks for the next.

    Converted by torch, which is some ten times as fast as numpy.
    """
    if vectors.size > _BUFFERS.numbers.numel():
        _BUFFERS.numbers = torch.empty(max(BLOCK, vectors.size))
    target = _BUFFERS.numbers[: vectors.size].view(vectors.shape)
    target.copy_(torch.from_numpy(unlocked(vectors)))
    converted: NDArray[np.float32] = target.numpy()
    return converted


class _Unlocked:
    """Names the memory of a read-only array as if it could be written, and keeps it alive."""

    def __init__(self, array: NDArray[Any]) -> None:
        address, _ = array.__array_interface__["data"]
        self.__array_interface__ = {**array.__array_interface__, "data": (address, False)}
        self.array = array


def unlocked(array: NDArray[np.float16]) -> NDArray[np.float16]:
    """The array as torch takes it without a warning, which it gives of a read-only one."""
    return array if array.flags.writeable else np.asarray(_Unlocked(array))
