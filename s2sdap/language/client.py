"""What the server says to its client by itself: diagnostics, progress, and that there is news to ask for."""

import contextlib
import itertools
from collections.abc import AsyncIterator, Sequence

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer


class Progress:
    """A bar that the client shows, or nothing where it shows none."""

    def __init__(self, server: LanguageServer, token: str | None, title: str) -> None:
        self._server, self._token, self._title = server, token, title

    def report(self, text: str, percentage: float | None = None) -> None:
        """How far it is."""
        if self._token is not None:
            part = None if percentage is None else int(percentage)
            self._server.work_done_progress.report(
                self._token, lsp.WorkDoneProgressReport(message=text, percentage=part)
            )

    @property
    def cancelled(self) -> bool:
        """Whether a person has had enough of it."""
        future = None if self._token is None else self._server.work_done_progress.tokens.get(self._token)
        return future is not None and future.cancelled()


class Client:
    """The client of a server, as far as it can do what is asked of it."""

    def __init__(self, server: LanguageServer) -> None:
        self._server = server
        self._numbers = itertools.count(1)

    @property
    def _workspace(self) -> lsp.WorkspaceClientCapabilities | None:
        return self._server.client_capabilities.workspace

    def publish(self, uri: str, version: int | None, found: Sequence[lsp.Diagnostic]) -> None:
        """The diagnostics of a document; they replace those before."""
        self._server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(uri=uri, version=version, diagnostics=list(found))
        )

    def tell(self, text: str, kind: lsp.MessageType = lsp.MessageType.Info) -> None:
        """A message that a person sees."""
        self._server.window_show_message(lsp.ShowMessageParams(kind, text))

    def refresh_hints(self) -> None:
        """Outputs have changed: hints, and how sure the model was of each piece."""
        can = self._workspace
        if can is not None and can.inlay_hint is not None and can.inlay_hint.refresh_support:
            self._server.workspace_inlay_hint_refresh(None)
        if can is not None and can.semantic_tokens is not None and can.semantic_tokens.refresh_support:
            self._server.workspace_semantic_tokens_refresh(None)

    def refresh_lenses(self) -> None:
        """Other sentences have lenses."""
        can = self._workspace
        if can is not None and can.code_lens is not None and can.code_lens.refresh_support:
            self._server.workspace_code_lens_refresh(None)

    async def watch(self, *patterns: str) -> None:
        """Hear when files of these patterns change on disk, where the client tells that."""
        can = self._workspace
        watched = None if can is None else can.did_change_watched_files
        if watched is None or not watched.dynamic_registration:
            return
        options = lsp.DidChangeWatchedFilesRegistrationOptions(
            [lsp.FileSystemWatcher(glob_pattern=pattern) for pattern in patterns]
        )
        await self._server.client_register_capability_async(
            lsp.RegistrationParams(
                [lsp.Registration("s2sdap-files", lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES, options)]
            )
        )

    @contextlib.asynccontextmanager
    async def progress(self, title: str, *, cancellable: bool = False) -> AsyncIterator[Progress]:
        """A bar while something lasts."""
        window = self._server.client_capabilities.window
        if window is None or not window.work_done_progress:
            yield Progress(self._server, None, title)
            return
        token, bars = f"s2sdap-{next(self._numbers)}", self._server.work_done_progress
        await bars.create_async(token)
        bars.begin(token, lsp.WorkDoneProgressBegin(title=title, cancellable=cancellable))
        try:
            yield Progress(self._server, token, title)
        finally:
            bars.end(token, lsp.WorkDoneProgressEnd())
            bars.tokens.pop(token, None)
