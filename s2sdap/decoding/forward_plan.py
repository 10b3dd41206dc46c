"""A plan for somebody's own forward: one call is one step, and nothing is searched.

The forward has run already when the plan is made; an edit runs it again with the same arguments.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from s2sdap.decoding.asked import check_for_encoder
from s2sdap.decoding.edits import (
    Edit,
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import NO_CANDIDATES, EncoderRecord, Hypothesis, Snapshot, StepRecord, root
from s2sdap.models.contract import Described
from s2sdap.models.tokens import Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """A run of the forward: what it returned, and its sites: `read` those of the encoder, `sites` the others.

    All have a leading axis of rows; those of the encoder may have fewer rows than the others.
    """

    value: Any
    read: Mapping[str, Tensor]
    sites: Mapping[str, Tensor]


@runtime_checkable
class Forward(Protocol):
    """Runs a forward again, with edits in it."""

    def __call__(self, edits: Sequence[Edit], /) -> Passed:
        """The run with these edits. Raises where one of them does not fit."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class ForwardPlan:
    """One call of a forward. `sources` has one entry a row; its value is in the last snapshot."""

    model: Described
    sources: tuple[Source, ...]
    first: Passed
    forward: Forward
    shown: tuple[SettingShown, ...] = ()

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """What the encoder gave. Edits of it run the whole forward again."""
        check_for_encoder(edits)
        passed = self.forward(edits) if edits else self.first
        rows = len(self.sources)
        read = [_row(passed.read, row, rows) for row in range(rows)]
        live = tuple(root(self.model.target.bos, row + 1, row=row, sentence=row) for row in range(rows))
        after = Snapshot(step=0, live=live, finished=(), state=passed, next_id=rows + 1, ended=False)
        others = tuple(zip(self.sources[1:], read[1:], strict=True))
        return EncoderRecord(self.sources[0], None, read[0], after, tuple(edits), others=others)

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """The one step: what the forward computed after its encoder."""
        if before.ended:
            raise S2sdapError("ended")
        for edit in edits:
            if not isinstance(edit, SiteEdit):
                reason = "the program goes on with what the module returns, and chooses by itself"
                raise S2sdapError("edit_unfit", what=_WHAT[type(edit)], reason=reason)
        passed: Passed = self.forward((*encoder.edits, *edits)) if edits else before.state
        values = dict(passed.sites)
        if sites.PREDICTION_LOGITS in values:
            values[sites.PREDICTION_LOGPROBS] = torch.log_softmax(
                values[sites.PREDICTION_LOGITS].float(), dim=-1
            )
        after = Snapshot(
            step=1, live=before.live, finished=(), state=passed, next_id=before.next_id, ended=True
        )
        return StepRecord(before.step, before, values, NO_CANDIDATES, after, tuple(edits))

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """Nothing has been written: what the forward returned is the program's to use."""
        del after
        return ()

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """Where each site comes from. A forward has one step, so that is the same after it as before."""
        del after
        return self.shown


_WHAT: Final = {
    TokenEdit: "A token",
    LogitEdit: "A logit",
    PruneEdit: "A hypothesis",
    ReviveEdit: "A hypothesis",
    SettingEdit: "A setting",
    SourceEdit: "The source",
}


def _row(values: Mapping[str, Tensor], row: int, rows: int) -> dict[str, Tensor]:
    """The encoder's sites of a row; where the decoder has more, several share one."""
    return {name: value[row * len(value) // rows] for name, value in values.items()}
