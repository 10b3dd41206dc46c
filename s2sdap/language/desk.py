"""What lies open: documents, which of them are files of sentences, and which configuration each is under."""

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from s2sdap.language.client_options import CONDITION, SOURCES, ClientOptions
from s2sdap.language.configuration import FILE_NAME, Configuration, Project, read_configuration
from s2sdap.language.documents import Document
from s2sdap.language.source_files import SourceFile
from s2sdap.models.source_readers import SourceReader, quick_reader
from s2sdap.vocabulary.errors import S2sdapError

LARGEST: Final = 1024 * 1024
"""Bytes of a configuration that are read."""


class Desk:
    """Everything that is open. Nothing here decodes, and nothing waits."""

    def __init__(self) -> None:
        self.options = ClientOptions()
        self.roots: list[Path] = []
        self.documents: dict[str, Document] = {}
        self.languages: dict[str, str] = {}
        self.files: dict[str, SourceFile] = {}
        self._wanted: dict[str, bool] = {}
        self._read: dict[Path, Configuration] = {}
        self._readers: dict[str, SourceReader | S2sdapError | None] = {}

    # ---- documents ---------------------------------------------------------------------------

    def open(self, uri: str, text: str, version: int, language: str) -> SourceFile | None:
        """A document was opened; gives it as a file of sentences where it is one."""
        self.documents[uri] = Document(text, version)
        self.languages[uri] = language
        return self._file(uri) if self._is_wanted(uri) else None

    def close(self, uri: str) -> None:
        """A document was closed."""
        self.documents.pop(uri, None)
        self.languages.pop(uri, None)
        self.files.pop(uri, None)

    def want(self, uri: str, wanted: bool) -> SourceFile | None:
        """A person says whether a file is one of sentences."""
        self._wanted[uri] = wanted
        if not wanted:
            self.files.pop(uri, None)
            return None
        return self._file(uri) if uri in self.documents else None

    def is_configuration(self, uri: str) -> bool:
        """Whether a document is `s2sdap.toml`."""
        return path_of(uri).name == FILE_NAME

    def is_condition(self, uri: str) -> bool:
        """Whether a document is a condition."""
        return self.languages.get(uri) == CONDITION

    def _is_wanted(self, uri: str) -> bool:
        if uri in self._wanted:
            return self._wanted[uri]
        if self.languages[uri] == SOURCES:
            return True
        path = path_of(uri)
        return not self.is_configuration(uri) and self.project_of(path).reads(path)

    def _file(self, uri: str) -> SourceFile:
        path = path_of(uri)
        project = self.project_of(path)
        reader = self._reader(project.model)
        file = SourceFile(uri, path, self.documents[uri], project)
        if isinstance(reader, S2sdapError):
            file.failure = reader
        else:
            file.reader = reader
        self.files[uri] = file
        return file

    def _reader(self, model: str) -> SourceReader | S2sdapError | None:
        if model not in self._readers:
            try:
                self._readers[model] = quick_reader(model)
            except S2sdapError as error:
                self._readers[model] = error
        return self._readers[model]

    # ---- configuration -----------------------------------------------------------------------

    def project_of(self, path: Path) -> Project:
        """The configuration that a file is under: that of the nearest folder, or the client's."""
        for folder in self._folders(path):
            configuration = self._configuration(folder / FILE_NAME)
            if configuration is not None:
                return Project(configuration, folder, self.options.trust_remote_code)
        root = self._root(path) or path.parent
        return Project(self.options.settings, root, self.options.trust_remote_code)

    def configuration_of(self, path: Path) -> tuple[Path, str | None]:
        """Where the configuration of a file lies, or would, and its text."""
        for folder in self._folders(path):
            text = self._text(folder / FILE_NAME)
            if text is not None:
                return folder / FILE_NAME, text
        return (self._root(path) or path.parent) / FILE_NAME, None

    def reconfigure(self) -> list[SourceFile]:
        """Read the configurations again. Gives the files that are under another one now, or are new."""
        self._readers.clear()
        changed = []
        for uri in self.documents:
            before = self.files.get(uri)
            if not self._is_wanted(uri):
                self.files.pop(uri, None)
                continue
            if before is None:
                changed.append(self._file(uri))
                continue
            project = self.project_of(before.path)
            if project == before.project:
                continue
            if project.decoding == before.project.decoding and (
                project.configuration.references == before.project.configuration.references
            ):
                before.project = project  # what was decoded stays right
                changed.append(before)
            else:
                changed.append(self._file(uri))
        return changed

    def _root(self, path: Path) -> Path | None:
        inside = [root for root in self.roots if path.is_relative_to(root)]
        return max(inside, key=lambda root: len(root.parts), default=None)

    def _folders(self, path: Path) -> Iterator[Path]:
        """The folders in which a configuration of a file may lie, the nearest first."""
        root = self._root(path)
        for folder in path.parents:
            yield folder
            if folder == root or root is None:
                return

    def _configuration(self, path: Path) -> Configuration | None:
        """The configuration in a file; while it cannot be read, as it was read last."""
        text = self._text(path)
        if text is None:
            self._read.pop(path, None)
            return None
        try:
            self._read[path] = read_configuration(tomllib.loads(text))[0]
        except (tomllib.TOMLDecodeError, RecursionError):
            return self._read.get(path)
        return self._read[path]

    def _text(self, path: Path) -> str | None:
        """The text of a configuration: as it is being edited, or as it lies there."""
        for uri, document in self.documents.items():
            if self.is_configuration(uri) and path_of(uri) == path:
                return document.text
        try:
            if path.stat().st_size > LARGEST:
                return None
            return path.read_text(encoding="utf-8")
        except (OSError, ValueError):
            return None


def path_of(uri: str) -> Path:
    """The path of a document; of one that is no file, its last part."""
    parts = urlsplit(uri)
    if parts.scheme != "file":
        return Path(unquote(parts.path) or parts.netloc)
    return Path(url2pathname(parts.path))
