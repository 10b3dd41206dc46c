"""Handles: the ids by which a client names frames and values of this stop.

Ids only grow and are never used again, so an id of an earlier stop is recognised as stale instead
of pointing at something else.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.descriptions import Children
    from s2sdap.debugger.frames import Frame

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Container:
    """Something with variables in it, and the frame that it belongs to.

    Those of a `slow` one take long to make, and may be made in any thread.
    """

    children: "Callable[[], Children]"
    frame: "Frame | None"
    slow: bool = False


class Handles(Generic[T]):
    """Ids for values of one kind; `error` is the refusal of an id that is not of this stop."""

    def __init__(self, error: str) -> None:
        self._error = error
        self._next = 1
        self._values: dict[int, T] = {}
        self.cleared = 0
        """How often the run has gone on: what took its time asks whether it is still the same stop."""

    def add(self, value: T) -> int:
        """A new id for `value`."""
        handle = self._next
        self._next += 1
        self._values[handle] = value
        return handle

    def get(self, handle: int) -> T:
        """The value of an id of this stop."""
        if handle not in self._values:
            raise S2sdapError(self._error, id=handle)
        return self._values[handle]

    def clear(self) -> None:
        """The run goes on: every id so far is stale."""
        self._values.clear()
        self.cleared += 1
