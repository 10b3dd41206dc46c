"""Opening a session file that anybody may have written: nothing in it runs, everything is bounded.

A file is refused before any of it is used: its list of entries is fixed, tensors are stored as they
are (so they are no larger than the file), the document has a limit, every checksum is compared, and the
head of every part is read, so that what the document says of a tensor can be held against it.
"""

import os
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from s2sdap.debugger.session_file.layout import (
    DOCUMENT,
    FORMAT,
    MAX_DOCUMENT,
    MAX_PART,
    MAX_PARTS,
    VERSION,
    Document,
    Header,
    part_name,
)
from s2sdap.debugger.session_file.tensors import UNREADABLE, Store
from s2sdap.vocabulary.errors import S2sdapError

_CHUNK: Final = 1024 * 1024
_MAX_HEAD: Final = 16 * 1024 * 1024
"""Bytes of the names and shapes of one part."""


class Shape(msgspec.Struct, frozen=True):
    """What the head of a part says of a tensor."""

    dtype: str
    shape: list[int]


@dataclass(frozen=True, slots=True, eq=False)
class OpenFile:
    """A file that is whole: its document, its tensors, and the shape of each, part by part."""

    path: str
    size: int
    document: Document
    store: Store
    shapes: tuple[Mapping[str, Shape], ...]

    def shape(self, part: int, name: str) -> Shape:
        """The shape of a tensor. Raises `session_damaged` where there is none."""
        found = self.shapes[part].get(name) if 0 <= part < len(self.shapes) else None
        if found is None:
            raise self.store.damaged(DOCUMENT, f"there is no tensor {name!r} in part {part}")
        return found


def is_session_file(path: str | os.PathLike[str]) -> bool:
    """Whether a file is one of ours, of whatever version, as far as its document says."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _header(Path(path), _document(Path(path), archive)).format == FORMAT
    except (*_BROKEN, S2sdapError):
        return False


def open_file(path: str | os.PathLike[str]) -> OpenFile:
    """Open and check a session file. Raises an error of the 71 hundreds."""
    where = Path(path).expanduser()
    try:
        if not where.is_file():
            reason = "it is no file" if where.exists() else "there is no such file"
            raise S2sdapError("session_missing", path=path, reason=reason)
        size = where.stat().st_size
        archive = zipfile.ZipFile(where)
    except (OSError, ValueError) as error:
        if isinstance(error, OSError):
            raise S2sdapError("session_missing", path=path, reason=error.strerror or error) from None
        raise S2sdapError("session_foreign", path=path, reason=error) from None
    except _BROKEN as error:
        raise S2sdapError("session_foreign", path=path, reason=error) from None
    try:
        return _checked(where, size, archive)
    except BaseException:
        archive.close()
        raise


_BROKEN: Final = (*UNREADABLE, zlib.error, KeyError, IndexError, OverflowError, MemoryError)
"""What Python's zip reader raises, where the bytes are not as it thinks."""


def _checked(path: Path, size: int, archive: zipfile.ZipFile) -> OpenFile:
    data = _document(path, archive)
    header = _header(path, data)
    if header.format != FORMAT:
        raise S2sdapError("session_foreign", path=path, reason=f"its format is {header.format!r}")
    if header.version > VERSION:
        raise S2sdapError(
            "session_newer", path=path, found=header.version, supported=VERSION, release=header.release
        )
    if header.version < 1:
        raise _damaged(path, DOCUMENT, f"there is no version {header.version}")
    document = _decoded(path, data, Document)
    sizes = document.parts
    if len(sizes) > MAX_PARTS:
        raise S2sdapError("session_too_large", what="its list of parts", size=len(sizes), limit=MAX_PARTS)
    expected = {DOCUMENT, *(part_name(number) for number in range(len(sizes)))}
    names = [entry.filename for entry in archive.infolist()]
    if len(names) != len(expected) or set(names) != expected:
        odd = sorted(set(names) ^ expected) or ["one name twice"]
        raise _damaged(path, "the list of entries", f"it is not the one of {DOCUMENT}: {odd[0][:100]!r}")
    shapes = tuple(_part(path, archive, number, length, size) for number, length in enumerate(sizes))
    return OpenFile(str(path), size, document, Store(str(path), archive, sizes), shapes)


def _document(path: Path, archive: zipfile.ZipFile) -> bytes:
    try:
        entry = archive.getinfo(DOCUMENT)
    except KeyError:
        raise S2sdapError("session_foreign", path=path, reason=f"it has no {DOCUMENT}") from None
    if entry.file_size > MAX_DOCUMENT:
        raise S2sdapError("session_too_large", what=DOCUMENT, size=entry.file_size, limit=MAX_DOCUMENT)
    try:
        with archive.open(entry) as file:  # no further than it says, whatever it unpacks to
            data = file.read(entry.file_size + 1)
    except _BROKEN as error:
        raise _damaged(path, DOCUMENT, error) from None
    if len(data) != entry.file_size:
        raise _damaged(path, DOCUMENT, "its length is not the one that the zip gives")
    return data


def _part(path: Path, archive: zipfile.ZipFile, number: int, length: int, size: int) -> Mapping[str, Shape]:
    """Read a part through, without keeping it, and give what its head says."""
    name = part_name(number)
    try:
        entry = archive.getinfo(name)
        if entry.compress_type != zipfile.ZIP_STORED or entry.file_size != length or length > size:
            raise _damaged(path, name, "it is not stored as it is, or its length is wrong")
        if length > MAX_PART:
            raise S2sdapError("session_too_large", what=name, size=length, limit=MAX_PART)
        with archive.open(entry) as file:
            shapes = _head(path, name, file, length)
            while file.read(_CHUNK):  # the zip reader compares the checksum at the end
                pass
    except _BROKEN as error:
        raise _damaged(path, name, error) from None
    return shapes


def _head(path: Path, name: str, file: IO[bytes], length: int) -> Mapping[str, Shape]:
    head = int.from_bytes(file.read(8), "little")
    if head > min(length, _MAX_HEAD):
        raise _damaged(path, name, f"its head cannot have {head} bytes")
    found: dict[str, msgspec.Raw] = _decoded(path, file.read(head), dict[str, msgspec.Raw], name)
    return {
        key: _decoded(path, bytes(value), Shape, name)
        for key, value in found.items()
        if key != "__metadata__"
    }


def _header(path: Path, data: bytes) -> Header:
    return _decoded(path, data, Header)  # type: ignore[no-any-return]


def _decoded(path: Path, data: bytes, kind: Any, where: str = DOCUMENT) -> Any:
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise _damaged(path, where, error) from None


def _damaged(path: Path, where: str, reason: object) -> S2sdapError:
    return S2sdapError("session_damaged", path=path, where=where, reason=reason)
