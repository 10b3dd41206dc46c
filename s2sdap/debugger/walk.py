"""The walk: the cursor's way over the positions of a program, computing what is not there yet.

Positions of a sentence are its encoder, then the stages of step 0, of step 1, and so on, in the
order in which the model computes them. A position that has no record yet is computed, one that has
is shown again.
"""

import threading
from collections.abc import Callable
from functools import partial
from typing import Final

from s2sdap.debugger.ahead import Ahead
from s2sdap.debugger.branches import Branch
from s2sdap.debugger.frames import Frame, Training, frames
from s2sdap.debugger.keeping import MINIMUM_BUDGET, Keeper
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.results import Result
from s2sdap.debugger.stops import Cursor
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.decode import output_of
from s2sdap.decoding.edits import ENCODER_STEP
from s2sdap.decoding.plan import Plan, Planner
from s2sdap.decoding.records import Hypothesis, NotFinite
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

KEPT_SENTENCES: Final = 16
"""Sentences whose records are kept; a run through a corpus does not fill memory with what nobody reads."""


class Walk:
    """Where the cursor is, and the timelines it walks over.

    `budget` bounds the bytes of tensors in the records that are kept, and `KEPT_SENTENCES` their
    number: beyond that the earliest sentences are dropped and run again, exactly, when the cursor
    comes back to them.
    """

    def __init__(
        self,
        model: Described,
        program: Program,
        planner: Planner,
        budget: int,
        on_result: Callable[[Result], None],
        closed: threading.Event,
    ) -> None:
        self.model = model
        self.program = program
        self._planner = planner
        self.results: dict[int, Result] = {}
        self.training: Training | None = None
        self.looks_ahead = False
        """Whether steps may be computed before the cursor comes to them."""
        self.stages = tuple(stage for stage in model.layout.stages if stage is not Stage.ENCODER)
        self.has_encoder = Stage.ENCODER in model.layout.stages
        self._budget = budget
        self.keeper = Keeper(max(budget, MINIMUM_BUDGET))
        self._ahead = Ahead(self.keeper)
        self._on_result = on_result
        self._closed = closed
        self._timelines: dict[int, Timeline] = {}
        self._sizes: dict[int, int] = {}
        self._bytes = 0
        self._sentence = program.first - 1
        self.step = ENCODER_STEP
        self._stage = 0
        self._followed = 1

    # ---- where the cursor is -----------------------------------------------------------------

    @property
    def begun(self) -> bool:
        """Whether the walk has entered the program."""
        return self._sentence >= self.program.first

    @property
    def ended(self) -> bool:
        """Whether the walk is past the last sentence."""
        return self._sentence >= self.program.end

    @property
    def placed(self) -> bool:
        """Whether the cursor stands on a position: begun, not ended, and the encoder did not fail."""
        return self._sentence in self._timelines

    @property
    def number(self) -> int:
        """The sentence's number as people count, from 1; past the last sentence, one more than that."""
        return self._sentence + 1

    @property
    def timeline(self) -> Timeline:
        """The timeline of the sentence at the cursor; raises `ended` where there is none."""
        timeline = self._timelines.get(self._sentence)
        if timeline is None:
            raise S2sdapError("ended")
        return timeline

    def timeline_of(self, sentence: int) -> Timeline | None:
        """The timeline of a sentence by its index, wherever the cursor is; `None` where it is not kept."""
        return self._timelines.get(sentence)

    @property
    def branch(self) -> Branch:
        """The branch at the cursor."""
        return self.timeline.branch

    @property
    def sentence(self) -> Sentence:
        """The sentence at the cursor."""
        return self.timeline.sentence

    @property
    def stage(self) -> Stage:
        """The stage at the cursor."""
        return Stage.ENCODER if self.has_encoder and self.step == ENCODER_STEP else self.stages[self._stage]

    @property
    def cursor(self) -> Cursor:
        """The cursor as plain data."""
        return Cursor(self.sentence.index, self.branch.id, self.step, self.stage, self._followed)

    @property
    def at_sentence_start(self) -> bool:
        """Whether this is the first position of a sentence."""
        if self.has_encoder:
            return self.step == ENCODER_STEP
        return self.step <= 0 and self._stage == 0

    @property
    def at_sentence_end(self) -> bool:
        """Whether this is the last position of a sentence whose search has ended."""
        return self.step >= 0 and self.stage is self.stages[-1] and self.branch.records[self.step].after.ended

    @property
    def at_program_start(self) -> bool:
        """Whether there is no position before this one."""
        if self.placed and not self.at_sentence_start:
            return False
        return self._earlier() is None

    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """The hypotheses that live at the cursor, best first.

        Before search has chosen they are those the step began with; after it those that go on, and
        those that finished in this very step; once search has ended, all that finished.
        """
        if self.step == ENCODER_STEP:
            return self.branch.encoder.after.live
        record = self.branch.records[self.step]
        if self.stage is not Stage.SEARCH:
            return record.before.live
        after = record.after
        if after.ended:
            return after.finished
        if not after.finished:
            return after.live
        return (*after.live, *(each for each in after.finished if each.step == self.step))

    def best(self) -> tuple[Hypothesis, ...]:
        """The outputs of the branch at the cursor, best first, once its search has ended."""
        return self.branch.plan.best(self.branch.tip)

    def follow(self, identity: int) -> None:
        """Follow the hypothesis `identity` for as long as it lives."""
        if not any(hypothesis.id == identity for hypothesis in self.hypotheses()):
            raise S2sdapError("unknown_thread", id=identity)
        self._followed = identity

    def frames(self, hypothesis: Hypothesis) -> list[Frame]:
        """The call stack of one of `hypotheses`."""
        timeline, branch = self.timeline, self.branch
        at = (branch.plan, timeline.sentence, branch.id, branch.encoder, branch.records)
        return frames(*at, (self.step, self.stage), hypothesis, self.training)

    def frame_of_choice(self, hypothesis: Hypothesis) -> Frame:
        """The frame in which search chose this hypothesis' last token, without the stack below it."""
        timeline = self.timeline
        branch = timeline.branch
        record = branch.records[hypothesis.step]
        at = (branch.plan, timeline.sentence, branch.id, Stage.SEARCH, branch.encoder, branch.records)
        return Frame(*at, record, hypothesis.row, hypothesis, self.training)

    def frame_of_source(self) -> Frame:
        """The encoder's frame, which is the lowest of every stack."""
        timeline = self.timeline
        branch = timeline.branch
        at = (branch.plan, timeline.sentence, branch.id, Stage.ENCODER, branch.encoder)
        return Frame(*at, (), None, 0, None, self.training)

    # ---- moving ------------------------------------------------------------------------------

    def forward(self, *, whole_step: bool = False) -> bool:
        """To the next position; `False` past the last sentence.

        `whole_step` goes to the last stage of a step at once, for a run that nothing can stop at the
        stages between.
        """
        timeline = self._timelines.get(self._sentence)
        if timeline is None:
            return self._enter_next()
        branch = timeline.branch
        records = branch.records
        if self.step >= 0:
            last = self._last_stage(self.step)
            if self._stage < last:
                self._stage = last if whole_step else self._stage + 1
                if self._stage == last:
                    self._keep_following()
                return True
            if records[self.step].failed:
                return self._enter_next()
        step = self.step + 1
        if step == len(records):
            if not self._runs_on(branch):
                return self._enter_next()
            self._extend(timeline, step, goes_on=whole_step and self.looks_ahead)
        self.step, self._stage = step, self._last_stage(step) if whole_step else 0
        live = records[step].after.live
        if not (whole_step and live and live[0].id == self._followed):  # it leads and lives: the commonest
            self._keep_following()
        return True

    def _extend(self, timeline: Timeline, step: int, *, goes_on: bool) -> None:
        """Compute a step. One whose numbers are none leaves what it computed, and the cursor on it."""
        try:
            ended = self._ahead.extend(timeline.branch, goes_on=goes_on).after.ended
        except NotFinite as failed:
            timeline.branch.records.append(failed.record)
            self._place_at(step)
            raise
        if ended:
            self._tell(timeline.branch)

    def back(self) -> bool:
        """To the position before; `False` at the very first."""
        if self.placed:
            if self._stage > 0:
                self._stage -= 1
                self._keep_following()
                return True
            if self.step > 0 or (self.step == 0 and self.has_encoder):
                self._place_at(self.step - 1)
                return True
        earlier = self._earlier()
        if earlier is None:
            return False
        self._sentence = earlier
        if not self.placed:
            self._decode_again()
        self._bring_back()
        self._place_at(len(self.branch.records) - 1)
        return True

    def result_of(self, branch: Branch) -> Result | None:
        """What a branch of the sentence at the cursor has come to; `None` before its end."""
        if branch.error is not None:
            return Result(self.sentence, branch.id, (), branch.error)
        if not branch.records or not branch.tip.ended:
            return None
        outputs = tuple(output_of(branch.plan.model, each) for each in branch.plan.best(branch.tip))
        return Result(self.sentence, branch.id, outputs)

    def _tell(self, branch: Branch) -> None:
        """Tell what the branch at the cursor has come to, if it has."""
        result = self.result_of(branch)
        if result is not None:
            self._finish(result)
            self._count()

    def fail(self, error: S2sdapError) -> None:
        """The model failed at the cursor: note it, so that the walk goes on to the next sentence."""
        if self.placed:
            self.branch.error = error
            self._tell(self.branch)
        elif not self.ended:
            self._finish(Result(self.program.sentences[self._sentence], 0, (), error))

    def reset(self) -> None:
        """Forget everything that has run."""
        self._timelines.clear()
        self._ahead.forget()
        self._sizes.clear()
        self._bytes = 0
        self.results.clear()
        self._sentence = self.program.first - 1
        self.step, self._stage, self._followed = ENCODER_STEP, 0, 1

    def _place_at(self, step: int) -> None:
        """To the encoder, or the last stage that `step` came to."""
        self.step, self._stage = step, 0 if step == ENCODER_STEP else self._last_stage(step)
        self._keep_following()

    def _last_stage(self, step: int) -> int:
        """Search, but not where the numbers of a step were none."""
        return len(self.stages) - (2 if self.branch.records[step].failed else 1)

    def _runs_on(self, branch: Branch) -> bool:
        """Whether there is a step to compute: search goes on, and the model did not fail here."""
        return not branch.tip.ended and branch.error is None

    def _enter_next(self) -> bool:
        """To the first position of the next sentence that can be decoded."""
        while self._sentence + 1 < self.program.end:
            self._sentence += 1
            self.step, self._stage, self._followed = ENCODER_STEP, 0, 1
            if not self.placed:
                sentence = self.program.sentences[self._sentence]
                try:
                    plan = self._plan(sentence, sentence.text)
                except S2sdapError as error:  # it has no tokens, or too many: on to the next
                    self._finish(Result(sentence, 0, (), error))
                    continue
                self._make_room()
                self._read(sentence, plan)
            self._bring_back()
            return True if self.has_encoder else self.forward()
        self._sentence = self.program.end
        return False

    def _finish(self, result: Result) -> None:
        """Keep and tell a result; one that is known already, of steps run again, is not news."""
        if self.results.get(result.sentence.index) != result:
            self.results[result.sentence.index] = result
            self._on_result(result)

    def _count(self) -> None:
        """Count the bytes of the sentence at the cursor; far from the budget a bound of them will do."""
        size = self.timeline.bound(self.keeper.held)
        if size is None or size * KEPT_SENTENCES > self._budget:
            size = self.timeline.size
        self._bytes += size - self._sizes.get(self._sentence, 0)
        self._sizes[self._sentence] = size

    def _bring_back(self) -> None:
        """Run the steps of the sentence at the cursor again if they were dropped, and count them again."""
        timeline = self.timeline
        if timeline.dropped and timeline.restore(self._closed.is_set):
            self._count()
            self._make_room()

    def _make_room(self) -> None:
        """Drop the records of the sentences that were finished first, until the rest is within bounds.

        A sentence without edits goes altogether, since its text brings it back; one with edits keeps
        them, and what its encoder gave.
        """
        while self._bytes > self._budget or len(self._sizes) > KEPT_SENTENCES:
            index = next((each for each in self._sizes if each != self._sentence), None)
            if index is None:
                return
            self._bytes -= self._sizes.pop(index)
            if self._timelines[index].untouched and self.results[index].error is None:
                del self._timelines[index]
            else:
                self._timelines[index].drop()

    def _earlier(self) -> int | None:
        """The last sentence before the cursor's that has been decoded."""
        for index in range(min(self._sentence, self.program.end) - 1, -1, -1):
            result = self.results.get(index)
            if index in self._timelines or (result is not None and result.error is None):
                return index
        return None

    def _decode_again(self) -> None:
        """Run a sentence that was dropped altogether to its end, as it was before."""
        sentence = self.program.sentences[self._sentence]
        timeline = self._read(sentence, self._plan(sentence, sentence.text))
        while not timeline.branch.tip.ended and not self._closed.is_set():
            timeline.extend()
        self._count()
        self._make_room()

    def _read(self, sentence: Sentence, plan: Plan) -> Timeline:
        """Have the model read a sentence; what comes of it is kept."""
        timeline = Timeline(plan, sentence, partial(self._plan, sentence), self.keeper)
        self._timelines[sentence.index] = timeline
        return timeline

    def _plan(self, sentence: Sentence, text: str) -> Plan:
        """The decode of `text` in the place of a sentence."""
        return self._planner(
            text,
            sentence=sentence.index,
            line=sentence.line + 1,
            where=self.program.name,
            folder=self.program.folder,
        )

    def _keep_following(self) -> None:
        """Keep to the hypothesis that is followed while it lives, else go to the leader."""
        hypotheses = self.hypotheses()
        for hypothesis in hypotheses:
            if hypothesis.id == self._followed:
                return
        self._followed = hypotheses[0].id
