"""The thread that owns the models: runs the jobs and the motions of all sessions, in turns.

It is the process's main thread, so that the model's own code meets the thread it expects. Jobs (a
load, an edit) come first; motions in progress share the rest in short slices, so that one session
running through a corpus does not keep another from its next step.
"""

import contextlib
import queue
import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar

from s2sdap.debugger.stops import Stop, StopReason
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.session import Session

T = TypeVar("T")

SLICE: Final = 0.005
"""Seconds that a motion runs before the next one has its turn."""
CONGESTED_WAIT: Final = 0.01
"""Seconds to wait where every motion waits for a client to read."""
INTERRUPT_WAIT: Final = 0.5
"""Seconds that an interrupt may go unseen: Python tells a signal that comes just before a wait, or to another
thread, when the wait is over."""


@dataclass(frozen=True, slots=True, eq=False)
class Moving:
    """A motion in progress: its session, what to call at its stop, and what may hold it up.

    `output` takes what the model's code prints; `None` lets it print where it would.
    """

    session: "Session"
    on_stop: "Callable[[Stop], None]"
    congested: Callable[[], bool]
    output: IO[str] | None


class ModelThread:
    """Everything but `serve` may be called from other threads."""

    def __init__(self) -> None:
        self._inbox: queue.SimpleQueue[Callable[[], None] | Moving | None] = queue.SimpleQueue()
        self._moving: list[Moving] = []
        self._waiting: set[Future[Any]] = set()
        self._closed = False

    def submit(self, job: Callable[[], T], output: IO[str] | None) -> "Future[T]":
        """Run `job` as soon as the forward pass in progress is over; what it prints goes to `output`."""
        future: Future[T] = Future()
        self._waiting.add(future)

        def run() -> None:
            self._waiting.discard(future)
            if not future.set_running_or_notify_cancel():
                return
            try:
                with _printing_to(output):
                    result = job()
            except BaseException as error:  # a job's failure is its caller's, whatever it is
                future.set_exception(error)
                if not isinstance(error, Exception):  # an interrupt is the thread's as well
                    raise
            else:
                future.set_result(result)

        self._inbox.put(run)
        return future

    def move(self, moving: Moving) -> None:
        """Advance a session whose motion has begun until it stops."""
        self._inbox.put(moving)

    def close(self) -> None:
        """Let `serve` return after the forward pass in progress."""
        self._closed = True
        self._inbox.put(None)

    def abandon(self) -> None:
        """Cancel the jobs that have not begun: nobody will serve any more."""
        for future in list(self._waiting):
            future.cancel()

    def serve(self) -> None:
        """Work until closed. Runs on the thread that owns the models."""
        while not self._closed:
            self._take(block=not self._moving, timeout=INTERRUPT_WAIT)
            for moving in list(self._moving):
                if self._slice(moving):
                    self._moving.remove(moving)
            if self._moving and all(moving.congested() for moving in self._moving):
                self._take(block=True, timeout=CONGESTED_WAIT)

    def _take(self, *, block: bool, timeout: float) -> None:
        """Do what is in the inbox; wait for the first item, at most so long, if asked to."""
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._inbox.get(block=block, timeout=timeout)
                block = False
                if item is None:
                    return
                if isinstance(item, Moving):
                    self._moving.append(item)
                else:
                    item()

    def _slice(self, moving: Moving) -> bool:
        """Advance for a moment. Returns whether the motion is over."""
        end = time.monotonic() + SLICE
        with _printing_to(moving.output):
            while not moving.congested():
                stop = _advance(moving.session)
                if stop is not None:
                    moving.on_stop(stop)
                    return True
                if time.monotonic() > end or not self._inbox.empty():
                    break
        return False


def _printing_to(output: IO[str] | None) -> AbstractContextManager[Any]:
    """What is printed goes to `output`; with `None` it goes where all threads print to."""
    return contextlib.nullcontext() if output is None else contextlib.redirect_stdout(output)


def _advance(session: "Session") -> "Stop | None":
    """Move by one position. A defect of ours ends that motion, not the thread that all sessions share."""
    try:
        return session.advance()
    except Exception as error:
        trace = "".join(traceback.format_exception(error))
        print(trace, file=sys.stderr)
        reason = f"{type(error).__name__}: {error}"
        failure = S2sdapError("internal", command="advance", reason=reason)
        return Stop(StopReason.ERROR, None, str(failure), error=failure, traceback=trace)


class LineWriter:
    """A text stream that hands whole lines to `send`: what the model's code prints."""

    encoding = "utf-8"

    def __init__(self, send: Callable[[str], None]) -> None:
        self._send = send
        self._pending = ""

    def write(self, text: str) -> int:
        """Keep `text` until its line is whole, or long enough."""
        self._pending += text
        if "\n" in text or len(self._pending) > 8192:
            cut = self._pending.rfind("\n") + 1 or len(self._pending)
            self._send(self._pending[:cut])
            self._pending = self._pending[cut:]
        return len(text)

    def flush(self) -> None:
        """Hand over what is pending."""
        if self._pending:
            self._send(self._pending)
            self._pending = ""

    def isatty(self) -> bool:
        """It is no terminal."""
        return False

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"the debugger's output stream has no {name}")
