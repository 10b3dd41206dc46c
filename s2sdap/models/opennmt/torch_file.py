"""Files that `torch.save` wrote, in each of its three forms, read as data.

| form | since | what it is |
|---|---|---|
| zip | torch 1.6 | an archive, not compressed: `data.pkl`, and a file for each storage |
| stream | torch 0.1.10 | pickles in a row (a number, version, system, value, keys), then the storages |
| tar | before | an archive: `storages`, `tensors`, and `pickle`, which refers to those |

Sizes are held against the length of the file before anything is taken from it.
"""

import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.models.opennmt.names import allowed
from s2sdap.models.opennmt.pickled import read_pickle
from s2sdap.models.opennmt.reasons import Forbidden, Unreadable
from s2sdap.models.opennmt.storages import (
    StorageView,
    View,
    dtype_of,
    storage_view,
    tensor,
    view_of,
)

_STREAM_MAGIC: Final = 0x1950A86A20F9469CFC6C
_STREAM_VERSION: Final = 1001
_ZIP: Final = b"PK\x03\x04"
_TAR: Final = b"ustar"
_TAR_AT: Final = 257
_DAMAGES: Final = (
    *(zipfile.BadZipFile, tarfile.TarError, struct.error, EOFError, OSError),
    *(
        ValueError,
        RuntimeError,
        NotImplementedError,
    ),  # archives of negative places, of foreign names, encrypted
)
"""What the readers of archives raise for bytes that make no sense."""


@dataclass(frozen=True, slots=True, eq=False)
class TorchFile:
    """What was saved, as plain values, `Named` and `Made`; and the bytes of its storages."""

    value: Any
    storages: Mapping[str, bytes | memoryview]

    def tensor(self, value: object) -> Tensor | None:
        """The tensor that a value of the file describes, in fp32; `None` where it is none.

        Raises:
            Unreadable: where the file does not hold what the tensor is said to.
        """
        view = view_of(value)
        return None if view is None else tensor(view, self.storages)


def read_torch_file(data: bytes) -> TorchFile:
    """What `torch.save` wrote into `data`.

    Raises:
        Unreadable: for what is no such file, or a damaged one.
        Forbidden: where it names what no checkpoint needs.
    """
    try:
        if data.startswith(_ZIP):
            return _zip(data)
        if data[_TAR_AT : _TAR_AT + len(_TAR)] == _TAR:
            return _tar(data)
        return _stream(data)
    except (Unreadable, Forbidden):
        raise
    except _DAMAGES as error:
        raise Unreadable(f"it is damaged ({error})") from None


def _nothing(_identity: object) -> Any:
    raise Unreadable("it refers to something where there is nothing to refer to")


