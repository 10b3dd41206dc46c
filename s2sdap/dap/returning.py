"""How long a session waits for an owner who is gone, and by what it is known whether a page comes back.

A page says when it is put away, but its browser tells nobody why: to load it again, or for good. One that is
loaded again is fetched from here first. So a page that was left is waited for a moment, and for longer only
while some page has been fetched that has not connected yet. An owner who is gone without a word (a line that
broke, a tab that crashed) has all the time there is.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds that a session waits.

    Attributes:
        cut_off: for an owner who is gone without a word, or whose page is being loaded.
        left: for a page that was left, until some page is fetched.
    """

    cut_off: float = 15.0
    left: float = 1.0


class Arrivals:
    """Pages that were fetched from here and have not connected yet."""

    def __init__(self, waits: Waits, clock: Callable[[], float] = time.monotonic) -> None:
        """None yet. One that does not connect within `waits.cut_off` is no longer expected."""
        self.waits = waits
        self._clock = clock
        self._fetched: deque[float] = deque()

    def fetched(self) -> None:
        """A browser has got a page."""
        self._forget()
        self._fetched.append(self._clock())

    def connected(self) -> None:
        """A page is there."""
        if self._fetched:
            self._fetched.popleft()

    def expected(self) -> bool:
        """Whether there is a page that should connect soon."""
        self._forget()
        return bool(self._fetched)

    def _forget(self) -> None:
        """Those that have taken too long were no pages."""
        while self._fetched and self._fetched[0] < self._clock() - self.waits.cut_off:
            self._fetched.popleft()
