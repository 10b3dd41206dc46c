"""Steps that a run computes before it asks about them.

What rules ask at every step costs a run of a fast model mostly that the processor has forgotten both, the
asking over the step and the step over the asking. So a run that goes on to the next thing that stops it
computes some steps in a row, and then asks about one after the other. A step is a pure function of
(snapshot, edits) and nobody sees it before the cursor comes to it, so this shows in nothing but the time.
"""

from time import perf_counter
from typing import Final

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.keeping import Keeper, KeptSites
from s2sdap.decoding.records import Snapshot, StepRecord
from s2sdap.models.contract import Described

AHEAD_SECONDS: Final = 0.01
"""How long a stop may come later for it: less than a screen takes for a picture."""


def only_computes(model: Described) -> bool:
    """Whether a step of `model` is known to do nothing but compute: its code is this package's.

    Somebody's own may print, or come to a breakpoint of a Python debugger: that is to be when it is due.
    """
    return type(model).__module__.partition(".")[0] == __name__.partition(".")[0]


class Ahead:
    """The steps of a run that have been computed, and that the cursor has not come to yet."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._waiting: list[StepRecord] = []  # the next one last
        self._expected = 2 * AHEAD_SECONDS
        """Seconds that the next step may take: a long one counts half of that after each that is shorter.
        The first of all is run by itself."""

    def extend(self, branch: Branch, *, goes_on: bool) -> StepRecord:
        """Give `branch` its next record. Where the run `goes_on`, more steps are computed with it.

        Those that were computed for another branch, or another sentence, are forgotten. Raises what the
        model does.
        """
        before = branch.tip
        if not self._waiting or self._waiting[-1].before is not before:
            self.forget()
            self._waiting = self._computed(branch, before, AHEAD_SECONDS if goes_on else 0.0)[::-1]
        record = self._waiting.pop()
        branch.records.append(record)
        return record

    def forget(self) -> None:
        """Let go of what the cursor has not come to."""
        self._waiting = []

    def _computed(self, branch: Branch, before: Snapshot, seconds: float) -> list[StepRecord]:
        """A step, and those after it that should be done in time and whose tensors find room.

        A plan that lets go of tensors by itself would have to run steps again for who asks about them later.
        """
        found: list[StepRecord] = []
        keeper, now = self._keeper, perf_counter()
        end = now + seconds
        while True:
            began = now
            try:
                record = keeper.run(branch.plan, branch.encoder, before, ())
            except Exception:
                if found:  # run again, and told, when the cursor comes to it: kept, an error keeps all it saw
                    return found
                raise
            found.append(record)
            before, now = record.after, perf_counter()
            self._expected = max(now - began, self._expected / 2)
            late = now + self._expected > end
            if late or before.ended or keeper.filling or not isinstance(record.sites, KeptSites):
                return found
