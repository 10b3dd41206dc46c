"""Tensors as raw bytes: row by row, little-endian, read and written in part, as a memory inspector does."""

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from s2sdap.debugger.editing import making
from s2sdap.debugger.editing.places import Place, RowPlace, TensorPlace
from s2sdap.debugger.frames import Frame
from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary.errors import S2sdapError

MAX_READ: Final = 2**20
"""Bytes that one read gives at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Memory:
    """A tensor on show at a frame; `place` is what writing to it sets, `None` where it cannot be changed."""

    tensor: Tensor
    frame: Frame | None = None
    place: Place | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.tensor.numel() * self.tensor.element_size()

    def read(self, offset: int, count: int) -> bytes:
        """Bytes from `offset` on, at most `count` of them and `MAX_READ`; none outside of the tensor."""
        end = min(offset + min(count, MAX_READ), self.size)
        if not 0 <= offset < end:
            return b""
        width = self.tensor.element_size()
        first = offset // width
        part = self.tensor.detach().reshape(-1)[first : -(-end // width)]
        return _bytes(part)[offset - first * width : end - first * width]

    def edits(self, offset: int, data: bytes) -> tuple[Edit, ...]:
        """What writing `data` at `offset` means.

        An attention row stays a distribution: what is written is scaled to sum to 1. Raises `not_editable`
        where the tensor follows from others, and `bad_value` where the bytes do not fit in it.
        """
        if self.frame is None or not isinstance(self.place, TensorPlace | RowPlace):
            raise S2sdapError("not_editable", name="this tensor")
        if not 0 <= offset <= self.size - len(data):
            raise S2sdapError(
                "bad_value",
                value=f"{len(data)} bytes at {offset}",
                name="memory",
                reason=f"the tensor has {self.size}",
                expected="bytes that lie in it",
            )
        whole = bytearray(_bytes(self.tensor.detach().reshape(-1)))
        whole[offset : offset + len(data)] = data
        numbers: list[float] = torch.frombuffer(whole, dtype=self.tensor.dtype).double().tolist()
        if isinstance(self.place, RowPlace):
            return making.row(self.frame, numbers, self.place.layer, self.place.head)
        return making.site(self.frame, self.place.site, numbers, self.place.index)


def _bytes(flat: Tensor) -> bytes:
    return flat.cpu().contiguous().view(torch.uint8).numpy().tobytes()
