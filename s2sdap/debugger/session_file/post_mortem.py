"""Opening a recording: a session without its model, to look at and step through like a core file.

It stops where it stood when it was saved, with the rule or the error that it stood at. A recording cannot
run on or take an edit: its plans refuse both, and say how to go on with the model.
"""

import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.program import Program, read_program
from s2sdap.debugger.results import Result
from s2sdap.debugger.session import Session
from s2sdap.debugger.session_file.breakpoints import armed_of
from s2sdap.debugger.session_file.layout import ALL, DOCUMENT, BranchPart, DecodePart, Document
from s2sdap.debugger.session_file.read import OpenFile, open_file
from s2sdap.debugger.session_file.recorded import RecordedModel, RecordedPlan
from s2sdap.debugger.session_file.replay import Replay, check_replayable, replay
from s2sdap.debugger.session_file.restore import Restored
from s2sdap.debugger.session_file.telling import (
    CALL,
    error_of,
    program_of,
    result_of,
    settings_of,
    shown_of,
    stop_of,
)
from s2sdap.debugger.stops import Cursor, Motion, Stop
from s2sdap.debugger.timeline import Timeline
from s2sdap.debugger.travel import Travel
from s2sdap.decoding.edits import ENCODER_STEP, SourceEdit
from s2sdap.decoding.plan import Plan
from s2sdap.models.contract import Described
from s2sdap.models.loading import load_model
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

_ORIGIN: Final = ("model", "device", "dtype", "revision")
"""What is taken from a file of how to load a model. Whether its own code may run, a file does not decide."""


def _unplanned(text: str, **_where: Any) -> Plan:
    """The planner of a recording: it has none but the plans of what was run."""
    raise S2sdapError("not_recorded", what=f"a decode of {text[:100]!r}")


class RecordedWalk(Travel):
    """The cursor's way over what was recorded: sentences without records are passed over."""

    def __init__(self, model: RecordedModel, program: Program, closed: threading.Event) -> None:
        super().__init__(model, program, _unplanned, 0, lambda _result: None, closed)

    def take(self, timelines: Mapping[int, Timeline], results: Mapping[int, Result]) -> None:
        """What there is to walk over."""
        self._timelines.update(timelines)
        self.results.update(results)

    def stand_at(self, cursor: Cursor) -> None:
        """Put the cursor where it stood; in a file that was made up, at the end of what there is."""
        self._sentence = cursor.sentence
        self._place_at(max(ENCODER_STEP, min(cursor.step, len(self.branch.records) - 1)))
        if self.step >= 0 and cursor.stage in self.stages:
            self._stage = self.stages.index(cursor.stage)
        self._followed = cursor.hypothesis
        self._keep_following()

    def stand_at_end(self) -> None:
        """Put the cursor on the last position of the last sentence."""
        self._sentence = max(self._timelines)
        self._place_at(len(self.branch.records) - 1)

    def reset(self) -> None:
        """Back to before the beginning; what was recorded stays."""
        self._sentence, self.step, self._stage, self._followed = -1, ENCODER_STEP, 0, 1

    def fail(self, error: S2sdapError) -> None:
        """What cannot be read here has not failed in the run that was recorded."""
        del error

    def _runs_on(self, branch: Branch) -> bool:
        del branch
        return False

    def _enter_next(self) -> bool:
        later = [index for index in self._timelines if index > self._sentence]
        if not later:
            self._sentence = len(self.program.sentences)
            return False
        self._sentence = min(later)
        self.step, self._stage, self._followed = ENCODER_STEP, 0, 1
        return True if self.has_encoder else self.forward()

    def _earlier(self) -> int | None:
        return max((index for index in self._timelines if index < self._sentence), default=None)

    def _make_room(self) -> None:
        """Nothing is held that could be dropped."""


class Recording(Session):
    """A session over a recording. It stops where it stood when it was saved."""

    walk: RecordedWalk

    def __init__(self, file: OpenFile, *, stop_on_entry: bool = True) -> None:
        """Raises `session_damaged` where the document does not hold together."""
        self.file = file
        document = file.document
        try:
            program = _found_again(program_of(document.program))
            decodes, model = _restored(file)
            sentences = {
                part.sentence: _timeline(file, part, restored, program, model) for part, restored in decodes
            }
            super().__init__(
                model,
                program,
                settings_of(document.settings),
                stop_on_entry=stop_on_entry,
                planner=_unplanned,
                of_call=document.settings.kind == CALL,
            )
            walk = RecordedWalk(model, program, self._closed)
            results = (result_of(each, program) for each in document.results)
            walk.take(sentences, {each.sentence.index: each for each in results})
            self._stood = _cursor(document, walk)
        except S2sdapError as error:  # an edit that is none, settings that cannot be
            raise error if error.number // 100 == 71 else file.store.damaged(DOCUMENT, error) from None
        except _MADE_UP as error:
            raise file.store.damaged(DOCUMENT, f"{type(error).__name__}: {error}") from None
        self.walk = walk
        self.origin = document.origin
        self.armed = armed_of(document.breakpoints, model)

    def need_model(self, what: str) -> None:
        """Refuses: what takes the model itself cannot be asked of its records."""
        raise S2sdapError("post_mortem", model=self.model.name, what=what)

    def replay(self, model: str | Described | None = None) -> Replay:
        """Run it again, by default with the model that its launch named, and say where it differs."""
        if model is None or isinstance(model, str):
            model = self.load(model)
        return replay(self, model)

    def load(self, model: str | None = None, **options: Any) -> Described:
        """The model of that name, or the one that the launch named, with the options of `load_model`."""
        check_replayable(self)
        if model is not None:
            return load_model(model, **options)
        origin = {name: value for name, value in self.origin.items() if name in _ORIGIN}
        if not isinstance(origin.get("model"), str):
            reason = "it does not say where its model came from, so name one"
            raise S2sdapError("cannot_replay", path=self.file.path, reason=reason)
        return load_model(origin.pop("model"), **{**origin, **options})

    def _move(self, motion: Motion) -> bool:
        if motion is Motion.START and self._stop_on_entry:
            if self._stood is None:
                self.walk.stand_at_end()
            else:
                self.walk.stand_at(self._stood)
            return True
        return super()._move(motion)

    def _why(self, motion: Motion) -> Stop | None:
        told = self.file.document.stop
        if motion is Motion.START and self._stop_on_entry and told is not None and self._stood:
            stop = stop_of(told, self.cursor)
            if stop is not None:
                return stop
        return super()._why(motion)


