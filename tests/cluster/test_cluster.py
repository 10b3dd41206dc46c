"""Handing work to a real cluster of two nodes: order, refusals, lost workers, silence."""

import socket
import subprocess
import sys

import cluster_workers
import pytest
from two_nodes import RAYS_OWN

from s2sdap.cluster import Cluster, connected, mapped, parse_on
from s2sdap.vocabulary.errors import S2sdapError

pytestmark = [
    pytest.mark.timeout(600),
    *(pytest.mark.filterwarnings(f"ignore::{kind}") for kind in RAYS_OWN),
]
PARTS = [str(number).encode() for number in range(12)]


@pytest.fixture(scope="class")
def cluster(two_nodes):
    with connected(two_nodes.address) as found:
        yield found


class TestOnTwoNodes:
    """One connection for all."""

    def test_both_nodes_are_there_and_one_cpu_stays_free(self, cluster, two_nodes):
        assert (cluster.nodes, cluster.cpus, cluster.gpus) == (2, 4.0, 0.0)
        assert cluster.address.rpartition(":")[2] == two_nodes.address.rpartition(":")[2]
        assert cluster.workers(1.0, 0.0) == 3

    def test_outcomes_come_in_the_order_of_the_parts(self, cluster):
        made = {"times": 2}
        assert list(mapped(cluster, PARTS, cluster_workers.Doubling, made)) == [part * 2 for part in PARTS]

    def test_a_refusal_of_a_worker_is_raised_as_it_was(self, cluster):
        outcomes = mapped(cluster, PARTS, cluster_workers.Refusing, {})
        assert [next(outcomes) for _ in range(3)] == PARTS[:3]
        with pytest.raises(S2sdapError, match=r"S2S1003: x\.txt is not UTF-8: byte 7, on line 3, is 0xe9"):
            next(outcomes)

    def test_a_worker_that_cannot_be_made_says_why(self, cluster):
        with pytest.raises(S2sdapError, match="S2S2001"):
            list(mapped(cluster, PARTS, cluster_workers.NeverMade, {}))

    def test_any_other_failure_of_a_worker_is_told(self, cluster):
        with pytest.raises(S2sdapError, match=r"S2S7305.*no luck with b'0'"):
            list(mapped(cluster, PARTS[:1], cluster_workers.Crashing, {}))

    def test_a_part_whose_worker_died_is_done_by_another(self, cluster, tmp_path):
        mark = tmp_path / "died"
        assert list(mapped(cluster, PARTS, cluster_workers.Dying, {"mark": str(mark)})) == PARTS
        assert mark.exists()

    def test_nothing_to_do(self, cluster):
        assert list(mapped(cluster, [], cluster_workers.Doubling, {"times": 2})) == []


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


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnhandledThreadExceptionWarning"
)  # Ray's own, which waits still
def test_silence_ends(two_nodes):
    with connected(two_nodes.address) as cluster, pytest.raises(S2sdapError, match=r"S2S7306.*for 2 s"):
        list(mapped(cluster, PARTS[:1], cluster_workers.Waiting, {}, stall_seconds=2))
