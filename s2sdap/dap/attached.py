"""The calls that an attached client is shown: each is a program of its own, one after the other.

The decode of a call runs on the thread that made it, which serves the jobs and motions of the client
until the call is over. All that stands here runs on the protocol's thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from s2sdap.dap.model_thread import ModelThread
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.stops import Motion, Stop, StopReason
from s2sdap.protocol import bodies
from s2sdap.vocabulary.stages import Stage

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter
    from s2sdap.debugger.neighbors.training import Training
    from s2sdap.debugger.results import Result
    from s2sdap.debugger.session import Session
    from s2sdap.models.contract import Described

KEPT_SOURCES: Final = 100
"""Calls whose text can still be asked for."""
_WAITING: Final = "waiting for a call"
_STEPPING: Final = (Motion.NEXT, Motion.STEP_IN, Motion.STEP_OUT)
_IDLE: Final = Program(None, "next call", (_WAITING,), (Sentence(0, 0, _WAITING, None),))
"""Stands in until the first call; a breakpoint on its line stops every call."""


class Process(Protocol):
    """The process that is attached to, as far as the adapter knows it."""

    def attach(self, adapter: "Adapter") -> None:
        """A client has come. Raises `attached_already`."""

    def configured(self, adapter: "Adapter") -> None:
        """It is ready for calls."""

    def detach(self, adapter: "Adapter") -> None:
        """It has gone: the call in progress runs to its end by itself. May be told twice."""


@dataclass(frozen=True, slots=True, eq=False)
class Call:
    """One call: its session, the thread that serves it, and a line that says what it is."""

    session: "Session"
    program: Program
    models: ModelThread
    title: str


@dataclass(slots=True, eq=False)
class _Over:
    """What is left of the session of a call that is over. Its tensors and its model are not ours to keep."""

    program: Program
    results: "dict[int, Result]"
    model: "_Known"
    armed: Armed = field(default_factory=Armed)


@dataclass(frozen=True, slots=True)
class _Known:
    layout: Any


class Calls:
    """The calls of a process, for one client. `call` is the one in progress."""

    def __init__(
        self, adapter: "Adapter", process: Process, *, stop_on_entry: bool, index: str | None = None
    ) -> None:
        self.call: Call | None = None
        self.motion: Motion | None = None
        """How the client has set the call going; a step that runs over its end goes on into the next."""
        self._adapter = adapter
        self._process = process
        self._numbers = count(1)
        self._current = next(self._numbers)
        self.programs: dict[int, Program] = {self._current: _IDLE}
        self._awaited: tuple[StopReason, str] | None = (StopReason.ENTRY, "") if stop_on_entry else None
        self._filters: list[dict[str, Any]] | None = None
        self._index = index
        self._training: Training | None = None
        adapter.program = _IDLE

    # ---- sources -----------------------------------------------------------------------------

    def source_body(self) -> bodies.SourceBody:
        """The text of the call in progress, or of the last one."""
        return self._source_body(self._current)

    def source_bodies(self) -> list[bodies.SourceBody]:
        """Those of all calls that are kept, the last one first."""
        return [self._source_body(reference) for reference in sorted(self.programs, reverse=True)]

    def _source_body(self, reference: int) -> bodies.SourceBody:
        name = self.programs[reference].name
        return bodies.SourceBody(name=name, source_reference=reference, origin="attached process")

    def _add_source(self, program: Program) -> None:
        adapter = self._adapter
        for old in [*self.programs][: max(0, len(self.programs) - KEPT_SOURCES + 1)]:
            gone = self._source_body(old)
            del self.programs[old]
            if old > 1:  # the client has been told of it
                adapter.emit("loadedSource", bodies.LoadedSourceEvent(reason="removed", source=gone))
        self._current = next(self._numbers)
        self.programs[self._current] = program
        adapter.emit("loadedSource", bodies.LoadedSourceEvent(reason="new", source=self.source_body()))

    # ---- a call ------------------------------------------------------------------------------

    def start_if_ready(self) -> None:
        """The client has configured everything: show it the calls."""
        from s2sdap.dap.adapter import State

        if self._adapter.configured and self._adapter.state is State.LOADING:
            self._adapter.state = State.RUNNING
            self._process.configured(self._adapter)
            self._adapter.say("Attached: waiting for a call.")

    def begin(self, call: Call) -> None:
        """A call has been made; its thread serves until it is over."""
        from s2sdap.dap.adapter import State

        adapter = self._adapter
        if adapter.state is State.ENDED:  # the client has left meanwhile, and the process knows it
            return
        self.call = call
        adapter.models = call.models
        adapter.program = call.program
        adapter.session = call.session
        call.session.training = self._training_of(call.session.model)
        adapter.forget_stop()
        self._add_source(call.program)
        adapter.say(call.title)
        self._place_again(call)
        if self._awaited is None and self.motion in _STEPPING:
            self._awaited = (StopReason.STEP, "")
        self.motion = None
        call.session.begin(Motion.START)
        if self._awaited is not None:
            call.session.pause()
        adapter.go()

    def _training_of(self, model: "Described") -> "Training":
        """The index for a call; the one of the call before, where it is of the same model."""
        from s2sdap.debugger.neighbors.training import Training

        before = self._training
        if before is None or before.model.fingerprint != model.fingerprint:
            before = self._training = Training(model, self._index)
        return before

    def _place_again(self, call: Call) -> None:
        """Breakpoints and watch rules, for this call's program and model."""
        from s2sdap.dap.handlers.breakpoints import breakpoint_body
        from s2sdap.dap.handlers.lifecycle import rule_filters

        adapter, layout = self._adapter, call.session.model.layout
        for placed in adapter.requested.place_again(call.program, call.session.model):
            changed = breakpoint_body(adapter, placed)
            adapter.emit("breakpoint", bodies.BreakpointEvent(reason="changed", breakpoint=changed))
        adapter.arm()
        filters = rule_filters(layout.sites) if Stage.SEARCH in layout.stages else []
        if filters != self._filters:
            self._filters = filters
            known = {"exceptionBreakpointFilters": filters}
            adapter.emit("capabilities", bodies.Capabilities(capabilities=known))

    def reporting(self, report: Callable[[Stop], None]) -> Callable[[Stop], None]:
        """What the thread of the call in progress does with a stop: at the end it goes its way."""
        call = self.call
        if call is None:
            raise AssertionError("a motion without a call")

        def tell(stop: Stop) -> None:
            report(stop)
            if stop.reason is StopReason.END:
                call.models.close()

        return tell

    def explained(self, stop: Stop) -> Stop:
        """A stop, with the reason why it was asked for."""
        awaited, self._awaited, self.motion = self._awaited, None, None
        if stop.reason is not StopReason.PAUSE or awaited is None:
            return stop
        return replace(stop, reason=awaited[0], text=awaited[1])

    def over(self) -> None:
        """The call in progress is over: wait for the next one."""
        from s2sdap.dap.adapter import State

        adapter, call = self._adapter, self.call
        if call is None:
            return
        self.call = None
        if adapter.state is State.STOPPED:  # it was ended from its own side
            adapter.emit("continued", bodies.Continued(thread_id=1, all_threads_continued=True))
        call.models.abandon()
        if adapter.state is not State.ENDED:
            adapter.state = State.RUNNING
        adapter.forget_stop()
        left = _Over(call.program, dict(call.session.results), _Known(call.session.model.layout))
        adapter.session = cast("Session", left)

    def finished(self, call: Call, note: str) -> None:
        """The thread of a call has left it; `note` says why, if that is not its end."""
        if self.call is call:
            self.over()
        if note:
            self._adapter.say(note, "stderr")

    def tell_outputs(self, result: "Result") -> None:
        """Write what a call has come to, a line each."""
        for output in result.outputs:
            self._adapter.say(output.text, "stdout", 0)

    # ---- stopping ----------------------------------------------------------------------------

    def pause(self, reason: StopReason = StopReason.PAUSE, text: str = "") -> None:
        """Stop at the next position, of this call or of the next one."""
        from s2sdap.dap.adapter import State

        if self._adapter.state is not State.RUNNING:
            return
        self._awaited = (reason, text)
        if self.call is not None:
            self.call.session.pause()

    def let_go(self) -> None:
        """The client lets go of the process, which goes on."""
        self._process.detach(self._adapter)
