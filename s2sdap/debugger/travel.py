"""Travel: a walk whose cursor also goes anywhere that is computed, and over branches that edits grow."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from s2sdap.debugger.branches import Branch, Place
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.parts import StagePart, parts_of
from s2sdap.debugger.walk import Walk
from s2sdap.decoding.edits import ENCODER_STEP, Edit
from s2sdap.decoding.records import Hypothesis
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class _Standing:
    """The cursor within a stage: at part `index` of its `parts`. It holds at the position `at` alone."""

    at: tuple[int, int, int, Stage]
    parts: tuple[StagePart, ...]
    index: int


class Travel(Walk):
    """A walk that can be edited. Whatever is refused leaves the cursor and the branches as they were.

    It can also go through a stage part by part. Short of the last part the cursor has not come to the
    stage's position yet: the next one that it comes to is this very stage's.
    """

    _standing: _Standing | None = None

    def goto(self, step: int, stage: Stage | None = None) -> None:
        """To a stage of a computed step of the current branch, by default its last; -1 is the encoder."""
        self.complete_stage()
        first = ENCODER_STEP if self.has_encoder else 0
        last = len(self.branch.records) - 1
        if not first <= step <= last:
            raise S2sdapError("no_such_step", step=step, last=last)
        if step == ENCODER_STEP:
            if stage not in (None, Stage.ENCODER):
                raise S2sdapError("no_step_here", stage=stage)
            self._place_at(step)
            return
        if stage is not None and stage not in self.stages:
            raise S2sdapError("unknown_stage", stage=stage, known=", ".join(self.stages), nearest="")
        come_to = self._last_stage(step)
        wanted = come_to if stage is None else self.stages.index(stage)
        if wanted > come_to:  # its numbers were none, so nothing was searched
            raise S2sdapError("no_step_here", stage=stage)
        self.step, self._stage = step, wanted
        self._keep_following()

    def restart_frame(self, frame: Frame) -> None:
        """To where the step of a frame begins, following the frame's hypothesis; or to the encoder."""
        branch = self.branch
        if frame.record is None:
            if frame.encoder is not branch.encoder:
                raise S2sdapError("other_branch", branch=frame.branch)
            self.goto(ENCODER_STEP)
            return
        if frame.step >= len(branch.records) or branch.records[frame.step] is not frame.record:
            raise S2sdapError("other_branch", branch=frame.branch)
        self._followed = frame.before.id
        self.goto(frame.step, self.stages[0])

    # ---- within a stage ----------------------------------------------------------------------

    @property
    def part(self) -> StagePart | None:
        """The part of the stage at the cursor; `None` where it was not come to part by part."""
        standing = self._standing
        if standing is None or not self.placed or standing.at != self._position():
            return None
        return standing.parts[standing.index]

    @property
    def within_stage(self) -> bool:
        """Whether parts of the stage at the cursor are still to come."""
        if self._standing is None:  # the commonest, and asked twice a step
            return False
        part = self.part
        return part is not None and not part.complete

    def forward_part(self) -> bool:
        """To the next part, which may be the first of the next stage; `False` past the last sentence."""
        if self.within_stage and self._standing is not None:
            self._standing = replace(self._standing, index=self._standing.index + 1)
            return True
        if not self.forward():
            return False
        self._stand_at(0)
        return True

    def back_part(self) -> bool:
        """To the part before, or from the first one and from a whole stage to the stage before."""
        standing = self._standing
        if self.part is not None and standing is not None and standing.index > 0:
            self._standing = replace(standing, index=standing.index - 1)
            return True
        return self.back()

    def complete_stage(self) -> None:
        """To the position of the stage at the cursor, past all of its parts."""
        self._standing = None

    def frames(self, hypothesis: Hypothesis) -> list[Frame]:
        """See `Walk.frames`; the newest shows as much of its stage as has come."""
        stack = super().frames(hypothesis)
        part = self.part
        if part is not None and stack:
            stack[0] = replace(stack[0], part=part)
        return stack

    def _position(self) -> tuple[int, int, int, Stage]:
        return (self._sentence, self.branch.id, self.step, self.stage)

    def _stand_at(self, index: int) -> None:
        """Stand at a part of the stage at the cursor, which may have none to tell apart."""
        record = self.branch.encoder if self.step == ENCODER_STEP else self.branch.records[self.step]
        parts = parts_of(self.model.layout, self.stage, record.sites)
        whole = index >= len(parts) or len(parts) == 1
        self._standing = None if whole else _Standing(self._position(), parts, index)

    # ---- edits and branches ------------------------------------------------------------------

    def apply(self, edits: Sequence[Edit]) -> None:
        """Grow a branch with the edits in it, and stand there at the same position or the nearest."""
        if not edits:
            raise S2sdapError("no_edits")
        self._grow(lambda: self.timeline.apply(edits, least=self._least), edits)

    def without(self, index: int) -> None:
        """Grow a branch that lacks one of the edits in force, and stand there."""
        self._grow(lambda: self.timeline.without(index, least=self._least), ())

    def undo(self) -> None:
        """Back to the branch and the position before the last edit of the sentence."""
        self._return_to(self.timeline.history.undo())

    def redo(self) -> None:
        """Forward again to the branch of the edit that was undone last."""
        self._return_to(self.timeline.history.redo())

    def switch(self, branch: int) -> None:
        """To another branch of the sentence: the same position there, or the nearest that is computed."""
        timeline = self.timeline
        timeline.current = timeline.find(branch).id
        self._stand_near(self.step)
        self._tell(self.branch)

    @property
    def _least(self) -> int:
        """Steps that a branch must have so that the cursor can stand on it."""
        return 0 if self.has_encoder else 1

    def _place(self) -> Place:
        return Place(self.branch.id, self.step, self._stage, self._followed)

    def _grow(self, grow: Callable[[], Branch], edits: Sequence[Edit]) -> None:
        timeline, before = self.timeline, self._place()
        standing = self._standing if self.part is not None else None
        branch = grow()
        self._stand_near(self.step)
        if standing is not None and standing.at[2:] == (self.step, self.stage):
            self._stand_at(standing.index)
        if self.stage is Stage.SEARCH:
            self._follow_child(edits)
        timeline.history.add(before, self._place())
        self._tell(branch)

    def _follow_child(self, edits: Sequence[Edit]) -> None:
        """Follow what became of the hypothesis that an edit at this step names."""
        before = self.branch.records[self.step].before.live
        named = {edit.hypothesis for edit in edits if edit.step == self.step}
        rows = {row for row, hypothesis in enumerate(before) if hypothesis.id in named}
        mine = [each for each in self.hypotheses() if each.row in rows and each.step == self.step]
        if mine:
            self._followed = mine[0].id
        self._keep_following()

    def _return_to(self, place: Place) -> None:
        self.timeline.current = place.branch
        self.step, self._stage, self._followed = place.step, place.stage, place.followed
        self._keep_following()
        self._tell(self.branch)

    def _stand_near(self, step: int) -> None:
        """To the same stage of `step`, or to the last position there is before it."""
        last = len(self.branch.records) - 1
        if step > last:
            self._place_at(last)
        else:
            self._keep_following()
