"""What a session must show, told by fresh runs: the oracle of one that is moved and edited at random.

It knows the edits in force on every branch and how far each was computed, where the cursor must be,
and what can be undone. A position is (step, stage), the encoder's (-1, 0); `None` is past the end.
"""

from dataclasses import dataclass
from typing import Any

from same_records import run_again

from s2sdap import S2sdapError
from s2sdap.decoding.edits import SourceEdit, merge
from s2sdap.decoding.step import Decode

LAST_STAGE = 3


@dataclass(frozen=True)
class Run:
    """A decode with these edits in it, to its end."""

    edits: tuple[Any, ...]
    plan: Any
    encoder: Any
    records: Any


class Expected:
    """Where the session must stand, and on what."""

    def __init__(self, model, text, search):
        self.model, self.text, self.search = model, text, search
        self.at = (-1, 0)
        self.current = 0
        self.runs = {0: self.run(())}
        self.computed = {0: 0}
        self.grown = 1
        self.done, self.undone = [], []

    def run(self, edits):
        """A fresh run with these edits. Raises where one of them cannot be."""
        source = [edit for edit in edits if isinstance(edit, SourceEdit)]
        plan = Decode.of(self.model, source[0].text if source else self.text, self.search)
        encoder, records = run_again(plan, [edit for edit in edits if edit not in source])
        last = len(records) - 1
        for edit in edits:
            if edit.step > last:
                raise S2sdapError("no_such_step", step=edit.step, last=last)
        return Run(tuple(edits), plan, encoder, records)

    @property
    def now(self):
        return self.runs[self.current]

    @property
    def over(self):
        return self.at is None

    # ---- moving ------------------------------------------------------------------------------

    def forward(self):
        """The next position."""
        step, stage = self.at
        if step >= 0 and stage < LAST_STAGE:
            return step, stage + 1
        return (step + 1, 0) if step + 1 < len(self.now.records) else None

    def backward(self):
        """The position before, `None` before the first."""
        if self.at is None:
            return len(self.now.records) - 1, LAST_STAGE
        step, stage = self.at
        if stage:
            return step, stage - 1
        return (step - 1, LAST_STAGE if step else 0) if step >= 0 else None

    def travel(self, move, there):
        """Go on with `move` until `there` is true of the position, the end or the beginning."""
        self.stand(move())
        while self.at is not None and not there():
            self.stand(move())

    def stand(self, at):
        """The session goes to a position of the current branch, and computes it if it must."""
        self.at = at
        reached = len(self.now.records) if at is None else at[0] + 1
        self.computed[self.current] = max(self.computed[self.current], reached)

    def _stand_near(self):
        last = self.computed[self.current] - 1
        if self.at[0] > last:
            self.at = (last, LAST_STAGE if last >= 0 else 0)

    # ---- edits and branches ------------------------------------------------------------------

    def with_group(self, group):
        """The edits in force after these: later steps are forgotten, the same place is replaced.

        A new source is read without the edits of the one before.
        """
        first = min(edit.step for edit in group)
        anew = any(isinstance(edit, SourceEdit) for edit in group)
        edits = () if anew else tuple(edit for edit in self.now.edits if edit.step <= first)
        for edit in group:
            edits = merge(edits, edit)
        return edits

    def grow(self, run, count):
        """A branch with this run on it, of which `count` steps are computed at once."""
        before = (self.current, self.at)
        self.current, self.grown = self.grown, self.grown + 1
        self.runs[self.current] = run
        self.computed[self.current] = min(count, len(run.records))
        self._stand_near()
        self.done.append((before, (self.current, self.at)))
        self.undone = []

    def switch(self, branch):
        self.current = branch
        self._stand_near()

    def drop(self, branch):
        """A branch is gone, and what led to it or away from it cannot be undone."""
        del self.runs[branch], self.computed[branch]
        for each in (self.done, self.undone):
            each[:] = [pair for pair in each if branch not in (pair[0][0], pair[1][0])]

    def undo(self):
        self.undone.append(self.done.pop())
        self.current, self.at = self.undone[-1][0]

    def redo(self):
        self.done.append(self.undone.pop())
        self.current, self.at = self.done[-1][1]
