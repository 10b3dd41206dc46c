"""The fields of what a run has just chosen: those that rules ask for, read from the step's own record.

A run asks at every step. So nothing is made here that a field does not need, and a tensor is looked at
as the numbers that it is, of all hypotheses at once.
"""

import math
from collections.abc import Callable
from typing import Any, Final

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.field_values import FieldValues, Numbers, readers_of
from s2sdap.debugger.finiteness import finite
from s2sdap.debugger.frames import Frame, focus_of, focus_run
from s2sdap.debugger.measures import plain
from s2sdap.debugger.quick_conditions import ENTROPY_AT_MOST, MARGIN_AT_LEAST
from s2sdap.debugger.repeating import repeats
from s2sdap.decoding.records import Candidates, Hypothesis, Reason, StepRecord
from s2sdap.decoding.step import Decode
from s2sdap.vocabulary import sites

_NO_REASON: Final = Reason.NONE.value
_SURE: Final = 0.7
"""From here on the rest is small in the sense of the bound below, however few the tokens are."""
_SLACK: Final = 0.05
"""More than the probabilities of a row sum up to beside 1, in whatever precision they were computed."""
_LOG_OF_MANY: Final = math.log(1e7)
"""Of more tokens than any vocabulary has."""


class ChoiceValues(FieldValues):
    """The fields of the hypothesis `chosen` that the step of `record` chose."""

    __slots__ = ("_branch", "_of", "_record", "_seen", "_shown")

    def __init__(
        self, shown: Callable[[Hypothesis], Frame], branch: Branch, record: StepRecord, chosen: Hypothesis
    ) -> None:
        """`shown` makes the frame of the choice, for what only that can tell."""
        self._seen: Frame | None = None
        self._of = self._chosen = chosen
        self._layer = self._head = None
        self._shown = shown
        self._branch = branch
        self._record = record

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

    def _entropy_at_most(self) -> float:
        """A bound from the probability of the chosen token alone; infinite where that tells nothing.

        With p of the mass on one of the tokens, the others have at most the entropy of a uniform
        distribution of the rest, which grows with the rest while that is small.
        """
        p = self["p"] if self._from_its_row() else 0.0
        if p < _SURE:
            return math.inf
        rest = 1.0 - p + _SLACK
        return rest * (_LOG_OF_MANY - math.log(rest)) - p * self._of.logprob

    def _margin_at_least(self) -> float:
        """A bound of the same kind: no other token has more than the rest."""
        p = self["p"] if self._from_its_row() else 0.0
        return -math.inf if p < _SURE else 2 * p - 1.0 - _SLACK

    def _from_its_row(self) -> bool:
        """Whether the choice has the log-prob that its row gives it: nobody asked for another token."""
        search = self._record.search
        return (
            self._own_search()
            and isinstance(search, Candidates)
            and search.reason.item(self._of.candidate) == _NO_REASON
        )

    def _own_search(self) -> bool:
        """Whether our own search chose it, from a softmax without a NaN that nobody has edited."""
        return type(self._branch.plan) is Decode and not self._record.edits and not self._record.failed

    def _p(self) -> float:
        return math.exp(self._of.logprob)

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
        return 0 if focus is None else focus_run(self._branch.records, self._of.parent, focus)

    def _not_finite(self) -> str | None:
        if self._record.step > 0 and finite(self._record, logprobs=self._own_search()):
            return None
        return super()._not_finite()


_READERS: Final[dict[str, Callable[[ChoiceValues], Any]]] = {
    **readers_of(ChoiceValues),
    ENTROPY_AT_MOST: ChoiceValues._entropy_at_most,
    MARGIN_AT_LEAST: ChoiceValues._margin_at_least,
}
