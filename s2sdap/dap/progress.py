"""Progress reports: what takes long says so, to a client that shows it, and can be cancelled by its name."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from s2sdap.protocol import bodies

if TYPE_CHECKING:
    from s2sdap.debugger.session import Session

QUIET_SECONDS: Final = 0.5
"""A run shorter than this shows no progress; a longer one says this often how far it is."""


class Progress:
    """The reports of one connection. All of it runs on the protocol's thread."""

    def __init__(self, emit: Callable[[str, Any], None], shown: Callable[[], bool]) -> None:
        """`shown` says whether the client shows progress; one that shows none gets none."""
        self._emit = emit
        self._shown = shown
        self._count = 0
        self._cancels: dict[str, Callable[[], None]] = {}
        self._run: asyncio.Task[None] | None = None
        self._run_name: str | None = None

    def begin(self, title: str, *, cancel: Callable[[], None] | None = None) -> str:
        """Start a report; gives its name. `cancel` is for who cancels it."""
        self._count += 1
        name = f"progress-{self._count}"
        if cancel is not None:
            self._cancels[name] = cancel
        if self._shown():
            body = bodies.ProgressStart(progress_id=name, title=title, cancellable=cancel is not None)
            self._emit("progressStart", body)
        return name

    def update(self, name: str, message: str, percentage: float | None = None) -> None:
        """Say how far it is."""
        if self._shown():
            body = bodies.ProgressUpdate(progress_id=name, message=message, percentage=percentage)
            self._emit("progressUpdate", body)

    def end(self, name: str, message: str | None = None) -> None:
        """End a report."""
        self._cancels.pop(name, None)
        if self._shown():
            self._emit("progressEnd", bodies.ProgressEnd(progress_id=name, message=message))

    def cancel(self, name: str) -> None:
        """What a person cancels is what the report is about: a run pauses, other work is given up."""
        cancel = self._cancels.get(name)
        if cancel is not None:
            cancel()

    def follow(self, session: "Session") -> None:
        """A run has begun: say how far it is, if it takes long."""
        if self._shown():
            self._run = asyncio.ensure_future(self._report(session))

    def leave(self) -> None:
        """The run has stopped, or is nobody's any more."""
        if self._run is not None:
            self._run.cancel()
            self._run = None
        if self._run_name is not None:
            self.end(self._run_name)
            self._run_name = None

    async def _report(self, session: "Session") -> None:
        total = len(session.program.sentences)
        await asyncio.sleep(QUIET_SECONDS)
        self._run_name = name = self.begin("Decoding", cancel=session.pause)
        while True:
            done = len(session.results)
            self.update(name, f"{done} of {total} sentences", min(100.0, 100.0 * done / total))
            await asyncio.sleep(QUIET_SECONDS)
