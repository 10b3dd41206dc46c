"""Files as every floor handles them: UTF-8 text as lines, and a file that appears whole or not at all."""

import codecs
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

MAX_BYTES: Final = 256 * 1024 * 1024
TABLE: Final = ".tsv"
"""What the name of a file ends with whose columns a tab parts."""


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


def read_pairs(path: str, reference: str | None = None) -> tuple[list[str], list[str] | None]:
    """The source sentences of a file, one a line, and the reference of each where there are any.

    Those come from the file `reference` in step with it, or from the second column of a file that is
    called `….tsv`, whose first is the source.

    Raises:
        S2sdapError: `program_columns`, `reference_missing`, `reference_length`, and what `read_lines` raises.
    """
    return pairs_of(read_lines(path), path, read_references(reference) if reference else None, reference)


def read_references(path: str) -> list[str]:
    """The lines of a file of references. Raises `reference_missing`, and what else `read_lines` raises."""
    try:
        return read_lines(path)
    except S2sdapError as error:
        if error.name != "program_missing":
            raise
        raise S2sdapError("reference_missing", **error.details) from None


def pairs_of(
    lines: Sequence[str], path: str, references: Sequence[str] | None, reference_path: str | None
) -> tuple[list[str], list[str] | None]:
    """The same of lines that have been read."""
    sources, columns = list(lines), None
    if path.lower().endswith(TABLE):
        sources, columns = _columns(lines, path)
    if references is None:
        return sources, columns
    check_length(references, reference_path, len(sources))
    return sources, list(references)


def check_length(references: Sequence[str], path: str | None, expected: int) -> None:
    """Refuse references that are not in step with `expected` lines. Raises `reference_length`."""
    if len(references) != expected:
        raise S2sdapError("reference_length", path=path, found=len(references), expected=expected)


def _columns(lines: Sequence[str], path: str) -> tuple[list[str], list[str] | None]:
    """The first column, and the second if there is one: then every line with text has to have it."""
    rows = [line.split("\t") for line in lines]
    sources = [row[0] for row in rows]
    if not any(len(row) > 1 for row in rows):
        return sources, None
    for number, (line, row) in enumerate(zip(lines, rows, strict=True), start=1):
        if line and len(row) == 1:
            raise S2sdapError("program_columns", path=path, line=number)
    return sources, [row[1] if len(row) > 1 else "" for row in rows]


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
