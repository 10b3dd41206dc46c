"""A real VS Code with the packed extension in it, for all tests of a file; see `workbench`.

One server, one window: what opens takes seconds, so a test leaves the window as it found it. Where one
fails, its picture is kept in `build/vscode-failures`, and the window is opened anew.
"""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from browser import CHROMIUM, PATIENCE, ROOT, launched
from filelock import FileLock
from real_vscode import OLDEST, Vscode, install
from serving import Serving, serve
from vscode_server import Server, started
from workbench import Workbench

FAILURES = ROOT / "build" / "vscode-failures"


@pytest.fixture(scope="session")
def vscode() -> Vscode:
    """The version that `S2SDAP_VSCODE_VERSION` names, by default the oldest that the extension promises."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium, or set S2SDAP_CHROMIUM")
    return install(os.environ.get("S2SDAP_VSCODE_VERSION", OLDEST))


@pytest.fixture(scope="session")
def vscode_server(vscode, bundle, tmp_path_factory) -> Iterator[Server]:
    """A server with the extension installed from its package."""
    state = tmp_path_factory.mktemp("vscode")
    with FileLock(vscode.folder.parent / "packing.lock"):  # another worker may be at it
        packed = bundle.vsix()
    with started(vscode, packed, state, {"s2sdap.python": sys.executable}) as server:
        yield server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser that is closed with the last test of a file: this worker has others to run after it."""
    with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def window(chromium, vscode_server, tmp_path_factory) -> Iterator[Workbench]:
    """A window of it."""
    context = chromium.new_context(viewport={"width": 1400, "height": 1200})
    context.set_default_timeout(PATIENCE)
    window = Workbench(context.new_page(), vscode_server, tmp_path_factory.mktemp("folder"))
    window.load()
    yield window
    window.page.goto("about:blank")
    context.close()


@pytest.fixture
def code(window, request, tmp_path_factory) -> Iterator[Workbench]:
    """The window, with nothing open, nothing running and no breakpoint."""
    if window.page.url == "about:blank":
        window.load()
    yield window
    if request.node.stash.get(FAILED, False):
        window.page.goto("about:blank")
        window.folder = tmp_path_factory.mktemp("folder")
        window.load()
    else:
        window.tidy()


@pytest.fixture
def restricted(window, vscode_server, tmp_path) -> Iterator[Workbench]:
    """The window for a folder that nobody has trusted yet; what comes after it opens the window anew."""
    window.page.goto("about:blank")
    before = vscode_server.user_settings.read_text("utf-8")
    wanted = {"security.workspace.trust.enabled": True, "security.workspace.trust.startupPrompt": "never"}
    vscode_server.user_settings.write_text(json.dumps(json.loads(before) | wanted), "utf-8")
    yield Workbench(window.page, vscode_server, tmp_path)
    window.page.goto("about:blank")
    vscode_server.user_settings.write_text(before, "utf-8")


@pytest.fixture(scope="session")
def serving(warm, tmp_path_factory) -> Iterator[Serving]:
    """An adapter that listens, for scripts and for those who attach."""
    folder = tmp_path_factory.mktemp("serving")
    with serve(warm, folder) as server:
        yield server


@pytest.fixture
def scripted(serving) -> Iterator[Any]:
    """A scripted client."""
    from s2sdap.client import Debugger

    with Debugger.connect_address(serving.websocket, token_file=serving.token_file) as debugger:
        yield debugger


@pytest.fixture(scope="session")
def host_tests(bundle) -> Path:
    """Tests that Mocha runs in the extension host, with what they need."""
    folder: Path = bundle.EXTENSION / "tests" / "host"
    bundle.install(folder)
    return folder


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Iterator[None]:
    """Keep a picture of the window where a test of it fails."""
    report: Any = yield
    funcargs = getattr(item, "funcargs", {})
    window = funcargs.get("code") or funcargs.get("restricted")
    if report.when == "call" and report.failed and window is not None:
        item.stash[FAILED] = True
        FAILURES.mkdir(parents=True, exist_ok=True)
        picture: Path = FAILURES / f"{item.name}.png"
        with suppress(Exception):  # the window may be what has failed
            window.command("Notifications: Show Notifications")
        window.page.screenshot(path=picture)
        report.sections.append(("VS Code", f"{picture}\nnotifications: {window.notes()}"))
    return report