def _zip(data: bytes) -> TorchFile:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {member.filename: member for member in archive.infolist()}
        roots = [name.removesuffix("/data.pkl") for name in members if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise Unreadable("it is a zip archive, but none that torch wrote")
        (root,) = roots
        for member in members.values():
            if member.compress_type != zipfile.ZIP_STORED or member.file_size > len(data):
                raise Unreadable(f"its member {member.filename} is compressed, which torch's are not")
        if f"{root}/byteorder" in members and archive.read(f"{root}/byteorder") != b"little":
            raise Unreadable("its numbers are big-endian")
        value = read_pickle(io.BytesIO(archive.read(f"{root}/data.pkl")), allowed, storage_view)
        folder = f"{root}/data/"
        storages = {
            name.removeprefix(folder): archive.read(member)
            for name, member in members.items()
            if name.startswith(folder)
        }
    return TorchFile(value, storages)


def _stream(data: bytes) -> TorchFile:
    file = io.BytesIO(data)
    if read_pickle(file, allowed, _nothing) != _STREAM_MAGIC:
        raise Unreadable("it is no file that torch wrote")
    version = read_pickle(file, allowed, _nothing)
    if version != _STREAM_VERSION:
        raise Unreadable("it is of a version of torch's format that is not known")
    system = read_pickle(file, allowed, _nothing)
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise Unreadable("its numbers are big-endian")
    kinds: dict[str, torch.dtype] = {}

    def seen(identity: object) -> StorageView:
        view = storage_view(identity)
        kinds[view.key] = view.dtype
        return view

    value = read_pickle(file, allowed, seen)
    keys = read_pickle(file, allowed, _nothing)
    if not isinstance(keys, list):
        raise Unreadable("it does not say which storages it has")
    storages = {}
    for key in map(str, (key for key in keys if isinstance(key, (str, int)))):
        if key not in kinds:
            raise Unreadable(f"it has a storage {key} that nothing refers to")
        storages[key] = _counted(file, data, kinds[key])
    return TorchFile(value, storages)


def _counted(file: io.BytesIO, data: bytes, dtype: torch.dtype) -> memoryview:
    """The bytes of a storage that stands after its count of numbers."""
    (count,) = struct.unpack("<q", file.read(8))
    start, length = file.tell(), count * dtype.itemsize
    if count < 0 or start + length > len(data):
        raise Unreadable(f"it ends before its storage of {count} numbers does")
    file.seek(length, io.SEEK_CUR)
    return memoryview(data)[start : start + length]


def _tar(data: bytes) -> TorchFile:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:  # read from, never unpacked
        parts = {}
        for name in ("storages", "tensors", "pickle"):
            try:
                member = archive.extractfile(name)
            except KeyError:
                member = None
            if member is None:
                raise Unreadable(f"it is a tar archive without {name}, so none that torch wrote")
            parts[name] = member.read()
    known: dict[str, StorageView | View] = {}
    storages = _tar_storages(parts["storages"], known)
    _tar_tensors(parts["tensors"], known)

    def referred(identity: object) -> StorageView | View:
        if isinstance(identity, tuple) and identity:  # some write what it is a class of beside its number
            identity = identity[0]
        if not isinstance(identity, (str, int)) or str(identity) not in known:
            raise Unreadable("it refers to a tensor that it does not have")
        return known[str(identity)]

    return TorchFile(read_pickle(io.BytesIO(parts["pickle"]), allowed, referred), storages)


def _tar_storages(data: bytes, known: dict[str, StorageView | View]) -> dict[str, memoryview]:
    file = io.BytesIO(data)
    storages = {}
    for _ in range(_number(read_pickle(file, allowed, _nothing))):
        key, _, kind = _several(read_pickle(file, allowed, _nothing), 3)
        dtype = dtype_of(kind)
        storages[str(key)] = _counted(file, data, dtype)
        known[str(key)] = StorageView(str(key), dtype, 0, len(storages[str(key)]) // dtype.itemsize)
    views = read_pickle(file, allowed, _nothing)
    for view in views if isinstance(views, list) else ():
        target, root, offset, length = _several(view, 4)
        whole = known.get(str(root))
        if not isinstance(whole, StorageView) or _number(offset) + _number(length) > whole.count:
            raise Unreadable("a part of a storage lies outside of it")
        known[str(target)] = StorageView(whole.key, whole.dtype, whole.offset + offset, length)
    return storages


def _tar_tensors(data: bytes, known: dict[str, StorageView | View]) -> None:
    file = io.BytesIO(data)
    for _ in range(_number(read_pickle(file, allowed, _nothing))):
        key, storage, _ = _several(read_pickle(file, allowed, _nothing), 3)
        whole = known.get(str(storage))
        if not isinstance(whole, StorageView):
            raise Unreadable("it has a tensor without a storage")
        (axes, _) = struct.unpack("<ii", file.read(8))
        if not 0 <= axes <= 64:
            raise Unreadable(f"it has a tensor of {axes} axes")
        numbers = struct.unpack(f"<{2 * axes + 1}q", file.read(8 * (2 * axes + 1)))
        if min(numbers) < 0:
            raise Unreadable("it has a tensor with a negative size")
        known[str(key)] = View(whole, numbers[-1], numbers[:axes], numbers[axes : 2 * axes])


def _several(value: object, count: int) -> tuple[Any, ...]:
    if not isinstance(value, (tuple, list)) or len(value) != count:
        raise Unreadable("its list of storages or tensors is damaged")
    return tuple(value)


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**40:
        raise Unreadable("it has a number of items that is none")
    return value
