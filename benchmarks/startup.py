"""How long an editor waits: from starting the adapter to its answer to `initialize`."""

import sys
import time

from benchmarks.measuring import Row, milliseconds, paired
from benchmarks.wire import Wire, hello

OURS = [sys.executable, "-m", "s2sdap", "adapter"]
DEBUGPY = [sys.executable, "-m", "debugpy.adapter"]


def _start(command: list[str]) -> float:
    begin = time.perf_counter()
    with Wire(command) as wire:
        hello(wire)
        return time.perf_counter() - begin


def rows(runs: int = 15) -> list[Row]:
    """Against debugpy's adapter."""
    ours, peer, ratio = paired(lambda: _start(OURS), lambda: _start(DEBUGPY), runs)
    return [
        Row(
            "start to `initialize` answered, peer debugpy", milliseconds(ours), milliseconds(peer), ratio, 1.0
        )
    ]
