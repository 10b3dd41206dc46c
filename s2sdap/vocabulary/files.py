"""Files as every floor handles them: UTF-8 text as lines, and a file that appears whole or not at all."""

import codecs
import os
import tempfile
from pathlib import Path
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

MAX_BYTES: Final = 256 * 1024 * 1024


def read_lines(path: str) -> list[str]:
    """The lines of a UTF-8 file. Raises `program_missing`, `program_not_utf8`, `program_too_large`."""
    return lines_of(read_bytes(path), path)


def read_bytes(path: str) -> bytes:
    """What a file of text holds. Raises `program_missing`, `program_too_large`."""
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise S2sdapError("program_too_large", path=path, size=size, limit=MAX_BYTES)
        with open(path, "rb") as file:  # no further than the limit: a device has no size and no end
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise S2sdapError(
            "program_missing", path=path, reason=getattr(error, "strerror", None) or error
        ) from None


def lines_of(data: bytes, path: str) -> list[str]:
    """The lines of UTF-8 text read from `path`, which is what a refusal names."""
    if len(data) > MAX_BYTES:
        raise S2sdapError("program_too_large", path=path, size=f"more than {MAX_BYTES}", limit=MAX_BYTES)
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        offset = error.start + len(data) - len(body)
        raise S2sdapError(
            "program_not_utf8", path=path, offset=offset, line=line, byte=data[offset]
        ) from None
    return split_lines(text)


def split_lines(text: str) -> list[str]:
    """Lines at line feeds alone (an editor's lines), without carriage returns and the last empty one."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` at `path` in one move: a reader sees the old file or the new one."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)  # mkstemp makes private files; what is written here is to be shared
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
