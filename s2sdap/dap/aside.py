"""Long work that needs no model thread: in a thread of its own, told about, given up when it is cancelled.

It may look at what never changes, and at what guards itself. Requests are answered meanwhile, and other
sessions run.
"""

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.progress import QUIET_SECONDS
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")


class Word:
    """What the work says of itself, and whether it is still wanted. From any thread."""

    def __init__(self) -> None:
        self.message = ""
        self.percentage: float | None = None
        self._given_up = threading.Event()

    def __call__(self, message: str, percentage: float | None = None) -> None:
        """Say how far it is; `percentage` is 0..100, `None` where that is not known."""
        self.message, self.percentage = message, percentage

    def give_up(self) -> None:
        """It is not wanted any more."""
        self._given_up.set()

    def cancelled(self) -> bool:
        """Whether it is not."""
        return self._given_up.is_set()


async def aside(adapter: Adapter, work: Callable[[Word], T], title: str) -> T:
    """What `work` returns. Work that is given up ends in its own time, and what it brings is dropped.

    Raises `cancelled` where the request, or the progress report, is cancelled, and `ended` where the
    session is over before the work is.
    """
    session, word = adapter.session, Word()
    doing = asyncio.ensure_future(asyncio.to_thread(work, word))
    doing.add_done_callback(lambda done: done.cancelled() or done.exception())  # nobody may wait any more
    progress: str | None = None
    given_up = asyncio.Event()

    def give_up() -> None:
        word.give_up()
        given_up.set()

    stopping = asyncio.ensure_future(given_up.wait())
    try:
        while not doing.done():
            await asyncio.wait({doing, stopping}, timeout=QUIET_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if given_up.is_set():
                raise asyncio.CancelledError
            if adapter.session is not session:
                raise S2sdapError("ended")
            if not doing.done():
                progress = progress or adapter.progress.begin(title, cancel=give_up)
                adapter.progress.update(progress, word.message or "…", word.percentage)
        return doing.result()
    finally:
        word.give_up()
        stopping.cancel()
        if progress is not None:
            adapter.progress.end(progress)
