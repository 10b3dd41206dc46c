"""Where an index lies, a folder or a prefix of an object storage, and how its manifest gets there.

A folder may be written as a path or as `file://…`. Whatever other URI Lance reads is used as it is, with
the storage options that Lance takes.
"""

import contextlib
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlparse

from s2sdap.neighbors.extras import required
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]+://")


@dataclass(frozen=True, slots=True)
class Place:
    """The folder or URI of an index, and the options with which Lance reaches it."""

    path: str
    options: Mapping[str, str] = field(default_factory=dict, repr=False)  # keys may be among them

    @classmethod
    def of(cls, where: str | os.PathLike[str], options: Mapping[str, str] | None = None) -> "Place":
        """The place that a person wrote. Raises `index_missing` for one that holds nothing for long."""
        path = os.fspath(where)
        if path.startswith("memory://"):
            raise S2sdapError("index_missing", path=path, reason="what is in memory is gone with the handle")
        if path.startswith("file://"):
            path = unquote(urlparse(path).path)
        if not _SCHEME.match(path):
            path = os.path.abspath(os.path.expanduser(path))
        return cls(path.rstrip("/") or "/", dict(options or {}))

    @property
    def folder(self) -> Path | None:
        """The folder, where it is one of this machine's."""
        return None if _SCHEME.match(self.path) else Path(self.path)

    def __truediv__(self, name: str) -> str:
        return f"{self.path}/{name}"

    def read(self, name: str) -> bytes:
        """What the file `name` holds. Raises `OSError`, also where there is none."""
        if self.folder is not None:
            return (self.folder / name).read_bytes()
        with tempfile.TemporaryDirectory() as near:
            copy = Path(near) / name
            self._files().download_file(name, str(copy))
            return copy.read_bytes()

    def write(self, name: str, data: bytes) -> None:
        """Put `data` there in one move. Raises `OSError`."""
        if self.folder is not None:
            write_whole(self.folder / name, data)
            return
        with tempfile.TemporaryDirectory() as near:
            copy = Path(near) / name
            copy.write_bytes(data)
            self._files().upload_file(str(copy), name)

    def empty(self) -> bool:
        """Whether nothing is there but hidden files, such as a lock. Raises `OSError`."""
        if self.folder is None:
            return not self._files().list()
        with contextlib.suppress(FileNotFoundError):
            return all(each.name.startswith(".") for each in self.folder.iterdir())
        return True

    def _files(self) -> Any:
        return required("lance.file").LanceFileSession(self.path, dict(self.options))
