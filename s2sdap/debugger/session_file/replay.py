"""Running a recording again with a model, and saying where it differs.

Every branch is run with its edits through the same plan as a session's, and each record is held
against the recorded one, bit by bit. Another model than the one that was recorded is told as such and
compared all the same: so a saved session is also a way to compare checkpoints.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.session_file.differences import REFUSED, SITE, Difference, of_encoders, of_steps
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.edits import ENCODER_STEP, Edit, SourceEdit
from s2sdap.decoding.plan import Plan, Planner
from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.records import EncoderRecord, Snapshot, StepRecord
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.session_file.post_mortem import Recording


@dataclass(frozen=True, slots=True)
class BranchReplay:
    """A branch run again: how many steps could be compared, and the first difference.

    `parted` is where the tokens went apart, or an edit was refused: nothing after it can be compared.
    `widest` are the largest differences of each site up to there. The outputs are there where the
    recorded branch came to its end.
    """

    sentence: int
    branch: int
    name: str
    steps: int
    first: Difference | None
    parted: Difference | None
    widest: tuple[tuple[str, float], ...]
    recorded: str | None
    replayed: str | None

    @property
    def text(self) -> str:
        """What came of it, in one line or two."""
        where = f"sentence {self.sentence + 1}, branch {self.branch}" + (
            f" ({self.name})" if self.name else ""
        )
        if self.first is None:
            return f"{where}: the same in every bit, {self.steps} steps"
        told = f"{where}: differs from {self.first.text}"
        if self.parted is not None and self.parted != self.first:
            told += f"; goes apart at {self.parted.text}"
        if self.recorded != self.replayed and self.replayed is not None:
            told += f"\n  output {self.recorded!r} recorded, {self.replayed!r} now"
        return told


@dataclass(frozen=True, slots=True)
class Replay:
    """A recording run again: the two models, and what came of each branch."""

    recorded_model: str
    recorded_fingerprint: str
    model: str
    fingerprint: str
    branches: tuple[BranchReplay, ...]

    @property
    def same_model(self) -> bool:
        """Whether the model is the recorded one, by its hash."""
        return self.recorded_fingerprint == self.fingerprint

    @property
    def identical(self) -> bool:
        """Whether every bit of every branch is the same."""
        return all(each.first is None for each in self.branches)

    @property
    def text(self) -> str:
        """The whole of it."""
        now = f"{self.model} ({self.fingerprint})"
        then = f"{self.recorded_model} ({self.recorded_fingerprint})"
        head = (
            f"{now} is the recorded model" if self.same_model else f"{now} is not the recorded model {then}"
        )
        steps = sum(each.steps for each in self.branches)
        same = sum(each.first is None for each in self.branches)
        last = f"{same} of {len(self.branches)} branches are the same in every bit, {steps} steps compared"
        return "\n".join([head, *(each.text for each in self.branches), last])


@dataclass(slots=True)
class _Found:
    """What has been found of one branch so far."""

    first: Difference | None = None
    parted: Difference | None = None
    widest: dict[str, float] = field(default_factory=dict)

    def note(self, difference: Difference) -> None:
        self.first = self.first or difference
        if difference.parts:
            self.parted = self.parted or difference
        if difference.kind == SITE and difference.largest is not None:
            self.widest[difference.name] = max(self.widest.get(difference.name, 0.0), difference.largest)


def replay(recording: "Recording", model: Described) -> Replay:
    """Run every branch of a recording again with `model`, under the recorded settings and edits."""
    return replay_of(recording, model, tuple(replays(recording, model)))


def replay_of(recording: "Recording", model: Described, branches: tuple[BranchReplay, ...]) -> Replay:
    """What came of these branches, together."""
    told = recording.model
    return Replay(told.name, told.fingerprint, model.name, model.fingerprint, branches)


def replays(
    recording: "Recording", model: Described, interrupted: Callable[[], bool] = lambda: False
) -> Iterator[BranchReplay]:
    """The branches one after the other; `interrupted` ends a branch between two steps.

    Raises `cannot_replay` for a call of somebody's own program, and where the settings are none of
    this model's.
    """
    check_replayable(recording)
    planner = planner_for(model, recording.settings)
    for sentence in recording.program.sentences:
        timeline = recording.walk.timeline_of(sentence.index)
        if timeline is None:
            continue
        again = _Sentence(recording, model, planner, timeline, interrupted)
        for branch in timeline.branches:
            yield again.run(branch)


def check_replayable(recording: "Recording") -> None:
    """Raise `cannot_replay` for a call that only somebody's own program can make again."""
    if recording.of_call:
        reason = "it is a call that somebody's own program made"
        raise S2sdapError("cannot_replay", path=recording.file.path, reason=reason)


