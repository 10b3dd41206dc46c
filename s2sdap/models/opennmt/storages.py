"""Storages and tensors of torch files: bytes of one kind of number, and views of them.

A tensor is described by a call of `torch._utils._rebuild_tensor` over a storage. It is made here by
ourselves, once its sizes have been held against the bytes that are really there; nothing is allocated that
the file does not hold.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from s2sdap.models.opennmt.pickled import Made, Named
from s2sdap.models.opennmt.reasons import Unreadable

DTYPES: Final = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_PARAMETERS: Final = ("_rebuild_parameter", "_rebuild_parameter_with_state")


@dataclass(frozen=True, slots=True)
class StorageView:
    """`count` numbers of the storage `key`, from number `offset` on; each is of `dtype`."""

    key: str
    dtype: torch.dtype
    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class View:
    """A tensor as a view of a storage: where it begins, its sizes and its strides, in numbers."""

    storage: StorageView
    offset: int
    sizes: tuple[int, ...]
    strides: tuple[int, ...]


def dtype_of(kind: object) -> torch.dtype:
    """The numbers of a storage class, such as `torch.FloatStorage`."""
    dtype = DTYPES.get(kind.name) if isinstance(kind, Named) else None
    if dtype is None:
        name = kind if isinstance(kind, Named) else type(kind).__name__
        raise Unreadable(f"it has a storage of the unknown kind {name}")
    return dtype


def storage_view(identity: object) -> StorageView:
    """The storage that a persistent id stands for.

    The id is ("storage", class, key, where it was, count), and in old files a part of it or `None`.
    """
    parts = identity if isinstance(identity, tuple) else ()
    if len(parts) not in (5, 6) or parts[0] != "storage":
        raise Unreadable("it refers to what is no storage")
    _, kind, key, _, count = parts[:5]
    view = StorageView(_text(key), dtype_of(kind), 0, _count(count))
    if len(parts) == 6 and parts[5] is not None:
        if not isinstance(parts[5], tuple) or len(parts[5]) != 3:
            raise Unreadable("it has a part of a storage that is not described")
        _, offset, length = parts[5]
        if _count(offset) + _count(length) > view.count:
            raise Unreadable(f"a part of storage {view.key} lies outside of it")
        view = StorageView(view.key, view.dtype, offset, length)
    return view


def view_of(value: object) -> View | None:
    """The tensor that `value` describes, or `None` where it describes none."""
    if isinstance(value, View):
        return value
    if not isinstance(value, Made):
        return None
    if value.maker.name in _PARAMETERS or value.maker == Named("torch.nn.parameter", "Parameter"):
        return view_of(value.arguments[0]) if value.arguments else None
    if value.maker.module != "torch._utils" or value.maker.name not in (
        "_rebuild_tensor",
        "_rebuild_tensor_v2",
    ):
        return None
    if len(value.arguments) < 4:
        raise Unreadable("it has a tensor that is not fully described")
    storage, offset, sizes, strides = value.arguments[:4]
    if not isinstance(storage, StorageView):
        raise Unreadable("it has a tensor without a storage")
    return View(storage, _count(offset), counts(sizes), counts(strides))


def tensor(view: View, storages: Mapping[str, bytes | memoryview]) -> Tensor:
    """The tensor of a view, in fp32 and memory of its own.

    Raises:
        Unreadable: where the storage is absent, or shorter than what it is said to hold.
    """
    storage = view.storage
    data = storages.get(storage.key)
    if data is None:
        raise Unreadable(f"storage {storage.key} is not in the file")
    width = storage.dtype.itemsize
    if len(data) < (storage.offset + storage.count) * width:
        raise Unreadable(
            f"storage {storage.key} has {len(data)} bytes, and not {storage.count} numbers of {width} bytes"
        )
    if len(view.sizes) != len(view.strides):
        raise Unreadable(f"a tensor of storage {storage.key} has other sizes than strides")
    count = math.prod(view.sizes)
    last = view.offset + sum(
        (size - 1) * stride for size, stride in zip(view.sizes, view.strides, strict=True)
    )
    if count > storage.count or (count and last >= storage.count):
        raise Unreadable(f"a tensor of {list(view.sizes)} lies outside of storage {storage.key}")
    if not count:
        return torch.empty(view.sizes)
    begin = (storage.offset + view.offset) * width
    flat = torch.frombuffer(bytearray(data[begin : (storage.offset + last + 1) * width]), dtype=storage.dtype)
    return flat.as_strided(view.sizes, view.strides).float().contiguous()


def counts(values: object) -> tuple[int, ...]:
    """The sizes or strides that a pickle gives: a tuple of numbers, or a `torch.Size` of one."""
    if isinstance(values, Made) and values.arguments:
        values = values.arguments[0]
    if not isinstance(values, (tuple, list)):
        raise Unreadable("it has a tensor whose sizes are not numbers")
    return tuple(map(_count, values))


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**62:
        raise Unreadable("it has a number of items that is none")
    return value


def _text(value: object) -> str:
    if not isinstance(value, (str, int)):
        raise Unreadable("it has a storage whose key is no text")
    return str(value)
