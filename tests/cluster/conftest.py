"""A real cluster of two nodes on this machine, for the tests of one worker."""

import os
import secrets

import pytest
from two_nodes import TwoNodes

# Whoever joins has to know the token. Ray reads it when it is imported, so it is there before any test runs.
os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


@pytest.fixture(scope="session")
def two_nodes():
    """Two nodes with two CPUs each."""
    pytest.importorskip("ray", reason="Ray is not installed (extra `scale`): no cluster is tested")
    nodes = TwoNodes()
    yield nodes
    nodes.stop()
