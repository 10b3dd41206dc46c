"""The language server: every request of the protocol, handed to the pure function that answers it.

server = make_server()
server.start_io()
"""

import functools
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any, TypeVar

from lsprotocol import types as lsp
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from s2sdap.language.client import Client
from s2sdap.language.client_options import client_options
from s2sdap.language.configuration import FILE_NAME
from s2sdap.language.desk import Desk, path_of
from s2sdap.language.documents import Document
from s2sdap.language.lowering import extent_of
from s2sdap.language.lsp_protocol import SentencesProtocol
from s2sdap.language.source_files import SourceFile
from s2sdap.language.upkeep import Upkeep
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import position_of_column

REQUEST_FAILED = -32803
"""The protocol's number for a request that was right and could not be carried out."""
T = TypeVar("T")


class SentencesServer(LanguageServer):
    """A server with what it holds open."""

    def __init__(self) -> None:
        super().__init__("s2sdap", version("s2sdap"), protocol_cls=SentencesProtocol)
        self.desk = Desk()
        self.client = Client(self)
        self.upkeep = Upkeep(self.desk, self.client)

    def file(self, uri: str) -> SourceFile:
        """An open file of sentences. Raises `not_read`."""
        try:
            return self.desk.files[uri]
        except KeyError:
            raise S2sdapError("not_read", uri=uri) from None

    def at(self, uri: str, position: lsp.Position) -> tuple[Document, int, int] | None:
        """A document, the line that a position is on, and where on it, in code points."""
        document = self.desk.documents.get(uri)
        if document is None or position.line >= len(document.lines):
            return None
        return document, position.line, position_of_column(document.lines[position.line], position.character)


def refusing(handler: Callable[..., Awaitable[T]]) -> Callable[..., Awaitable[T]]:
    """A handler whose refusals reach the client in words."""

    @functools.wraps(handler)
    async def refused(*arguments: Any) -> T:
        try:
            return await handler(*arguments)
        except S2sdapError as error:
            raise JsonRpcException(str(error), REQUEST_FAILED, {"number": error.number}) from error

    return refused


def make_server() -> SentencesServer:
    """A server with all of its handlers."""
    from s2sdap.language.server_commands import add_commands  # noqa: PLC0415 - it needs the class above
    from s2sdap.language.server_conditions import add_conditions  # noqa: PLC0415 - as above
    from s2sdap.language.server_features import add_features  # noqa: PLC0415 - as above
    from s2sdap.language.server_positions import add_positions  # noqa: PLC0415 - as above

    server = SentencesServer()
    _add_documents(server)
    for add in (add_features, add_positions, add_commands, add_conditions):
        add(server)
    return server


def _add_documents(server: SentencesServer) -> None:
    desk, upkeep = server.desk, server.upkeep

    @server.feature(lsp.INITIALIZE)
    def initialize(params: lsp.InitializeParams) -> None:
        desk.options = client_options(params.initialization_options)
        folders = [folder.uri for folder in params.workspace_folders or ()]
        if not folders and params.root_uri:
            folders = [params.root_uri]
        desk.roots = [path_of(uri) for uri in folders]

    @server.feature(lsp.INITIALIZED)
    async def initialized(_params: lsp.InitializedParams) -> None:
        await server.client.watch(f"**/{FILE_NAME}", "**/*.jsonl")

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    def folders(params: lsp.DidChangeWorkspaceFoldersParams) -> None:
        gone = {path_of(folder.uri) for folder in params.event.removed}
        desk.roots = [root for root in desk.roots if root not in gone]
        desk.roots += [path_of(folder.uri) for folder in params.event.added]
        upkeep.reconfigured()

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        given = params.text_document
        file = desk.open(given.uri, given.text, given.version, given.language_id)
        if file is not None:
            upkeep.begin(file)
        else:
            upkeep.look_again(given.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        document, file = desk.documents.get(uri), desk.files.get(uri)
        if document is None:
            return
        for change in params.content_changes:
            if isinstance(change, lsp.TextDocumentContentChangePartial):
                splice = document.replace(extent_of(change.range), change.text)
            else:
                splice = document.replace_all(change.text)
            if file is not None:
                file.changed(splice)
        document.version = params.text_document.version
        upkeep.look_again(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        desk.close(params.text_document.uri)
        upkeep.forget(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def on_disk(params: lsp.DidChangeWatchedFilesParams) -> None:
        paths = {path_of(change.uri) for change in params.changes}
        if any(path.name == FILE_NAME for path in paths):
            upkeep.reconfigured()
        for file in list(desk.files.values()):
            report = file.project.configuration.report
            if report is not None and any(str(path) == file.project.path(report) for path in paths):
                upkeep.begin(file)
