"""An editor for the tests: pygls' own client, driven from a test's thread, over a real server's stdio."""

import asyncio
import sys
import threading
from concurrent.futures import Future
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient
from pygls.protocol import LanguageServerProtocol

CAPABILITIES = lsp.ClientCapabilities(
    general=lsp.GeneralClientCapabilities(position_encodings=["utf-32", "utf-8", "utf-16"]),
    window=lsp.WindowClientCapabilities(work_done_progress=True),
    workspace=lsp.WorkspaceClientCapabilities(
        inlay_hint=lsp.InlayHintWorkspaceClientCapabilities(refresh_support=True),
        semantic_tokens=lsp.SemanticTokensWorkspaceClientCapabilities(refresh_support=True),
        code_lens=lsp.CodeLensWorkspaceClientCapabilities(refresh_support=True),
        did_change_watched_files=lsp.DidChangeWatchedFilesClientCapabilities(dynamic_registration=True),
    ),
)


class _Plain(LanguageServerProtocol):
    """lsprotocol 2025 takes a code action that has a command for a command: here it stays what it is."""

    def get_result_type(self, method):
        return None if method == lsp.TEXT_DOCUMENT_CODE_ACTION else super().get_result_type(method)


class Editor:
    """Opens files, types, asks. `heard` has what the server said by itself, `diagnostics` the last by URI."""

    def __init__(self, folder, **options):
        self.folder = folder
        self.heard = []
        self.diagnostics = {}
        self.versions = {}
        self._news = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.initialized = self.call(self._start(options))

    async def _start(self, options):
        self.client = client = LanguageClient("tests", "1", protocol_cls=_Plain)

        def hears(method, answer=None):
            def heard(params):
                with self._news:
                    self.heard.append((method, params))
                    if method == lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS:
                        self.diagnostics[params.uri] = params
                    self._news.notify_all()
                return answer

            client.feature(method)(heard)

        for method in (
            lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS,
            lsp.WINDOW_SHOW_MESSAGE,
            lsp.WINDOW_WORK_DONE_PROGRESS_CREATE,
            lsp.PROGRESS,
            lsp.WORKSPACE_INLAY_HINT_REFRESH,
            lsp.WORKSPACE_SEMANTIC_TOKENS_REFRESH,
            lsp.WORKSPACE_CODE_LENS_REFRESH,
            lsp.CLIENT_REGISTER_CAPABILITY,
        ):
            hears(method)
        await client.start_io(sys.executable, "-m", "s2sdap", "lsp")
        result = await client.initialize_async(
            lsp.InitializeParams(
                capabilities=CAPABILITIES,
                root_uri=self.folder.as_uri(),
                initialization_options={"debounce": 0.02, "patience": 100, **options},
            )
        )
        client.initialized(lsp.InitializedParams())
        return result

    def call(self, coroutine):
        """What a coroutine gives, run on the client's loop."""
        done: Future = asyncio.run_coroutine_threadsafe(coroutine, self.loop)
        return done.result(timeout=100)

    def tell(self, function, params):
        """Send a notification from the client's loop."""

        async def told():
            function(params)

        self.call(told())

    def ask(self, name, **params):
        """A request of the protocol by the name of pygls' method, without `_async`."""
        method = getattr(self.client, f"{name}_async")
        return self.call(method(params.pop("params")))

    def custom(self, method, **params):
        """A request that the protocol has not."""

        async def asked():
            return await asyncio.wrap_future(self.client.protocol.send_request(method, params))

        return self.call(asked())

    def command(self, name, *arguments):
        """Carry out a command of the server."""
        params = lsp.ExecuteCommandParams(command=name, arguments=list(arguments))
        return self.ask("workspace_execute_command", params=params)

    def until(self, holds):
        """Wait until `holds()` is true, and give what it gave; asked whenever the server says something."""
        with self._news:
            found = [None]

            def there():
                found[0] = holds()
                return found[0]

            assert self._news.wait_for(there, timeout=100), f"never: {self.heard[-3:]}"
            return found[0]

    def times(self, method):
        """How often the server has said something."""
        return sum(1 for heard, _ in self.heard if heard == method)

    # ---- documents ---------------------------------------------------------------------------

    def write(self, name, text):
        """A file on disk; its URI."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path.as_uri()

    def open(self, name, text, language="s2sdap"):
        """Open a document; its URI."""
        uri = (self.folder / name).as_uri()
        self.versions[uri] = 1
        item = lsp.TextDocumentItem(uri=uri, language_id=language, version=1, text=text)
        self.tell(self.client.text_document_did_open, lsp.DidOpenTextDocumentParams(item))
        return uri

    def type(self, uri, *changes):
        """Changes of a document: (line, column, end line, end column, text), or all of its text."""
        self.versions[uri] += 1
        parts = [
            lsp.TextDocumentContentChangeWholeDocument(change)
            if isinstance(change, str)
            else lsp.TextDocumentContentChangePartial(span(*change[:4]), change[4])
            for change in changes
        ]
        identifier = lsp.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        self.tell(self.client.text_document_did_change, lsp.DidChangeTextDocumentParams(identifier, parts))

    def problems(self, uri, holds=bool):
        """The diagnostics of a document's present version, once `holds` of them."""

        def there():
            found = self.diagnostics.get(uri)
            if found is None or found.version != self.versions[uri] or not holds(found.diagnostics):
                return None
            return found

        return self.until(there).diagnostics

    def hints(self, uri, first=0, end=1000):
        """The inlay hints of some lines now."""
        params = lsp.InlayHintParams(lsp.TextDocumentIdentifier(uri), span(first, 0, end, 0))
        return self.ask("text_document_inlay_hint", params=params)

    def hints_once_decoded(self, uri, count, first=0, end=1000):
        """The inlay hints, once there are so many."""
        while True:
            before = self.times(lsp.WORKSPACE_INLAY_HINT_REFRESH)
            found = self.hints(uri, first, end)
            if len(found) >= count:
                return found
            self.until(lambda before=before: self.times(lsp.WORKSPACE_INLAY_HINT_REFRESH) > before)

    def hover(self, uri, line, column):
        """The text of a hover, and its range."""
        params = lsp.HoverParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, column))
        return self.ask("text_document_hover", params=params)

    def completions(self, uri, line, column):
        """The labels of what may stand at a position, with the items."""
        params = lsp.CompletionParams(lsp.TextDocumentIdentifier(uri), lsp.Position(line, column))
        return {item.label: item for item in self.ask("text_document_completion", params=params)}

    def close(self):
        """Shut the server down; its exit code."""

        async def end():
            await self.client.shutdown_async(None)
            self.client.exit(None)
            await self.client.stop()
            return self.client._server.returncode

        try:
            return self.call(end())
        finally:
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join()
            self.loop.close()


def span(line, column, end_line, end_column):
    """A range."""
    return lsp.Range(lsp.Position(line, column), lsp.Position(end_line, end_column))


def document(uri):
    """The document as requests name it."""
    return lsp.TextDocumentIdentifier(uri)


def has_torch(editor):
    """Whether the server has loaded torch, where the system tells."""
    loaded = Path(f"/proc/{editor.client._server.pid}/maps")
    return loaded.exists() and "libtorch" in loaded.read_text()


def actions_at(editor, uri, line):
    """The code actions of a line by the beginning of their titles."""
    found = [each for each in editor.problems(uri) if each.range.start.line == line]
    params = lsp.CodeActionParams(document(uri), span(line, 0, line, 1), lsp.CodeActionContext(found))
    given = editor.ask("text_document_code_action", params=params)
    return {action["title"].partition(" (")[0].partition(" for this")[0]: action for action in given}


def carry_out(editor, action):
    """Do what an action says."""
    return editor.command(action["command"]["command"], *action["command"]["arguments"])
