"""Steps that a run computes before it asks about them.

What rules ask at every step costs a run of a fast model mostly that the processor has forgotten both, the
asking over the step and the step over the asking. So a run that goes on to the next thing that stops it
computes some steps in a row, and then asks about one after the other. A step is a pure function of
(snapshot, edits) and nobody sees it before the cursor comes to it, so this shows in nothing but the time.
"""

from dataclasses import dataclass
from time import perf_counter
from typing import Final

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.keeping import Keeper
from s2sdap.decoding.records import Snapshot, StepRecord

AHEAD_SECONDS: Final = 0.01
"""How long a stop may come later for it: less than a screen takes for a picture."""


@dataclass(frozen=True, slots=True)
class _Computed:
    """What came of a step from `before`: its record, or what the model failed with."""

    before: Snapshot
    outcome: StepRecord | Exception


class Ahead:
    """The steps of a run that have been computed, and that the cursor has not come to yet."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self._waiting: list[_Computed] = []  # the next one last
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
            self._waiting = self._computed(branch, before, AHEAD_SECONDS if goes_on else 0.0)[::-1]
        outcome = self._waiting.pop().outcome
        if isinstance(outcome, Exception):
            raise outcome
        branch.records.append(outcome)
        return outcome

    def forget(self) -> None:
        """Let go of what the cursor has not come to."""
        self._waiting = []

    def _computed(self, branch: Branch, before: Snapshot, seconds: float) -> list[_Computed]:
        """A step, and those after it that should be done in time and whose tensors find room."""
        found: list[_Computed] = []
        keeper, now = self._keeper, perf_counter()
        end = now + seconds
        while True:
            began = now
            try:
                record = keeper.run(branch.plan, branch.encoder, before, ())
            except Exception as error:  # to be told when the cursor comes to it
                found.append(_Computed(before, error))
                return found
            found.append(_Computed(before, record))
            before, now = record.after, perf_counter()
            self._expected = max(now - began, self._expected / 2)
            if before.ended or now + self._expected > end or keeper.filling:
                return found
