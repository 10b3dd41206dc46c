"""What the checks share: the model, the lines it is given, and runs of a decode from its beginning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.decoding.changed_settings import room_of
from s2sdap.decoding.edits import ENCODER_STEP, Edit, TokenEdit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.planning import generates, planner_for, settings_for
from s2sdap.decoding.records import EncoderRecord, StepRecord
from s2sdap.models.contract import Described, Model
from s2sdap.vocabulary import sites


class Broken(Exception):  # noqa: N818 - no error of ours: what a check says of the model
    """A check failed, for the reason that it says."""


class Absent(Exception):  # noqa: N818 - no error: a check has nothing to look at
    """There is nothing for a check to look at, for the reason that it says."""


LEAST_STEPS: Final = 4
"""No decode of the checks ends before this step, so that there is something after an edit."""
DEFAULT_SOURCES: Final = ("March 3, 1999", "The cat sat on the mat.", "7 + 5", "ab", "12")
"""Lines for a model that brings no `examples` of its own."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A decode from its beginning to its end, and the plan that it is of."""

    plan: Plan
    encoder: EncoderRecord
    records: tuple[StepRecord, ...]

    def sites_at(self, step: int) -> Mapping[str, Tensor]:
        """The sites of a step, or those of the encoder at `ENCODER_STEP`."""
        return self.encoder.sites if step == ENCODER_STEP else self.records[step].sites

    @property
    def tokens(self) -> tuple[int, ...]:
        """The target tokens of the best output."""
        return self.plan.best(self.records[-1].after)[0].tokens


@dataclass(eq=False)
class Bench:
    """A model under test. `steps` bounds each decode; the checks fill the rest in as they go."""

    model: Described
    sources: tuple[str, ...]
    steps: int
    first_fingerprint: str | None = None
    """The fingerprint of an earlier load of the same model."""
    runs: list[Run] = field(default_factory=list)
    """A greedy decode of each source."""
    unfit: set[str] = field(default_factory=set)
    """Sites whose shape or numbers are wrong."""
    noise: dict[str, float] = field(default_factory=dict)
    """How far the logits move by an edit that sets what is there, at sites where it is not exact."""
    own_outputs: list[Any] = field(default_factory=list)
    """What the model's own `generate` makes of each source, or what it raised."""

    @cached_property
    def opaque(self) -> bool:
        """Whether the model's states are looked into: those that its adapter makes, not a library's."""
        return not generates(self.model)

    @property
    def stepper(self) -> Model:
        """The model, where it offers single steps."""
        if not isinstance(self.model, Model):
            raise TypeError("the model brings its own search")
        return self.model

    @cached_property
    def main(self) -> int:
        """The number of the source that the checks of one source take: the longest."""
        lengths = [len(run.encoder.source.tokens) for run in self.runs]
        return lengths.index(max(lengths))

    @property
    def run(self) -> Run:
        """The greedy decode that the checks of one source start from."""
        return self.runs[self.main]

    def search(self, **changes: Any) -> dict[str, Any]:
        """Search settings under our names: greedy, `LEAST_STEPS` to `steps` tokens."""
        plain: dict[str, Any] = {"beam_size": 1, "n_best": 1}
        if generates(self.model):  # what its folder says does not count here
            plain["sample"] = False
        least = min(LEAST_STEPS, self.steps, room_of(self.model) or self.steps)
        return {**plain, "max_length": self.steps, "min_length": least, **changes}

    def plan(self, source: str, **changes: Any) -> Plan:
        """The plan of a source, greedy but for `changes`."""
        planner = planner_for(self.model, settings_for(self.model, self.search(**changes), {}))
        return planner(source, sentence=0, line=1, where="the sources")

    def decode(self, source: str, edits: Sequence[Edit] = (), **changes: Any) -> Run:
        """Decode a source from its beginning, with edits."""
        plan = self.plan(source, **changes)
        encoder = plan.begin([edit for edit in edits if edit.step == ENCODER_STEP])
        records: list[StepRecord] = []
        snapshot = encoder.after
        while not snapshot.ended:
            now = [edit for edit in edits if edit.step == len(records)]
            records.append(plan.step(encoder, snapshot, now))
            snapshot = records[-1].after
        return Run(plan, encoder, tuple(records))

    def edited(self, edit: Edit) -> Run:
        """The run of the main source with one edit in it."""
        return self.decode(self.sources[self.main], [edit])


def hypothesis_at(run: Run, step: int) -> int:
    """The id of the first hypothesis that lives before `step`."""
    before = run.encoder.after if step == 0 else run.records[step - 1].after
    return before.live[0].id


def forced(run: Run, step: int, token: int) -> TokenEdit:
    """The edit by which the first hypothesis takes `token` at `step`."""
    return TokenEdit(step, hypothesis_at(run, step), token)


def largest_gap(left: Tensor, right: Tensor) -> float:
    """The largest difference of two tensors of one shape, infinities of one sign counted as equal."""
    gap = (left.double() - right.double()).abs()
    return float(torch.where(left == right, 0.0, gap).nan_to_num(torch.inf).max()) if gap.numel() else 0.0


def logits_gap(left: Run, right: Run) -> float:
    """The largest difference of the logits, up to the step in which the two chose apart."""
    largest = 0.0
    for mine, other in zip(left.records, right.records, strict=False):
        pair = mine.sites[sites.PREDICTION_LOGITS], other.sites[sites.PREDICTION_LOGITS]
        if pair[0].shape != pair[1].shape:
            break
        largest = max(largest, largest_gap(*pair))
        if [each.token for each in mine.after.live] != [each.token for each in other.after.live]:
            break
    return largest


def tolerance(run: Run) -> float:
    """How far sums in another order may move the logits, by the model's precision and their size.

    1e-4 of the largest logit (of 1, where that is smaller) in single precision, 5e-2 in a half one.
    """
    held = (*run.encoder.sites.values(), *run.records[0].sites.values())
    halves = any(value.dtype in (torch.float16, torch.bfloat16) for value in held)
    logits = run.records[0].sites[sites.PREDICTION_LOGITS]
    size = float(logits[torch.isfinite(logits)].abs().max())
    return (5e-2 if halves else 1e-4) * max(1.0, size)
