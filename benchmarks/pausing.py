"""How soon a run stops when it is asked to: by `pause`, and by `cancel` of its progress report.

A run cannot stop inside a forward pass, so what counts is the time after the pass that was under way.
The pass is given by the plain decode of the same sentences, and taken off what was measured.
"""

import statistics
import time

import torch

from benchmarks.measuring import Row, milliseconds
from benchmarks.startup import OURS
from benchmarks.throughput import corpus
from benchmarks.wire import Wire
from s2sdap.decoding.decode import steps
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.loading import load_model

GOAL = 0.050
"""Seconds after the forward pass in which a run has to stop."""
SENTENCES = 20_000
"""More than the measurement gets through."""
RUNNING = 0.05
"""Seconds that a run is left alone before it is paused. Waiting for an event instead would always pause it at
the same place, where a sentence has just ended; a person presses pause anywhere."""


def _running(wire: Wire) -> int:
    """A run through a corpus that nothing stops; its thread."""
    wire.request(
        "initialize", clientID="bench", adapterID="bench", supportsProgressReporting=True, pathFormat="path"
    )
    wire.send("launch", source="\n".join(corpus(SENTENCES)), search={"beamSize": 4})
    wire.event("initialized")
    wire.request("configurationDone")
    thread: int = wire.event("stopped")["threadId"]
    return thread


def _paused(wire: Wire, thread: int) -> float:
    wire.request("continue", threadId=thread)
    time.sleep(RUNNING)  # why not an event: see there
    begin = time.perf_counter()
    wire.send("pause", threadId=thread)
    wire.event("stopped")
    return time.perf_counter() - begin


def _cancelled(wire: Wire, thread: int) -> float:
    wire.request("continue", threadId=thread)
    while not (report := wire.event("progressStart"))["cancellable"]:
        pass
    begin = time.perf_counter()
    wire.send("cancel", progressId=report["progressId"])
    wire.event("stopped")
    return time.perf_counter() - begin


def _forward_seconds() -> float:
    """The median step of the same decode."""
    torch.set_num_threads(1)
    model = load_model("dates")
    taken: list[float] = []
    for line in corpus(20):
        begin = time.perf_counter()
        for _ in steps(Decode.of(model, line, SearchSettings(beam_size=4))):
            now = time.perf_counter()
            taken.append(now - begin)
            begin = now
    return statistics.median(taken)


def rows(pauses: int = 60, cancels: int = 8) -> list[Row]:
    """The slowest of many, less a forward pass, against the goal."""
    forward = _forward_seconds()
    out = []
    with Wire(OURS) as wire:
        thread = _running(wire)
        for what, measure, runs in (("pause", _paused, pauses), ("cancel", _cancelled, cancels)):
            waits = [max(0.0, measure(wire, thread) - forward) for _ in range(runs)]
            slowest = max(waits)
            text = f"{milliseconds(statistics.median(waits))}, slowest {milliseconds(slowest)}"
            out.append(
                Row(
                    f"`{what}` to `stopped` after the forward pass, slowest of {runs}, peer the goal",
                    text,
                    milliseconds(GOAL),
                    slowest / GOAL,
                    1.0,
                )
            )
    return out
