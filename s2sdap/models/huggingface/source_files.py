"""Sources that are files: a line of the program names a recording or an image.

Reading is bounded, and a refusal names the line. A source keeps where its file is and how it looked when it
was read; the tensors are made again when they are wanted, so a program of a thousand recordings is not
held in memory.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError

MAX_FILE_BYTES: Final = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that a line names, and what tells that it has changed: its size and time of writing."""

    line: str
    path: Path
    kind: str
    stamp: tuple[int, int]

    def refused(self, reason: object) -> S2sdapError:
        """The error that says why the file cannot be read."""
        return S2sdapError("source_file", line=self.line, kind=self.kind, reason=reason)


@dataclass(frozen=True, slots=True)
class FileSource(Source):
    """A source whose tokens are the parts of a file: the frames of a recording, the patches of an image."""

    file: SourceFile = field(kw_only=True)


def file_of_line(line: str, base: Path | None, kind: str) -> SourceFile:
    """The file that `line` names, from the folder `base` where it is no whole path.

    Raises:
        S2sdapError: `source_file` where there is none, or none that may be read.
    """
    nowhere = SourceFile(line, Path(), kind, (0, 0))
    name = line.strip()
    if not name:
        raise nowhere.refused("the line is empty")
    try:
        path = Path(os.path.abspath((base or Path()) / Path(name).expanduser()))
        file = SourceFile(line, path, kind, _stamp(path))
    except (OSError, ValueError, RuntimeError) as error:  # NUL bytes, names too long, no such ~user
        raise nowhere.refused(getattr(error, "strerror", None) or error) from None
    if not path.is_file():  # a pipe may never end
        raise file.refused("it is no regular file")
    if file.stamp[0] > MAX_FILE_BYTES:
        raise file.refused(f"it has {file.stamp[0]} bytes; the limit is {MAX_FILE_BYTES}")
    return file


def check_unchanged(file: SourceFile) -> None:
    """Refuse a file that was written since its tokens were made: they would not be those of its tensors."""
    try:
        same = _stamp(file.path) == file.stamp
    except OSError as error:
        raise file.refused(error.strerror) from None
    if not same:
        raise file.refused("it has changed since it was first read; start again to read it anew")


def _stamp(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns
