"""The adapter: what one connection has launched, where it stands, and what it tells its client.

All of it runs on the protocol's thread. The session is moved on the model thread; while it moves,
nothing here reads it, and what it has to say comes back through the loop.
"""

import asyncio
from collections.abc import Callable
from enum import Enum
from functools import partial
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar, cast

from s2sdap.dap.attached import Calls, Process
from s2sdap.dap.breakpoints import RequestedBreakpoints
from s2sdap.dap.counting import Counting
from s2sdap.dap.handles import Container, Handles
from s2sdap.dap.launch import LaunchArguments
from s2sdap.dap.model_thread import LineWriter, ModelThread, Moving
from s2sdap.dap.outlet import Outlet
from s2sdap.dap.pictures import Pictures
from s2sdap.dap.progress import Progress
from s2sdap.dap.stopped import place_of, stopped_body, thread_names, thread_of
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.comparing.checkpoints import Checkpoints
from s2sdap.debugger.program import Program
from s2sdap.debugger.stops import Cursor, Motion, Stop, StopReason
from s2sdap.protocol import bodies, custom
from s2sdap.protocol.arguments import Initialize
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.descriptions import Location
    from s2sdap.debugger.frames import Frame
    from s2sdap.debugger.memory import Memory
    from s2sdap.debugger.neighbors.training import Training
    from s2sdap.debugger.results import Result
    from s2sdap.debugger.session import Session
    from s2sdap.models.contract import Described

T = TypeVar("T")

INLINE_SOURCE: Final = 1
"""The source reference of a program that has no file."""


class State(Enum):
    """Where the adapter stands between `initialize` and the end."""

    FRESH = "fresh"
    LOADING = "loading"
    STOPPED = "stopped"
    RUNNING = "running"
    ENDED = "ended"


