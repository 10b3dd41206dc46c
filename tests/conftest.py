"""What holds for every test: shapes are checked, the protocol is logged, and every message of it is valid.

Any adapter that a test starts, in whatever way, writes a log into a folder of this test process; in
the end each kind of message in it is held against the protocol's JSON schema. It stands here also so
that pytest puts this folder on the import path.
"""

import gc
import json
import os
import signal
import sys
from pathlib import Path

import pytest
from browser import bundle, chromium  # noqa: F401 (fixtures of the page and of VS Code)
from date_index import date_index as built_date_index
from filelock import FileLock
from hypothesis import HealthCheck, settings
from once import shared_folder
from protocol_schema import check_shapes
from shape_checking import check_shapes_from_now_on
from warm_processes import CAN_FORK, ColdProcesses, warm_processes

check_shapes_from_now_on()
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell has its jobs in the background ignore Ctrl-C, and all that they start: tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
for name, same in (("tests", True), ("random", False)):
    settings.register_profile(
        name, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=same
    )
settings.load_profile("tests")
"""No example fails for the time it took, and each run draws those of the last one, so that what passes here
passes elsewhere; `--hypothesis-profile random` draws others."""

LONGEST = (
    "neighbors/test_graph_search.py",
    "examples/test_example_find_the_bug.py",
    "examples/test_example_own_module.py",
    "examples/test_example_reversal.py",
    "vscode/test_real_vscode.py",
    "examples/test_example_marian.py",
    "cluster/test_cluster.py",
    "planted/test_planted_faults.py",
    "examples/test_example_translation.py",
    "models/test_training.py",
    "examples/test_example_rewriting.py",
    "examples/test_example_addition.py",
    "dap/test_dap_bundled_neighbors.py",
)
"""The files that take longest. They come first, so that no worker is left alone with one in the end. What
several files share (a trained model, what numba compiles) is there by the time that others ask for it.
VS Code waits more than it works: it is not among the first, which run beside the checks of `make lint`."""
PAGE = "page"
"""The folder that comes last: while Playwright is there, `asyncio.run` is refused in its thread."""


@pytest.hookimpl(wrapper=True)
def pytest_collection(session):
    """One worker reads the tests before the others do: what it compiles, of torch too, they find compiled."""
    if "PYTEST_XDIST_WORKER" not in os.environ or sys.dont_write_bytecode:
        return (yield from _without_collector())
    read = Path(session.config.option.basetemp).with_name("read")  # beside the folders of the workers
    with FileLock(read.with_suffix(".lock")):
        if not read.exists():
            collected = yield from _without_collector()
            read.touch()
            return collected
    return (yield from _without_collector())


def _without_collector():
    """Python's collector would look through torch and all tests again and again, for a third of this time.

    None of them ever goes, so it leaves them alone for good.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Longest files first, the page last; all others stay as they were."""
    folder = Path(__file__).parent
    rank = {folder / name: place for place, name in enumerate(LONGEST)}
    last = folder / PAGE
    items.sort(key=lambda item: rank.get(item.path, len(rank) + (item.path.parent == last)))


@pytest.fixture(scope="session", autouse=True)
def nothing_in_the_users_cache(tmp_path_factory):
    """What can be made again is kept beside the tests, once for all workers."""
    before = os.environ.get("XDG_CACHE_HOME")
    os.environ["XDG_CACHE_HOME"] = str(shared_folder(tmp_path_factory) / "cache")
    yield
    if before is None:
        del os.environ["XDG_CACHE_HOME"]
    else:
        os.environ["XDG_CACHE_HOME"] = before


@pytest.fixture(scope="session")
def date_index(tmp_path_factory):
    """An index of the date model, and its corpus; see `date_index`."""
    return built_date_index(tmp_path_factory)


@pytest.fixture(scope="session")
def warm():
    """Where Pythons are forked from that have torch already; where there is no fork, they are started."""
    if not CAN_FORK:
        yield ColdProcesses()
        return
    with warm_processes() as warm:
        yield warm


@pytest.fixture(scope="session", autouse=True)
def every_message_is_valid(tmp_path_factory):
    """Log all adapters, then check what they sent."""
    folder = tmp_path_factory.mktemp("protocol-logs")
    before = os.environ.get("S2SDAP_LOG_DIR")
    os.environ["S2SDAP_LOG_DIR"] = str(folder)
    yield
    if before is None:
        del os.environ["S2SDAP_LOG_DIR"]
    else:
        os.environ["S2SDAP_LOG_DIR"] = before
    for log in sorted(folder.glob("*.log")):
        check_shapes(_sent(log))


def _sent(log):
    """The messages that an adapter sent; a process that was killed may have left half a line."""
    with log.open(encoding="utf-8") as lines:
        for line in lines:
            _, _, direction, body = line.rstrip("\n").split(" ", 3)
            if direction == "<-" and line.endswith("\n"):
                yield json.loads(body)
