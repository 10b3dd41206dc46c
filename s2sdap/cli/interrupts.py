"""Ctrl-C between two sentences, never within one that is being written."""

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType


class Interrupts:
    """What Ctrl-C does while a run writes: it waits until the sentence stands whole in every file."""

    def __init__(self) -> None:
        self._holding = False
        self._came = False

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Take Ctrl-C over for a while; elsewhere than in the main thread nothing can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, self._handle)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Not now: it is raised afterwards."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        if self._came:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        if not self._holding:
            raise KeyboardInterrupt
