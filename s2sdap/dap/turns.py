"""Long work of a request: on the model thread in short turns, told about, and given up when it is cancelled.

Between two turns other sessions have theirs, and this one's requests are answered. So the work may
only look at what never changes.
"""

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.model_thread import SLICE
from s2sdap.dap.progress import QUIET_SECONDS
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")


async def in_turns(adapter: Adapter, work: Generator[int, None, T], title: str) -> T:
    """What `work` returns. It yields how many steps it has taken; `title` says what it does.

    Raises `cancelled` where the request, or the progress report, is cancelled, and `ended` where the
    session is over before the work is.
    """
    session = adapter.session
    task = asyncio.current_task()
    due = time.monotonic() + QUIET_SECONDS
    progress: str | None = None
    given_up = asyncio.Event()
    try:
        while True:
            outcome = await adapter.on_model_thread(lambda: _turn(work))
            if not isinstance(outcome, int):
                return outcome[0]
            if given_up.is_set() or (task is not None and task.cancelling()):
                raise asyncio.CancelledError
            if adapter.session is not session:
                raise S2sdapError("ended")
            if time.monotonic() > due:
                due = time.monotonic() + QUIET_SECONDS
                progress = progress or adapter.progress.begin(title, cancel=given_up.set)
                adapter.progress.update(progress, f"{outcome} steps")
    finally:
        if progress is not None:
            adapter.progress.end(progress)


def _turn(work: Generator[int, None, T]) -> int | tuple[T]:
    """Some steps of the work: how many it has taken, or what it returned."""
    end = time.monotonic() + SLICE
    while True:
        try:
            taken = next(work)
        except StopIteration as stop:
            return (stop.value,)
        if time.monotonic() > end:
            return taken
