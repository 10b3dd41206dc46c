"""Handing work to a real cluster of two nodes: order, refusals, lost workers, silence."""

import json
import socket
import subprocess
import sys

import cluster_driver
import pytest

from s2sdap.cluster import Cluster, connected, parse_on
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = pytest.mark.timeout(600)
PARTS = [str(number) for number in range(12)]


@pytest.fixture(scope="module")
def tried(two_nodes, tmp_path_factory):
    """What came of everything that `cluster_driver` tries."""
    done = subprocess.run(
        [
            sys.executable,
            cluster_driver.__file__,
            two_nodes.address,
            tmp_path_factory.mktemp("mark") / "died",
        ],
        env=two_nodes.environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_both_nodes_are_there_and_one_cpu_stays_free(tried, two_nodes):
    address, *rest = tried["cluster"]
    assert address.rpartition(":")[2] == two_nodes.address.rpartition(":")[2]
    assert rest == [2, 4.0, 0.0]
    assert tried["room"] == 3


def test_outcomes_come_in_the_order_of_the_parts(tried):
    assert tried["doubling"] == {"came": [part * 2 for part in PARTS], "error": None}
    assert tried["nothing"] == {"came": [], "error": None}


def test_a_refusal_of_a_worker_is_raised_as_it_was(tried):
    assert tried["refusing"]["came"] == PARTS[:3]
    assert tried["refusing"]["error"].startswith("S2S1003: x.txt is not UTF-8: byte 7, on line 3, is 0xe9")


def test_a_worker_that_cannot_be_made_says_why(tried):
    assert tried["never made"]["came"] == []
    assert tried["never made"]["error"].startswith("S2S2001: There is no model 'nothing'")


def test_any_other_failure_of_a_worker_is_told(tried):
    assert "S2S7305" in tried["crashing"]["error"]
    assert "RuntimeError: no luck with b'0'" in tried["crashing"]["error"]


def test_a_part_whose_worker_died_is_done_by_another(tried):
    assert tried["dying"] == {"came": PARTS, "error": None}


def test_silence_ends(tried):
    assert tried["silence"]["came"] == []
    assert tried["silence"]["error"].startswith("S2S7306: No part of the work has come back for 2 s")


@pytest.mark.parametrize(("cpus", "gpus"), [(4.0, 0.0), (1.0, 1.0)])
def test_a_cluster_without_room_is_refused(cpus, gpus):
    with pytest.raises(S2sdapError, match=r"S2S7304.*4 CPUs and 0 GPUs"):
        Cluster("here:1", 4.0, 0.0, 1).workers(cpus, gpus)


@pytest.mark.parametrize(
    "on", ["", "local", "ray:", "ray://", "ray://host", "ray://:1", "ray://h:0", "ray://h:99999"]
)
def test_what_names_no_cluster_is_refused(on):
    with pytest.raises(S2sdapError, match="S2S7302"):
        parse_on(on)


def test_addresses_are_read():
    assert parse_on("ray") is None
    assert parse_on("ray://head.example:6379") == "head.example:6379"
    assert parse_on("ray://[::1]:6379") == "[::1]:6379"


def test_nobody_at_an_address_is_told():
    pytest.importorskip("ray")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        address = f"ray://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(S2sdapError, match=r"S2S7303.*refused"), connected(address):
            pass


def test_without_ray_one_is_told_what_to_install():
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from s2sdap.cluster import connected\n"
        "with connected('ray'): pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert "S2S7301" in done.stderr
    assert "pip install 's2sdap[scale]'" in done.stderr
