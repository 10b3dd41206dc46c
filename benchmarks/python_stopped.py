"""How soon the decode's session answers while the model's own Python stands at a breakpoint of debugpy.

debugpy freezes every thread of the process that it traces; those of the protocol must not be among them. What
is asked is `threads`, which an editor asks again and again, and the goal is a tenth of a second.
"""

import inspect
import socket
import statistics
import time
from typing import Any

from benchmarks.measuring import Row, milliseconds
from benchmarks.startup import OURS
from benchmarks.wire import Wire, hello
from s2sdap.models.rnn.network import RnnNetwork

GOAL = 0.100
"""Seconds in which an answer is there."""


class PythonWire(Wire):
    """The same client at debugpy's socket."""

    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.create_connection((host, port))
        self._in, self._out = self._socket.makefile("wb"), self._socket.makefile("rb")
        self._seq = 0

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def _break_in_forward(python: Wire) -> None:
    """Attach, and break in the step of the recurrent network."""
    file, (lines, first) = inspect.getsourcefile(RnnNetwork), inspect.getsourcelines(RnnNetwork.step)
    line = first + next(at for at, text in enumerate(lines) if "self._step(" in text)
    hello(python)
    python.send("attach", justMyCode=False)
    python.event("initialized")
    python.request("setBreakpoints", source={"path": file}, breakpoints=[{"line": line}])
    python.request("configurationDone")


def _asked(wire: Wire) -> float:
    begin = time.perf_counter()
    wire.request("threads")
    return time.perf_counter() - begin


def _row(what: str, taken: list[float]) -> Row:
    slowest = max(taken)
    told = f"{milliseconds(statistics.median(taken))}, slowest {milliseconds(slowest)}"
    return Row(what, told, milliseconds(GOAL), slowest / GOAL, 1.0)


def rows(asked: int = 200) -> list[Row]:
    """Held against the goal, and for comparison the same while nothing is stopped."""
    with Wire(OURS) as wire:
        hello(wire)
        wire.send("launch", source="March 3, 1999", stopOnEntry=True)
        wire.event("initialized")
        wire.request("configurationDone")
        thread: int = wire.event("stopped")["threadId"]
        at_rest = [_asked(wire) for _ in range(asked)]
        at: dict[str, Any] = wire.request("s2s/python")
        with PythonWire(at["host"], at["port"]) as python:
            _break_in_forward(python)
            wire.send("next", threadId=thread)
            python.event("stopped")
            while_stopped = [_asked(wire) for _ in range(asked)]
    return [
        _row("`threads` at a stop of the decode, peer the goal", at_rest),
        _row("  while the model's Python is stopped in debugpy", while_stopped),
    ]
