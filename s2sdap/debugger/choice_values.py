"""The fields of what a run has just chosen: those that rules ask for, read from the step's own record.

A run asks at every step. So nothing is made here that a field does not need, and a tensor is looked at
as the numbers that it is, of all hypotheses at once.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.field_values import FieldValues, Numbers, readers_of
from s2sdap.debugger.finiteness import finite, source_finite
from s2sdap.debugger.frames import Frame, focus_of, focus_run
from s2sdap.debugger.measures import plain
from s2sdap.debugger.repeating import repeats
from s2sdap.decoding.records import Candidates, Hypothesis, Reason, StepRecord
from s2sdap.decoding.step import Decode
from s2sdap.vocabulary import sites

_NO_REASON: Final = Reason.NONE.value
_UNSURE: Final = -math.inf

FocusRun = tuple[Hypothesis, int, int]
"""A hypothesis, its focus, and how many steps in a row it has had that."""


class ChoiceValues(FieldValues):
    """The fields of the hypothesis `chosen` that the step of `record` chose."""

    __slots__ = ("_branch", "_of", "_record", "_seen", "_shown", "last")

    def __init__(
        self,
        shown: Callable[[Hypothesis], Frame],
        branch: Branch,
        record: StepRecord,
        chosen: Hypothesis,
    ) -> None:
        """`shown` makes the frame of the choice, for what only that can tell."""
        self._seen: Frame | None = None
        self._of = self._chosen = chosen
        self._layer = self._head = None
        self._shown = shown
        self._branch = branch
        self._record = record
        self.last: FocusRun | None = None
        """What was found out last, perhaps of the hypothesis that this one continues."""
        if chosen.logprob <= 0.0:
            self["p"] = math.exp(chosen.logprob)  # what nearly every run asks for

    def __missing__(self, name: str) -> Any:
        value = self[name] = _READERS[name](self)
        return value

    @property
    def frame(self) -> Frame:
        """The frame, made if it was not needed yet."""
        if self._seen is None:
            self._seen = self._shown(self._of)
        return self._seen

    def _numbers(self) -> Numbers:
        logprobs = self._record.sites.get(sites.PREDICTION_LOGPROBS)
        return super()._numbers() if logprobs is None else plain(logprobs)[self._of.row]

    @property
    def sure(self) -> float:
        """The probability of the choice; less than any where it may not be that of its row, after an edit."""
        record, chosen = self._record, self._of
        search = record.search
        if (
            type(self._branch.plan) is Decode
            and isinstance(search, Candidates)
            and search.reason.item(chosen.candidate) == _NO_REASON
            and not record.edits
            and chosen.logprob <= 0.0
        ):
            p: float = self["p"]
            return p
        return _UNSURE

    def _unknown(self) -> bool:
        return self._of.token == self._branch.plan.model.target.unknown

    def _repeats(self) -> int:
        return repeats(self._of)

    def _length(self) -> int:
        return self._of.length

    def _focus(self) -> int | None:
        weights = self._record.sites.get(sites.ATTENTION_WEIGHTS)
        return None if weights is None else focus_of(weights, self._of.row, None, None)

    def _focus_run(self) -> int:
        focus: int | None = self["focus"]
        if focus is None:
            return 0
        if self.last is not None and self.last[0] is self._of.parent:
            return self.last[2] + 1 if self.last[1] == focus else 1
        return focus_run(self._branch.records, self._of.parent, focus)

    def _not_finite(self) -> str | None:
        record = self._record
        searched = type(self._branch.plan) is Decode and not record.edits and not record.failed
        if not finite(record, logprobs=searched):  # our own search runs on a softmax without a NaN
            return super()._not_finite()
        if record.step == 0 and not source_finite(self._branch.encoder, self._of.sentence):
            return super()._not_finite()
        return None


_READERS: Final = readers_of(ChoiceValues)
