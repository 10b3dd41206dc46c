"""What a session can change, and where it can go: edits, branches and jumps, each with a stop of its own."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.breakpoints import stage_named
from s2sdap.debugger.editing import making
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.model_failures import failure_of_model
from s2sdap.debugger.stops import Cursor, Stop, StopReason
from s2sdap.debugger.travel import Travel
from s2sdap.decoding.edits import Edit, SourceEdit
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


class EditedSession(ABC):
    """The verbs of a session that need no motion. `Session` has the others, and is the one to use."""

    model: Described
    walk: Travel
    of_call: bool
    _closed: threading.Event

    @property
    @abstractmethod
    def cursor(self) -> Cursor:
        """Where the cursor is."""

    @property
    @abstractmethod
    def frame(self) -> Frame:
        """The frame at the cursor."""

    @abstractmethod
    def _stopped(self, stop: Stop) -> Stop:
        """Keep and return a stop."""

    # ---- edits -------------------------------------------------------------------------------

    def force(self, token: str | int, *, frame: Frame | None = None) -> Stop:
        """Take `token` (a piece, `"#12"` or 12) in place of the one chosen at the cursor's step."""
        return self.apply(making.chosen(frame or self.frame, token))

    def edit_attention(
        self,
        position: int,
        weight: float,
        *,
        layer: int | None = None,
        head: int | None = None,
        frame: Frame | None = None,
    ) -> Stop:
        """Put `weight` on the source token at `position`; the other weights fill the rest in proportion."""
        return self.apply(making.weight(frame or self.frame, position, weight, layer, head))

    def set_attention(
        self,
        weights: Sequence[float],
        *,
        layer: int | None = None,
        head: int | None = None,
        frame: Frame | None = None,
    ) -> Stop:
        """Replace the attention row by `weights`, scaled to sum to 1."""
        return self.apply(making.row(frame or self.frame, weights, layer, head))

    def edit_site(
        self,
        site: str,
        values: Sequence[float],
        *,
        index: tuple[int | None, ...] = (),
        frame: Frame | None = None,
    ) -> Stop:
        """Replace the tensor at `site`, or the part of it that `index` names (see `SiteEdit`).

        `attention.weights` takes a whole row, of (layer, head), and scales it to sum to 1. Every other
        kind of edit is made by `debugger.editing.making`, and goes through `apply`.
        """
        return self.apply(making.site(frame or self.frame, site, values, index))

    def edit(self, edit: Edit) -> Stop:
        """Run the edit's step again with it, on a new branch. Refused edits leave all as it was."""
        return self.apply((edit,))

    def apply(self, edits: Sequence[Edit]) -> Stop:
        """Make several edits as one: one branch, one thing to undo. See `Timeline.apply`.

        A `SourceEdit` begins another decode, which stands beside the one of the sentence as it reads.
        """
        if self.of_call and any(isinstance(edit, SourceEdit) for edit in edits):
            raise S2sdapError("source_fixed", reason="it was given by the program that made the call")
        return self._changed(lambda: self.walk.apply(tuple(edits)))

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits in force on the current branch, in the order in which they were consumed."""
        return self.walk.branch.edits

    def without(self, index: int) -> Stop:
        """A branch without one of `edits`. Refused where another of them means nothing without it."""
        return self._changed(lambda: self.walk.without(index))

    def undo(self) -> Stop:
        """Back to the branch and the position before the last edit of this sentence."""
        return self._changed(self.walk.undo, "undone")

    def redo(self) -> Stop:
        """Forward to the branch of the edit that was undone last."""
        return self._changed(self.walk.redo, "done again")

    def _changed(self, change: Callable[[], None], text: str = "") -> Stop:
        if self._closed.is_set():
            raise S2sdapError("ended")
        try:
            change()
        except S2sdapError:
            raise
        except Exception as error:
            raise failure_of_model(f"sentence {self.walk.number} with this edit", error) from error
        return self._stopped(Stop(StopReason.EDIT, self.cursor, text))

    # ---- branches and time travel ------------------------------------------------------------

    @property
    def branches(self) -> tuple[Branch, ...]:
        """The branches of the sentence at the cursor, in the order in which they were grown."""
        return tuple(self.walk.timeline.branches)

    def switch(self, branch: int) -> Stop:
        """Stand on another branch: at the same position, or the nearest that is computed there."""
        return self._changed(lambda: self.walk.switch(branch), f"branch {branch}")

    def name_branch(self, branch: int, name: str) -> None:
        """Call a branch by a name."""
        self.walk.timeline.find(branch).name = name

    def drop_branch(self, branch: int) -> None:
        """Let a branch go, and its memory. The current one and the one without edits stay."""
        self.walk.timeline.drop_branch(branch)

    def goto(self, step: int, stage: Stage | str | None = None) -> Stop:
        """To a stage of a computed step of the current branch, by default its last; -1 is the encoder."""
        wanted = None if stage is None else stage_named(stage, self.model.layout.stages)
        self.walk.goto(step, wanted)
        return self._stopped(Stop(StopReason.GOTO, self.cursor))

    def restart_frame(self, frame: Frame) -> Stop:
        """To where the step of a frame begins, following its hypothesis; or to the encoder."""
        self.walk.restart_frame(frame)
        return self._stopped(Stop(StopReason.RESTART, self.cursor))
