"""The session: run control over a program, without any protocol.

    session = Session.open(model="dates", source="March 3, 1999")
    session.start()
    session.next()
    print(session.evaluate("token"), session.top_tokens(3))
    session.force("2")
    session.continue_()
    print(session.results[0].text)

A verb runs on the caller's thread until the next stop and returns it. `pause`, `close` and the
assignment of `armed` may come from another thread while it runs.
"""

import math
import os
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.ahead import only_computes
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.editing import making
from s2sdap.debugger.expressions import Value, compile_expression
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import FIELDS, is_lookup
from s2sdap.debugger.frames import Frame, no_index
from s2sdap.debugger.keeping import DEFAULT_BUDGET
from s2sdap.debugger.model_failures import failure_of_model
from s2sdap.debugger.program import Program, open_program
from s2sdap.debugger.results import Result
from s2sdap.debugger.session_edits import EditedSession
from s2sdap.debugger.stopping import arrived, hit, not_finite
from s2sdap.debugger.stops import Cursor, Motion, Stop, StopReason
from s2sdap.debugger.travel import Travel
from s2sdap.debugger.walkthrough import part_told
from s2sdap.decoding.plan import Planner
from s2sdap.decoding.planning import Settings, planner_for
from s2sdap.decoding.records import Hypothesis
from s2sdap.models import DEFAULT_MODEL
from s2sdap.models.contract import Described, TargetVocabulary
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.neighbors.asking import Neighborhood
    from s2sdap.debugger.neighbors.index import OpenIndex
    from s2sdap.debugger.neighbors.training import Training
    from s2sdap.debugger.session_file.write import Saved


