"""The tensors of a session file: written part by part, read when somebody looks.

A part is one safetensors file in the zip, stored and not compressed, so that no entry can be larger
than the file. Neither side ever holds more than a few parts in memory.
"""

import threading
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from s2sdap.debugger.session_file.layout import PART_BYTES, part_name
from s2sdap.decoding.named_sites import NamedSites
from s2sdap.vocabulary.errors import S2sdapError

HELD_BYTES: Final = 64 * 1024 * 1024
"""Bytes of parts that a reader keeps at hand; the last one read always stays."""
UNREADABLE: Final = (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile)
"""What reading an entry of a broken zip raises."""


class Parts:
    """Gathers tensors and writes a part whenever there are enough."""

    def __init__(self, file: zipfile.ZipFile) -> None:
        self._file = file
        self._pending: dict[str, Tensor] = {}
        self._bytes = 0
        self.sizes: list[int] = []

    def add(self, tensors: Mapping[str, Tensor]) -> int:
        """Take the tensors of one record. Returns the number of the part that they will be in."""
        number = len(self.sizes)
        for name, value in tensors.items():
            # A copy of its own: safetensors refuses tensors that share memory.
            self._pending[name] = value.detach().cpu().contiguous().clone()
            self._bytes += value.nbytes
        if self._bytes >= PART_BYTES:
            self.flush()
        return number

    def flush(self) -> None:
        """Write the part that is begun, if there is one."""
        if not self._pending:
            return
        data = safetensors.torch.save(self._pending)
        self._file.writestr(part_name(len(self.sizes)), data, zipfile.ZIP_STORED)
        self.sizes.append(len(data))
        self._pending, self._bytes = {}, 0


class Store:
    """The parts of an open file. May be asked from any thread."""

    def __init__(self, path: str, file: zipfile.ZipFile, sizes: list[int]) -> None:
        self._path = path
        self._file = file
        self._sizes = sizes
        self._held: OrderedDict[int, dict[str, Tensor]] = OrderedDict()
        self._lock = threading.Lock()

    def part(self, number: int) -> Mapping[str, Tensor]:
        """The tensors of a part. Raises `session_damaged`."""
        with self._lock:
            held = self._held.get(number)
            if held is None:
                held = self._held[number] = self._read(number)
                while len(self._held) > 1 and sum(map(self._size, self._held)) > HELD_BYTES:
                    self._held.popitem(last=False)
            self._held.move_to_end(number)
            return held

    def tensor(self, number: int, name: str) -> Tensor:
        """One tensor of a part. Raises `session_damaged`."""
        found = self.part(number).get(name)
        if found is None:
            raise self.damaged(part_name(number), f"it has no tensor {name!r}")
        return found

    def numbers(self, number: int, name: str, dtype: torch.dtype, length: int | None = None) -> Tensor:
        """A tensor that must be a row of `length` numbers of this type."""
        value = self.tensor(number, name)
        if value.dtype is not dtype or value.dim() != 1 or (length is not None and len(value) != length):
            what = f"{value.dtype} {tuple(value.shape)} in place of {dtype} {(length,)}"
            raise self.damaged(part_name(number), f"{name!r} is {what}")
        return value

    def damaged(self, where: str, reason: object) -> S2sdapError:
        """The refusal of what stands in this file."""
        return S2sdapError("session_damaged", path=self._path, where=where, reason=reason)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _size(self, number: int) -> int:
        return self._sizes[number]

    def _read(self, number: int) -> dict[str, Tensor]:
        if not 0 <= number < len(self._sizes):
            raise self.damaged("session.json", f"there is no part {number}")
        name = part_name(number)
        try:
            return safetensors.torch.load(self._file.read(name))
        except (*UNREADABLE, SafetensorError, KeyError) as error:
            raise self.damaged(name, error) from None


class RecordedSites(NamedSites):
    """The sites of a record, read from the file when they are looked at: none is `held`."""

    __slots__ = ("_part", "_prefix", "_store")

    held: Final[Mapping[str, Tensor]] = {}

    def __init__(self, store: Store, part: int, prefix: str, names: list[str]) -> None:
        self._store, self._part, self._prefix = store, part, prefix
        self._names = dict.fromkeys(names)

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._names:
            raise KeyError(name)
        return self._store.tensor(self._part, f"{self._prefix}{name}")
