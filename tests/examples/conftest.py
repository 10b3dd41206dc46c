"""A scripted client for the examples that a person debugs by a script."""

from collections.abc import Iterator

import pytest
from serving import Serving, serve

from s2sdap.client import Debugger


@pytest.fixture(scope="session")
def served(warm, tmp_path_factory) -> Iterator[Serving]:
    """A server, for all tests of a process."""
    with serve(warm, tmp_path_factory.mktemp("served")) as server:
        yield server


@pytest.fixture
def debugger(served) -> Iterator[Debugger]:
    """A session of the test's own."""
    with Debugger.connect_address(served.websocket, token_file=served.token_file) as debugger:
        yield debugger
