"""Starting and losing nodes of a Ray cluster on this machine, which know of no other cluster here."""

import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 240
RAY = Path(sys.executable).with_name("ray")
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_DISABLE_IMPORT_WARNING": "1",
    "OMP_NUM_THREADS": "1",
}


class TwoNodes:
    """A head and a second node with two CPUs each; `address` is what `--on` takes.

    The head says that it has a GPU: Ray counts those and gives them away, and looks at none itself.
    """

    def __init__(self) -> None:
        self._folder = tempfile.mkdtemp(prefix="s2sray")  # sockets in there need short paths
        path = os.pathsep.join(filter(None, (str(HERE), os.environ.get("PYTHONPATH"))))
        self.environment = {**os.environ, **QUIET, "PYTHONPATH": path}
        self.environment.pop("RAY_ADDRESS", None)
        self.port = _free_port()
        self._nodes: list[subprocess.Popen] = []
        head = f"--head --num-gpus=1 --port={self.port} --include-dashboard=false --temp-dir={self._folder}"
        self._start(*head.split())
        self.add()

    @property
    def address(self) -> str:
        return f"ray://127.0.0.1:{self.port}"

    def add(self) -> None:
        """One more node."""
        self._start(f"--address=127.0.0.1:{self.port}")

    def lose_one(self) -> None:
        """Kill the node that came last at once, as a machine that loses its power."""
        _kill(self._nodes.pop())

    def stop(self) -> None:
        for node in self._nodes[::-1]:
            _kill(node)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, *words: str) -> None:
        log = Path(self._folder, f"node{len(self._nodes)}.log")
        with log.open("wb") as file:
            node = subprocess.Popen(
                [RAY, "start", "--block", "--num-cpus=2", "--object-store-memory=150000000", *words],
                env=self.environment,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # a node is a group of processes of its own
            )
        self._nodes.append(node)
        end = time.monotonic() + LIMIT
        while b"Ray runtime started" not in log.read_bytes():
            if node.poll() is not None or time.monotonic() > end:
                self.stop()
                raise AssertionError(log.read_text() if log.exists() else "the node has not started")
            time.sleep(0.1)


def _kill(node: subprocess.Popen) -> None:
    os.killpg(node.pid, signal.SIGKILL)
    node.wait(timeout=LIMIT)


def _free_port() -> int:
    """A port that neither the system nor Ray gives to who asks for any: it is free until Ray takes it."""
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")
