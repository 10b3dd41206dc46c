"""Getting on a cluster: `ray` is one that runs already, or one of our own; `ray://host:port` is that one."""

import contextlib
import logging
import os
import re
import socket
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.vocabulary.errors import S2sdapError

REACH_SECONDS: Final = 10.0
"""How long an address may take to accept a connection."""
JOIN_SECONDS: Final = 90.0
"""How long a cluster may take to let us in."""
LOCAL: Final = "local"
"""The address by which Ray starts a cluster of this process's own."""
_WRITTEN: Final = re.compile(r"ray(?:://(?P<host>\[[0-9A-Fa-f:]+\]|[^:/\s]+):(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster that we are on: its address, and the CPUs and GPUs of all its nodes."""

    address: str
    cpus: float
    gpus: float
    nodes: int

    def workers(self, cpus: float, gpus: float) -> int:
        """How many workers of that many CPUs and GPUs each have room beside what feeds them.

        One CPU is left: where workers take all of them, Ray Data waits forever for one to read with.
        Raises `cluster_small`.
        """
        room = int((self.cpus - 1) / cpus)
        if gpus:
            room = min(room, int(self.gpus / gpus))
        if room < 1:
            needed = f"{cpus + 1:g} CPUs" + (f" and {gpus:g} GPUs" if gpus else "")
            found = f"{self.cpus:g} CPUs and {self.gpus:g} GPUs"
            raise S2sdapError("cluster_small", address=self.address, needed=needed, found=found)
        return room


def parse_on(on: str) -> str | None:
    """The address in `ray://host:port`; `None` for `ray` alone. Raises `cluster_address`."""
    match = _WRITTEN.fullmatch(on)
    if match is None or (match["port"] is not None and not 0 < int(match["port"]) < 65536):
        raise S2sdapError("cluster_address", written=on)
    return None if match["host"] is None else f"{match['host']}:{match['port']}"


@contextlib.contextmanager
def connected(on: str, *, threads: int = 1, join_seconds: float = JOIN_SECONDS) -> Iterator[Cluster]:
    """Be on the cluster that `on` names; `threads` is how many torch may use in a worker.

    Raises:
        S2sdapError: `cluster_address`, `ray_missing` where Ray is not installed, `cluster_unreachable`.
    """
    address = parse_on(on)
    # What is left of a run must not start a cluster by itself when ours has been left.
    os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # it writes to standard error, which is ours
    try:
        import ray as imported  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise S2sdapError("ray_missing", reason=error) from None
    ray: Any = imported  # only half of it is typed
    if address is not None:
        _reach(address)
    environment = {"OMP_NUM_THREADS": str(threads), "PYTHONWARNINGS": "ignore"}
    arguments: dict[str, Any] = {
        "address": address or os.environ.get("RAY_ADDRESS") or "auto",
        "log_to_driver": False,
        "logging_level": logging.ERROR,
        "runtime_env": {"env_vars": environment},
    }
    try:
        _join(ray, arguments, address or "the running cluster", join_seconds)
    except ConnectionError:  # none runs here
        if arguments["address"] != "auto":
            raise S2sdapError(
                "cluster_unreachable", address=arguments["address"], reason="no cluster"
            ) from None
        arguments["address"] = LOCAL
        _join(ray, arguments, "a cluster of our own", join_seconds)
    try:
        has = ray.cluster_resources()
        nodes = len([node for node in ray.nodes() if node["Alive"]])
        where = ray.get_runtime_context().gcs_address
        yield Cluster(where, has.get("CPU", 0.0), has.get("GPU", 0.0), nodes)
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=REACH_SECONDS).close()
    except OSError as error:
        raise S2sdapError("cluster_unreachable", address=address, reason=error.strerror or error) from None


def _join(ray: Any, arguments: dict[str, Any], where: str, seconds: float) -> None:
    """`ray.init`, which waits without end for what is no cluster, or half a one.

    What it starts itself dies with the thread that started it (Linux's parent-death signal), so a cluster
    of our own is started in this one.
    """
    if arguments["address"] == LOCAL:
        try:
            with warnings.catch_warnings():
                # Lance's: what forks here becomes Ray.
                warnings.filterwarnings("ignore", message=".*fork-safe")
                ray.init(**arguments, include_dashboard=False)
        except Exception as error:  # whatever Ray raises
            raise S2sdapError("cluster_unreachable", address=where, reason=error) from None
        return
    failed: list[BaseException] = []
    done = threading.Event()

    def join() -> None:
        try:
            ray.init(**arguments)
        except BaseException as error:  # it is raised where somebody waits for it
            failed.append(error)
        finally:
            done.set()

    threading.Thread(target=join, name="s2sdap-ray-init", daemon=True).start()
    if not done.wait(seconds):
        reason = f"nothing like a cluster has answered in {seconds:g} s"
        raise S2sdapError("cluster_unreachable", address=where, reason=reason)
    if not failed:
        return
    if isinstance(failed[0], ConnectionError):
        raise failed[0]
    raise S2sdapError("cluster_unreachable", address=where, reason=failed[0]) from None