class Session(EditedSession):
    """One program under one model. See the module for how it is used."""

    def __init__(
        self,
        model: Described,
        program: Program,
        settings: Settings | None = None,
        *,
        stop_on_entry: bool = True,
        budget: int = DEFAULT_BUDGET,
        on_result: Callable[[Result], None] | None = None,
        planner: Planner | None = None,
        of_call: bool = False,
        training: "Training | None" = None,
    ) -> None:
        """A session over `program`; `planner` takes the place of the one that `settings` name.

        `of_call` says that what it plans is a call of somebody's own program. `training` is the index of the
        model's training states, where there is one.
        """
        self.model = model
        self.program = program
        self.settings = settings
        self.armed = Armed()
        self.on_log: Callable[[str, Cursor], None] = lambda _text, _cursor: None
        """What is done with the message of a log point, on the thread that moves the session."""
        self._counts = Counts()
        self._closed = threading.Event()  # shared with the walk, which must not hold the session
        self.stop: Stop | None = None
        self.walk = Travel(
            model,
            program,
            planner or planner_for(model, settings),
            budget,
            on_result or (lambda _result: None),
            self._closed,
        )
        self.training = training
        self.of_call = of_call
        """Whether the decode is a call of somebody's own program, which only that can make again."""
        # A call may run more than its model.
        self.walk.looks_ahead = only_computes(model) and not of_call
        self.origin: Mapping[str, Any] = {}
        """Where the model came from, as a launch names it."""
        self._stop_on_entry = stop_on_entry
        self._motion: Motion | None = None
        self._backward = False
        self._pause = False

    @classmethod
    def open(
        cls,
        model: str | Described = DEFAULT_MODEL,
        *,
        program: str | None = None,
        source: str | None = None,
        reference: str | None = None,
        settings: Settings | None = None,
        stop_on_entry: bool = True,
        index: str | os.PathLike[str] | None = None,
    ) -> "Session":
        """A session over a file or an inline source.

        `reference` is the path of a file beside a `program`, and text beside a `source`; `index` the folder
        or URI of an index of the model's training states, which the bundled model has without.
        """
        from s2sdap.debugger.neighbors.training import Training  # noqa: PLC0415 - who asks no neighbours needs none

        loaded = load_model(model) if isinstance(model, str) else model
        training = Training(loaded, index)
        if index is not None:
            training.open()
        session = cls(
            loaded,
            open_program(program, source, reference),
            settings,
            stop_on_entry=stop_on_entry,
            training=training,
        )
        session.origin = {"model": model} if isinstance(model, str) else {}
        return session

    @classmethod
    def open_recording(cls, path: str | os.PathLike[str], *, stop_on_entry: bool = True) -> "Session":
        """A session over what `save` wrote, without the model: to look at and to step through."""
        from s2sdap.debugger.session_file.post_mortem import open_recording  # noqa: PLC0415 - it needs us

        return open_recording(path, stop_on_entry=stop_on_entry)

    def need_model(self, what: str) -> None:
        """Raises `post_mortem` over a recording, which has no model: `what` it cannot do, in words."""

    def save(self, path: str | os.PathLike[str], *, sites: str | Sequence[str] = "all") -> "Saved":
        """Write the whole session to one file; see `session_file.write.save`."""
        from s2sdap.debugger.session_file.write import save  # noqa: PLC0415 - it needs us

        if self._motion is not None:
            raise S2sdapError("running", request="save")
        return save(self, path, sites=sites)

    @property
    def training(self) -> "Training | None":
        """The index of the model's training states, where it has one or may have."""
        return self._training

    @training.setter
    def training(self, training: "Training | None") -> None:
        self._training = training
        self.walk.training = training

    # ---- run control -------------------------------------------------------------------------

    def start(self) -> Stop:
        """Enter the program; stops at its first position unless the session was made otherwise."""
        return self.run(Motion.START)

    def continue_(self) -> Stop:
        """Go on to the next thing that stops a run, or the end."""
        return self.run(Motion.CONTINUE)

    def next(self) -> Stop:
        """Go on to the next chosen token."""
        return self.run(Motion.NEXT)

    def step_in(self) -> Stop:
        """Go on to the next stage."""
        return self.run(Motion.STEP_IN)

    def step_part(self) -> Stop:
        """Go on to the next part of a stage: what comes in, then site by site and layer by layer."""
        return self.run(Motion.STEP_PART)

    def step_out(self) -> Stop:
        """Go on to the end of the sentence."""
        return self.run(Motion.STEP_OUT)

    def step_back(self, *, stage: bool = False) -> Stop:
        """Go back to the token before, or to the stage before."""
        return self.run(Motion.STAGE_BACK if stage else Motion.STEP_BACK)

    def reverse_continue(self) -> Stop:
        """Go back to the last thing that stops a run, or the beginning."""
        return self.run(Motion.REVERSE_CONTINUE)

    def pause(self) -> None:
        """Stop the motion in progress at its next position. From any thread."""
        self._pause = True

    def close(self) -> None:
        """End the session: the motion in progress stops, nothing runs again. From any thread."""
        self._closed.set()

    def restart(self) -> None:
        """Forget the run; `start` begins again with the same program, settings and breakpoints."""
        self.walk.reset()
        self._counts.clear()
        self.stop = None
        self._motion = None

    def run(self, motion: Motion) -> Stop:
        """Move until something stops the run."""
        self.begin(motion)
        while (stop := self.advance()) is None:
            pass
        return stop

    def begin(self, motion: Motion) -> None:
        """Set a motion going; `advance` then does it position by position."""
        if not self.walk.begun and motion is not Motion.START:
            raise S2sdapError("not_launched", request=motion.value)
        if self.walk.begun and motion is Motion.START:
            raise S2sdapError("already_launched")
        if self._closed.is_set() or (self.walk.ended and not motion.backward):
            raise S2sdapError("ended")
        if motion.backward and self.walk.at_program_start:
            raise S2sdapError("at_start")
        self._motion = motion
        self._backward = motion.backward
        self._pause = False
        self.stop = None

    def advance(self) -> Stop | None:
        """Move by one position. Returns the stop once there is one."""
        motion = self._motion
        if motion is None:
            raise S2sdapError("not_launched", request="advance")
        if self._closed.is_set():
            return self._stopped(Stop(StopReason.END, None, "the session was closed"))
        try:
            moved = self._move(motion)
        except S2sdapError as error:
            stop: Stop | None = self._failed(error)
        except Exception as error:  # the model's own code failed: show it, keep the session
            failure = failure_of_model(f"sentence {self.walk.number}", error)
            stop = self._failed(failure, "".join(traceback.format_exception(error)))
        else:
            stop = self._why(motion) if moved else self._edge(motion)
        return None if stop is None else self._stopped(stop)

    def _failed(self, error: S2sdapError, trace: str = "") -> Stop | None:
        """The stop at a failure of the model, unless a person switched that off and the run may go on."""
        self.walk.fail(error)
        broken = not_finite(self.walk, self.armed, error)
        if broken is not None:
            return broken
        motion = self._motion
        goes_on = not self.armed.errors and motion is not None and not motion.backward
        return None if goes_on and not self._pause else self._error(error, trace)

    def _move(self, motion: Motion) -> bool:
        """To the next position of a motion; a run that nothing can stop between skips stages."""
        if motion is Motion.STAGE_BACK:
            return self.walk.back_part()
        if self._backward:
            return self.walk.back()
        if motion is Motion.STEP_PART:
            return self.walk.forward_part()
        if self.walk.within_stage:  # the stage is what comes next
            self.walk.complete_stage()
            return True
        armed = self.armed
        whole_step = motion is Motion.CONTINUE and (not armed.stages or armed.whole_steps)
        return self.walk.forward(whole_step=whole_step)

    def _why(self, motion: Motion) -> Stop | None:
        """The stop at the position just reached, if there is one."""
        if self.walk.within_stage:  # what stops at this stage asks once it has come as a whole
            return Stop(StopReason.STEP, self.cursor, part_told(self.frame))
        try:
            stop = hit(self.walk, self.armed, self._counts, self.on_log, backward=self._backward)
        except S2sdapError as error:  # a condition that cannot be told here: show it, go on after
            return self._error(error)
        if stop is None and motion is not Motion.CONTINUE:  # which arrives nowhere
            stop = arrived(self.walk, motion, stop_on_entry=self._stop_on_entry)
            if stop is not None and self.walk.part is not None:
                stop = replace(stop, text=part_told(self.frame))
        if stop is None and self._pause:
            stop = Stop(StopReason.PAUSE, self.cursor)
        if stop is None and motion is Motion.START:
            self._motion = Motion.CONTINUE
        return stop

    def _edge(self, motion: Motion) -> Stop:
        if motion.backward:
            return Stop(StopReason.ENTRY, self.cursor, "the beginning of the program")
        return Stop(StopReason.END, None, "the end of the program")

    def _error(self, error: S2sdapError, trace: str = "") -> Stop:
        cursor = self.cursor if self.walk.placed else None
        return Stop(StopReason.ERROR, cursor, str(error), error=error, traceback=trace)

    def _stopped(self, stop: Stop) -> Stop:
        self._motion = None
        self._pause = False
        self.stop = stop
        return stop

    # ---- reading -----------------------------------------------------------------------------

    @property
    def results(self) -> dict[int, Result]:
        """What has been decoded to its end, by sentence; an edit that reaches the end replaces it."""
        return self.walk.results

    @property
    def cursor(self) -> Cursor:
        """Where the cursor is; raises `ended` past the last sentence."""
        return self.walk.cursor

    @property
    def frame(self) -> Frame:
        """The frame at the cursor."""
        stack = self.frames()
        if not stack:  # without an encoder there is nothing before the first step
            raise S2sdapError("no_step_here", stage=self.cursor.stage)
        return stack[0]

    @property
    def target(self) -> TargetVocabulary:
        """The target tokens as the branch at the cursor has them: a source may add words of its own."""
        return self.walk.branch.plan.model.target if self.walk.placed else self.model.target

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that live at the cursor, best first."""
        return self.walk.hypotheses() if self.walk.placed else ()

    def follow(self, hypothesis: int) -> None:
        """Move the cursor to another live hypothesis."""
        self.walk.follow(hypothesis)
        if self.stop is not None:
            self.stop = replace(self.stop, cursor=self.cursor)

    def frames(self, hypothesis: int | None = None) -> list[Frame]:
        """The call stack of a hypothesis, by default the one at the cursor."""
        wanted = self.cursor.hypothesis if hypothesis is None else hypothesis
        for each in self.hypotheses():
            if each.id == wanted:
                return self.walk.frames(each)
        raise S2sdapError("unknown_thread", id=wanted)

    def evaluate(self, expression: str, *, frame: Frame | None = None) -> Value:
        """The value of an expression at a frame, by default the cursor's; of a lookup, what was found."""
        frame = frame or self.frame
        if is_lookup(expression):
            return self._looked_up(expression, frame)
        return compile_expression(expression, FIELDS)(FieldValues(frame))

    def neighbors(self, place: str = "", *, frame: Frame | None = None, **wanted: Any) -> "Neighborhood":
        """The training states that are nearest to a state: `state`, `encoder[3]`, `layers[1]`, `context`.

        Without a place it is that of the frame's stage. `wanted` are the fields of `lookups.Wanted`: k,
        metric, kind, token, right, sentences, others. Raises `no_index` where there is no index.
        """
        from s2sdap.debugger.neighbors import asking, lookups  # noqa: PLC0415 - as above

        named = lookups.read_whole_place(place) if place else None
        frame = frame or self.frame
        return asking.neighbors_at(self._index(), frame, named, lookups.Wanted(**wanted))

    def _looked_up(self, expression: str, frame: Frame) -> Value:
        from s2sdap.debugger.neighbors import asking, lookups  # noqa: PLC0415 - as above

        return asking.found_by(self._index(), frame, lookups.parse_lookup(expression))

    def _index(self) -> "OpenIndex":
        if self.training is None:
            raise no_index(self.model)
        return self.training.open()

    def top_tokens(self, count: int = 10) -> list[tuple[str, float]]:
        """The likeliest tokens of the cursor's step with their probabilities."""
        frame = self.frame
        making.step_of(frame)
        return [(frame.piece(token), math.exp(logprob)) for token, logprob in frame.top_tokens(count)]

    def attention(self) -> NDArray[np.float64]:
        """Attention [T, S] of the followed hypothesis up to the cursor, averaged over layers and heads."""
        matrix: NDArray[np.float64] = self.frame.attention_matrix().double().cpu().numpy()
        return matrix
