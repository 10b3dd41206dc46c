"""The thread that the model runs on: it loads it when it is first needed, and does one piece after the other.

What a person asked for comes before what is decoded because it is on show; of the latter the newest first.
Work in the background waits while somebody debugs, and gives way between two sentences.
"""

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

from s2sdap.language.configuration import Project
from s2sdap.language.garbage import begin_anew

if TYPE_CHECKING:
    from s2sdap.language.engine import Engine

T = TypeVar("T")
Work = Callable[["Engine", Callable[[], bool]], T]
"""Gets the loaded model, and what says whether the work was cancelled."""


class Interrupted(Exception):  # noqa: N818 - nothing went wrong
    """The work was cancelled."""


class Urgency(IntEnum):
    """Which work comes first."""

    ASKED = 0
    SHOWN = 1
    RUN = 2


@dataclass(order=True, slots=True)
class _Piece:
    urgency: Urgency
    number: int
    project: Project = field(compare=False)
    work: Work[Any] = field(compare=False)
    done: "Future[Any]" = field(compare=False)
    cancelled: threading.Event = field(compare=False, default_factory=threading.Event)


class Worker:
    """One thread, one model at a time. Everything here may be called from any thread."""

    def __init__(self) -> None:
        self._there = threading.Condition()
        self._waiting: list[_Piece] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None
        self._loaded: "tuple[Project, Engine] | None" = None
        self._debugging = False
        self._doing = 0

    def engine(self, project: Project) -> "Engine | None":
        """The model of a project, where it is loaded."""
        loaded = self._loaded
        return loaded[1] if loaded is not None and loaded[0] == project.decoding else None

    @property
    def busy(self) -> bool:
        """Whether the model has something to do now, so that other work had better wait."""
        return self._doing > 0 or bool(self._waiting and not self._debugging)

    @property
    def debugging(self) -> bool:
        """Whether somebody debugs, so that nothing is decoded in the background."""
        return self._debugging

    @debugging.setter
    def debugging(self, value: bool) -> None:
        with self._there:
            self._debugging = value
            self._there.notify()

    async def do(self, project: Project, work: Work[T], urgency: Urgency = Urgency.ASKED) -> T:
        """What `work` returns once the model is loaded. To cancel it cancels the work.

        Raises what it raises, and what keeps the model from being loaded.
        """
        number = next(self._numbers)
        order = -number if urgency is Urgency.SHOWN else number
        piece = _Piece(urgency, order, project.decoding, work, Future())
        with self._there:
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="s2sdap model", daemon=True)
                self._thread.start()
            heapq.heappush(self._waiting, piece)
            self._there.notify()
        try:
            result: T = await asyncio.wrap_future(piece.done)
        except asyncio.CancelledError:
            with self._there:
                piece.cancelled.set()
                self._there.notify()
            raise
        return result

    def _serve(self) -> None:
        while True:
            self._do(self._next())

    def _next(self) -> _Piece:
        """The most urgent piece that may be done now. Waits for one."""
        with self._there:
            while not self._waiting or (self._debugging and self._waiting[0].urgency is not Urgency.ASKED):
                self._there.wait()
            return heapq.heappop(self._waiting)

    def _stops(self, piece: _Piece) -> Callable[[], bool]:
        """Says whether a piece is to stop; a run over a file lets what is more urgent go first."""

        def stops() -> bool:
            if piece.urgency is Urgency.RUN:
                self._let_others(piece)
            return piece.cancelled.is_set()

        return stops

    def _let_others(self, run: _Piece) -> None:
        """Do what is more urgent than a run over a file, in its midst, and wait while somebody debugs."""
        while not run.cancelled.is_set():
            with self._there:
                first = self._waiting[0].urgency if self._waiting else Urgency.RUN
                last = Urgency.ASKED if self._debugging else Urgency.SHOWN
                if first > last:
                    if not self._debugging:
                        return
                    self._there.wait()
                    continue
                piece = heapq.heappop(self._waiting)
            self._do(piece)

    def _do(self, piece: _Piece) -> None:
        if not piece.done.set_running_or_notify_cancel():
            return
        self._doing += 1
        try:
            result = piece.work(self._engine_of(piece.project), self._stops(piece))
        except BaseException as error:  # told to whoever waits for it
            piece.done.set_exception(error)
        else:
            piece.done.set_result(result)
        finally:
            self._doing -= 1

    def _engine_of(self, project: Project) -> "Engine":
        from s2sdap.language.engine import Engine  # noqa: PLC0415 - torch comes with it

        before = self._loaded
        if before is not None and before[0] == project:
            return before[1]
        same = before is not None and before[0].loading == project.loading
        model = before[1].model if before is not None and same else None
        self._loaded = before = None  # two models at a time may be too many
        engine = Engine(project, model)
        if model is None:
            begin_anew()
        self._loaded = (project, engine)
        return engine
