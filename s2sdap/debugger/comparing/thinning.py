"""Records of a decode beside the session: only so much is kept, the rest is run again when asked for.

A row of logits is as long as the vocabulary, and a comparison needs one hypothesis' rows, one step at a
time. A step is pure: run again, it gives them back bit for bit.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from torch import Tensor

from s2sdap.decoding.named_sites import NamedSites
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, StepRecord
from s2sdap.vocabulary import sites

KEPT_BYTES: Final = 64 * 1024 * 1024
"""Bytes of tensors that the records of one decode hold; beyond that its earliest steps are thinned."""
REMEMBERED: Final = 2
"""Steps that were run again and stay at hand."""
_FOR_GOOD: Final = (sites.ATTENTION_WEIGHTS, sites.DECODER_STATE)


class Kept:
    """The records of one decode. `records` are those that there are already, which stay whole.

    Of those that are added, no more than `budget` bytes of tensors are held.
    """

    def __init__(
        self,
        plan: Plan,
        encoder: EncoderRecord,
        records: Sequence[StepRecord] = (),
        budget: int = KEPT_BYTES,
    ) -> None:
        self.records = list(records)
        self._plan = plan
        self._encoder = encoder
        self._budget = budget
        self._held = 0
        self._whole = len(self.records)
        self._remembered: OrderedDict[int, Mapping[str, Tensor]] = OrderedDict()

    def add(self, record: StepRecord) -> None:
        """The next record; the earliest whole ones are thinned where that is too much."""
        self.records.append(record)
        self._held += record.nbytes
        while self._held > self._budget and self._whole < len(self.records):
            whole = self.records[self._whole]
            thin = replace(whole, sites=_Thin(self, whole))
            self.records[self._whole] = thin
            self._held += thin.nbytes - whole.nbytes
            self._whole += 1

    def again(self, record: StepRecord) -> Mapping[str, Tensor]:
        """All sites of a step, run again from the snapshot before it."""
        known = self._remembered.get(record.step)
        if known is None:
            known = self._plan.step(self._encoder, record.before, record.edits).sites
            self._remembered[record.step] = known
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)
        return known


class _Thin(NamedSites):
    """Sites of which `held` are at hand."""

    __slots__ = ("_kept", "_record", "held")

    def __init__(self, kept: Kept, record: StepRecord) -> None:
        self._kept = kept
        self._names = tuple(record.sites)
        self.held = {name: record.sites[name] for name in self._names if name in _FOR_GOOD}
        self._record = replace(record, sites={})

    def __getitem__(self, name: str) -> Tensor:
        if name in self.held:
            return self.held[name]
        if name not in self._names:
            raise KeyError(name)
        return self._kept.again(self._record)[name]