class Adapter:
    """One connection's debug session."""

    def __init__(
        self, outlet: Outlet, models: ModelThread, token: str | None, process: Process | None = None
    ) -> None:
        self.outlet = outlet
        self.process = process
        self.calls: Calls | None = None
        self.models = models
        self.token = token
        self.client = Initialize(adapter_id="")
        self.initialized = False
        self.state = State.FRESH
        self.launch = LaunchArguments()
        self.program: Program | None = None
        self.session: Session | None = None
        self.stop: Stop | None = None
        self.configured = False
        self.let_go = False
        self.editing = False
        self.requested = RequestedBreakpoints()
        self.frames: Handles[Frame] = Handles("stale_frame")
        self.containers: Handles[Container] = Handles("stale_variables")
        self.targets: Handles[tuple[int, int]] = Handles("stale_target")
        self.locations: Handles[Location] = Handles("stale_location")
        self.memories: Handles[Memory] = Handles("stale_memory")
        self.threads: dict[int, str] = {}
        self.checkpoints = Checkpoints()
        self.python_watch: asyncio.Task[None] | None = None
        self.progress = Progress(self.emit, lambda: self.client.supports_progress_reporting)
        self.pictures = Pictures(self.emit)
        self._held: Stop | None = None
        self._opening: asyncio.Task[None] | None = None
        self._output = cast("IO[str]", LineWriter(self._printed))

    # ---- what the client hears ---------------------------------------------------------------

    def emit(self, event: str, body: Any = None) -> None:
        """Send an event."""
        self.outlet.emit(event, body)

    def say(self, text: str, category: str = "console", line: int | None = None) -> None:
        """Write a line to the client's console, at a 0-based line of the program if one is named."""
        source = self.source_body() if line is not None and self.program else None
        at = None if source is None or line is None else self.counting.line(line)
        self.emit("output", bodies.Output(output=text + "\n", category=category, source=source, line=at))

    def _printed(self, text: str) -> None:
        """What the model's code printed, on the model thread."""
        self.outlet.later(self.emit, "output", bodies.Output(output=text, category="stdout"))

    @property
    def counting(self) -> Counting:
        """How this client counts lines and columns."""
        return Counting.of(self.client)

    @property
    def known_model(self) -> "Described | None":
        """The model, once it is loaded; of an attached process, that of the call in progress."""
        if self.calls is not None and self.calls.call is None:
            return None
        return None if self.session is None else self.session.model

    def source_body(self) -> bodies.SourceBody:
        """The program as the protocol's source."""
        program = self.need_program()
        if self.calls is not None:
            return self.calls.source_body()
        if program.path is None:
            return bodies.SourceBody(
                name=program.name, source_reference=INLINE_SOURCE, origin="launch argument"
            )
        return bodies.SourceBody(name=program.name, path=program.path)

    def source_bodies(self) -> list[bodies.SourceBody]:
        """Every source there is."""
        return [self.source_body()] if self.calls is None else self.calls.source_bodies()

    def inline_program(self, reference: int) -> Program | None:
        """The program without a file that goes by this reference, if there is one."""
        if self.calls is not None:
            return self.calls.programs.get(reference)
        program = self.need_program()
        return program if program.path is None and reference == INLINE_SOURCE else None

    @property
    def at_work(self) -> bool:
        """Whether the model is loaded, decodes, or is asked for something now."""
        return self.state in (State.LOADING, State.RUNNING) or self.editing

    # ---- what must be there ------------------------------------------------------------------

    def need_program(self) -> Program:
        """The program; there is one from the launch on."""
        if self.program is None:
            raise S2sdapError("not_launched", request="this")
        return self.program

    def need_session(self) -> "Session":
        """The session; there is one once the model has been loaded."""
        if self.session is None and self.calls is not None:
            raise S2sdapError("no_call")
        if self.session is None:
            raise S2sdapError("not_launched", request="this")
        return self.session

    # ---- the model thread --------------------------------------------------------------------

    async def on_model_thread(self, job: Callable[[], T]) -> T:
        """Run `job` where the model lives. Cancelling takes it back if it has not begun."""
        future = self.models.submit(job, None if self.calls is not None else self._output)
        waiting = asyncio.wrap_future(future)
        while True:
            try:
                return await asyncio.shield(waiting)
            except asyncio.CancelledError:
                if future.cancel() or self.let_go:
                    raise
                # It has begun, so its answer stands, however often it is cancelled.

    async def edit(self, job: Callable[[], T]) -> T:
        """Do `job` to the session on the model thread. Meanwhile nothing reads it, as while it moves."""
        self.editing = True
        try:
            return await self.on_model_thread(job)
        finally:
            self.editing = False

    def arm(self) -> None:
        """Hand the breakpoints to the session, if there is one; a running one minds them at once."""
        if self.session is not None:
            self.session.on_log = self._log_point
            armed = Armed() if self.launch.no_debug else self.requested.armed()
            self.session.armed = armed
            if armed.of_training:
                self._open_index(self.session)

    def _open_index(self, session: "Session") -> None:
        """Open or build the index that a run is going to ask; until it is there the run is held up."""
        training = session.training
        if training is None or training.problem is not None or training.ready:
            return
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._opened(training))

    async def _opened(self, training: "Training") -> None:
        from s2sdap.dap.training import opened

        try:
            await opened(self)
        except (S2sdapError, asyncio.CancelledError) as error:
            if self.state is State.ENDED or (isinstance(error, S2sdapError) and error.name == "ended"):
                return
            failure = (
                error if isinstance(error, S2sdapError) else S2sdapError("cancelled", command=training.title)
            )
            training.failed = failure
            self.say(str(failure), "stderr")
        finally:
            self._opening = None

    def _held_up(self) -> bool:
        """Whether a run should wait: for the client to read, or for the index. From any thread."""
        return self._opening is not None or self.outlet.congested()

    def start_if_ready(self) -> None:
        """Begin the run once the model is there and the client has configured everything."""
        if self.calls is not None:
            self.calls.start_if_ready()
            return
        if self.configured and self.state is State.LOADING and self.session is not None:
            self.session.begin(Motion.START)
            self.go()

    def start_again(self) -> None:
        """Begin a restarted run."""
        self._tell_continued(thread=1)
        self.start_if_ready()

    def _tell_continued(self, thread: int) -> None:
        """The decode leaves its stop, which the client cannot know: no request has asked for it."""
        self.emit("continued", bodies.Continued(thread_id=thread, all_threads_continued=True))

    def go(self) -> None:
        """Set the session going, whose motion has begun; a `stopped` or `terminated` event ends it."""
        session = self.need_session()
        self.state = State.RUNNING
        self.stop = None
        self._forget_handles()
        self.progress.follow(session)
        report: Callable[[Stop], None] = partial(self.outlet.later, self._stopped, session)
        if self.calls is None:
            self.models.move(Moving(session, report, self._held_up, self._output))
        else:  # what a program prints is its own
            self.models.move(Moving(session, self.calls.reporting(report), self._held_up, None))

    def _stopped(self, session: "Session", stop: Stop) -> None:
        if session is not self.session:  # of a run that a restart has replaced
            return
        if self.state is State.LOADING:  # about to be replaced by a restart: told only if that fails
            self._held = stop
            return
        self._output.flush()
        self.progress.leave()
        if stop.reason is StopReason.END:
            if self.calls is not None:
                self.calls.over()
            else:
                self.end()
            return
        if self.calls is not None:
            stop = self.calls.explained(stop)
        self.state = State.STOPPED
        self.stop = stop
        self._tell_threads(thread_names(self.need_session()))
        self.emit("stopped", stopped_body(stop))

    def resume(self, before: State) -> None:
        """A restart has failed: go on as before, with the stop that came meanwhile if one did."""
        if self.state is not State.LOADING:  # it was terminated
            return
        self.state = before
        held, self._held = self._held, None
        if held is not None:
            self._stopped(self.need_session(), held)

    def forget_stop(self) -> None:
        """A new session takes over: nothing of the old one's stop can be asked for."""
        self.pictures.clear()
        self.progress.leave()
        self._held = None
        self.stop = None
        self._forget_handles()
        self._tell_threads({})

    def end(self) -> None:
        """The program has come to its end, or was brought to it."""
        self._tell_threads({})
        self.state = State.ENDED
        if self.calls is None:  # a process that was attached to goes on
            self.emit("exited", bodies.Exited(exit_code=0))
        self.emit("terminated")

    @property
    def current_thread(self) -> int:
        """The hypothesis at the cursor; 1 where the sentence could not even be read."""
        return thread_of(self.stop)

    def elsewhere(self, stop: Stop) -> bool:
        """Whether a stop is at another place than the one that the client was told of."""
        return place_of(stop) != place_of(self.stop)

    def edited(self, stop: Stop) -> None:
        """An edit or a way over branches has led to `stop`: tell the client to look again.

        Where the cursor stands elsewhere, that is another stop: looking again, an editor asks for the
        thread that it knows of, which may have gone.
        """
        if self.state is not State.STOPPED:  # ended or restarted meanwhile
            return
        if self.elsewhere(stop):
            self.moved(stop, asked=False)
            return
        self.stop = stop
        self._tell_threads(thread_names(self.need_session()))
        if self.client.supports_invalidated_event:
            self.emit("invalidated", bodies.Invalidated(areas=["all"]))
        else:
            self.emit("stopped", stopped_body(stop))

    def moved(self, stop: Stop, *, asked: bool = True) -> None:
        """The cursor has gone elsewhere at once: that is another stop.

        `asked` by a request of the protocol that has the decode go on, as editors know without being told.
        """
        if self.state is not State.STOPPED:  # ended or restarted meanwhile
            return
        if not asked:
            self._tell_continued(self.current_thread)
        self.stop = stop
        self._forget_handles()
        self._tell_threads(thread_names(self.need_session()))
        self.emit("stopped", stopped_body(stop))

    def _forget_handles(self) -> None:
        self.frames.clear()
        self.containers.clear()
        self.targets.clear()
        self.locations.clear()
        self.memories.clear()

    # ---- hypotheses as threads ---------------------------------------------------------------

    def _tell_threads(self, live: dict[int, str]) -> None:
        for gone in self.threads.keys() - live.keys():
            self.emit("thread", bodies.ThreadEvent(reason="exited", thread_id=gone))
        for new in live.keys() - self.threads.keys():
            self.emit("thread", bodies.ThreadEvent(reason="started", thread_id=new))
        self.threads = live

    # ---- results and messages ---------------------------------------------------------------

    def on_result(self, program: Program, result: "Result") -> None:
        """A sentence of `program` is done. Called on the model thread."""
        self.outlet.later(self._tell_result, program, result)

    def _tell_result(self, program: Program, result: "Result") -> None:
        from s2sdap.dap.panel_bodies import result_body

        session = self.need_session()
        if session.program is not program:  # of a run that a restart has replaced
            return
        self.emit(custom.RESULT_EVENT, result_body(session, result))
        if result.error is not None:
            self.say(str(result.error), "stderr", result.sentence.line)
        elif self.calls is not None:
            self.calls.tell_outputs(result)
        else:
            self.say(result.text, "stdout", result.sentence.line)

    def _log_point(self, text: str, cursor: Cursor) -> None:
        """A log point was met. Called on the model thread."""
        self.outlet.later(self._say_of, text, cursor.sentence)

    def _say_of(self, text: str, sentence: int) -> None:
        sentences = self.program.sentences if self.program else ()
        line = sentences[sentence].line if sentence < len(sentences) else None
        self.say(text, "console", line)

    def close(self) -> None:
        """The client is gone or done: nothing of this session runs any more."""
        self.progress.leave()
        self.pictures.clear()
        if self.python_watch is not None:
            self.python_watch.cancel()
        if self._opening is not None:
            self._opening.cancel()
        if self.calls is not None:
            self.calls.let_go()
        elif self.session is not None:
            self.session.close()
        self.state = State.ENDED