class _Sentence:
    """The branches of a sentence, run again. What they share is run once."""

    def __init__(
        self,
        recording: "Recording",
        model: Described,
        planner: Planner,
        timeline: Timeline,
        interrupted: Callable[[], bool],
    ) -> None:
        self._recording = recording
        self._model = model
        self._planner = planner
        self._timeline = timeline
        self._sentence = timeline.sentence
        self._interrupted = interrupted
        self._plans: dict[str, Plan] = {}
        self._encoders: dict[int, EncoderRecord] = {}
        self._steps: dict[int, StepRecord] = {}

    def run(self, branch: Branch) -> BranchReplay:
        """Run a branch again and hold it against its records."""
        found = _Found()
        steps = 0
        plan: Plan | None = None
        tip: Snapshot | None = None
        try:
            plan = self._plan(branch)
            encoder = self._encoder(plan, branch)
            tip = encoder.after
            for difference in of_encoders(branch.encoder, encoder):
                found.note(difference)
            for record in branch.records:
                if self._interrupted() or tip.ended:
                    break
                now = self._step(plan, encoder, tip, record)
                tip = now.after
                if found.parted is None:
                    steps += 1
                    for difference in of_steps(record, now, plan.model.target):
                        found.note(difference)
            while branch.tip.ended and not tip.ended and not self._interrupted():
                tip = plan.step(encoder, tip).after
        except Exception as error:  # an edit that means nothing here, or the model's own code failed
            step = ENCODER_STEP if tip is None else tip.step
            reason = str(error) if isinstance(error, S2sdapError) else f"{type(error).__name__}: {error}"
            found.note(Difference(step, REFUSED, "the model refused to go on", "", reason))
        return BranchReplay(
            sentence=self._sentence.index,
            branch=branch.id,
            name=getattr(branch, "name", "") or "",
            steps=steps,
            first=found.first,
            parted=found.parted,
            widest=tuple(found.widest.items()),
            recorded=_output(branch.plan, branch.tip),
            replayed=None if plan is None or tip is None else _output(plan, tip),
        )

    def _plan(self, branch: Branch) -> Plan:
        text = next((each.text for each in branch.edits if isinstance(each, SourceEdit)), self._sentence.text)
        if text not in self._plans:
            path = self._recording.file.document.program.path
            self._plans[text] = self._planner(
                text,
                sentence=self._sentence.index,
                line=self._sentence.line + 1,
                where=self._recording.program.name,
                folder=None if path is None else os.path.dirname(path),
            )
        return self._plans[text]

    def _encoder(self, plan: Plan, branch: Branch) -> EncoderRecord:
        key = id(branch.encoder)  # branches that share it point at the very same record
        if key not in self._encoders:
            self._encoders[key] = plan.begin(_without_source(branch.encoder.edits))
        return self._encoders[key]

    def _step(self, plan: Plan, encoder: EncoderRecord, tip: Snapshot, record: StepRecord) -> StepRecord:
        if id(record) not in self._steps:
            self._steps[id(record)] = plan.step(encoder, tip, record.edits)
        return self._steps[id(record)]


def _without_source(edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    return tuple(edit for edit in edits if not isinstance(edit, SourceEdit))


def _output(plan: Plan, tip: Snapshot) -> str | None:
    """The text of the best output, where search has ended."""
    best = plan.best(tip) if tip.ended else ()
    return plan.model.target.text(best[0].tokens) if best else None