def open_recording(path: str | os.PathLike[str], *, stop_on_entry: bool = True) -> Recording:
    """A session over the recording in `path`. Raises an error of the 71 hundreds."""
    return Recording(open_file(path), stop_on_entry=stop_on_entry)


_MADE_UP: Final = (ValueError, IndexError, KeyError, TypeError, AttributeError, RuntimeError, OverflowError)
"""What putting a document together raises that no session wrote."""


def _found_again(program: Program) -> Program:
    """The program with its file, if that still reads the same here; else its text stands for it."""
    if program.path is None:
        return program
    try:
        same = read_program(program.path).lines == program.lines
    except S2sdapError:
        same = False
    return program if same else replace(program, path=None)


def _restored(file: OpenFile) -> tuple[list[tuple[DecodePart, Restored]], RecordedModel]:
    """The records of every sentence, and the model that made them."""
    document = file.document
    pieces = len(document.model.vocabulary.pieces)
    size = min(pieces, dict(document.model.sizes).get("V", pieces))  # some tokens can only be read
    stages = [Stage(stage) for stage in document.model.stages]
    later = [stage for stage in stages if stage is not Stage.ENCODER]
    if not later or len(set(stages)) != len(stages) or Stage.ENCODER in stages[1:]:
        raise file.store.damaged(DOCUMENT, "its model has no stages, or has them in an odd order")
    decodes = [(part, Restored(file, part, size, stages)) for part in document.decodes]
    if not decodes:
        raise file.store.damaged(DOCUMENT, "nothing was recorded")
    encoders = [encoder for _, restored in decodes for encoder in restored.encoders]
    sources = {encoder.source.text: encoder.source for encoder in encoders}
    names = document.model.sites if document.kept == ALL else document.kept.split(", ")
    return decodes, RecordedModel(document.model, frozenset(names), sources)


def _timeline(
    file: OpenFile, part: DecodePart, restored: Restored, program: Program, model: RecordedModel
) -> Timeline:
    """The branches of a sentence over its records."""
    shown = [shown_of(table) for table in file.document.shown]
    branches = []
    for each in part.branches:
        read = model.read(part.encoders[each.encoder])
        plan = RecordedPlan(read, shown[each.shown], restored.changed, restored.best)
        branches.append(_branch(each, restored, plan))
    if not 0 <= part.sentence < len(program.sentences) or part.current not in [each.id for each in branches]:
        raise restored.wrong("it has no current branch, or is no sentence of the program")
    return Timeline.restored(program.sentences[part.sentence], branches, part.current)


def _branch(part: BranchPart, restored: Restored, plan: RecordedPlan) -> Branch:
    """A branch, once each of its steps comes after the one before."""
    before = -1 - part.encoder
    for number in part.steps:
        if not 0 <= number < len(restored.steps) or restored.told_before(number) != before:
            raise restored.wrong(f"branch {part.id} leads from step {before} to {number}")
        before = number
    if not 0 <= part.encoder < len(restored.encoders):
        raise restored.wrong(f"branch {part.id} has no encoder")
    records = [restored.steps[number] for number in part.steps]
    return Branch(
        id=part.id,
        parent=part.parent,
        fork=part.fork,
        plan=plan,
        encoder=restored.encoders[part.encoder],
        records=records,
        name=part.name,
        source=None if part.text is None else SourceEdit(part.text),
        made_by=restored.edits(part.made_by, part.encoder),
        error=None if part.error is None else error_of(part.error),
    )


def _cursor(document: Document, walk: RecordedWalk) -> Cursor | None:
    """Where the session stood, `None` where that was past the end, or is nowhere."""
    told = document.cursor
    timeline = None if told is None else walk.timeline_of(told.sentence)
    if told is None or timeline is None:
        return None
    return Cursor(told.sentence, timeline.branch.id, told.step, Stage(told.stage), told.hypothesis)
