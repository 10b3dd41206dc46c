"""A run: one hypothesis with all that led to it, whatever it was made from, so that two can be compared.

What takes steps is a generator that yields after each, so that whoever drives it can stop between.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from torch import Tensor

from s2sdap.debugger.comparing.thinning import KEPT_BYTES, Kept
from s2sdap.decoding.edits import Edit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.decoding.reference import Reference, forced_steps, with_room_for
from s2sdap.models.contract import Described
from s2sdap.models.tokens import Source
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")
Work = Generator[int, None, T]
"""Takes steps and says how many it has taken; returns what it was for."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A hypothesis with the plan, the encoder record and the step records that led to it.

    `label` is what people call it, `branch` the session's branch that it is of, if it is of one.
    """

    label: str
    plan: Plan
    encoder: EncoderRecord
    records: tuple[StepRecord, ...]
    hypothesis: Hypothesis
    branch: int | None = None
    nodes: tuple[Hypothesis, ...] = field(init=False)

    def __post_init__(self) -> None:
        nodes = tuple(self.hypothesis.path())[::-1]
        if not nodes:
            raise S2sdapError("nothing_written", run=self.label)
        object.__setattr__(self, "nodes", nodes)

    @property
    def model(self) -> Described:
        """The model that decoded."""
        return self.plan.model

    @property
    def source(self) -> Source:
        """The source of its sentence."""
        return self.encoder.of(self.hypothesis.sentence)[0]

    @property
    def tokens(self) -> tuple[int, ...]:
        """The target tokens, the end symbol included."""
        return tuple(node.token for node in self.nodes)

    @property
    def text(self) -> str:
        """The target text."""
        return self.model.target.text(self.tokens)

    def site(self, step: int, name: str) -> Tensor | None:
        """The tensor at a site of a step, for this hypothesis; `None` where the model has it not."""
        found = self.records[step].sites
        return found[name][self.nodes[step].row] if name in found else None

    def logprobs(self, step: int) -> Tensor:
        """The distribution [V] that the token of a step was chosen from."""
        row = self.site(step, sites.PREDICTION_LOGPROBS)
        if row is None:
            raise S2sdapError("no_such_site", site=sites.PREDICTION_LOGPROBS)
        return row


def begun(plan: Plan) -> EncoderRecord:
    """What the encoder gives, nothing edited."""
    with _failing("reading the source"):
        return plan.begin()


def run_on(
    plan: Plan,
    encoder: EncoderRecord,
    records: Sequence[StepRecord] = (),
    edits: Callable[[Snapshot], Sequence[Edit]] = lambda _before: (),
    *,
    budget: int = KEPT_BYTES,
) -> Work[tuple[StepRecord, ...]]:
    """The records with those that are still missing to the end of the search.

    Of the missing ones no more than `budget` bytes of tensors are held; see `thinning`.
    """
    kept = Kept(plan, encoder, records, budget)
    before = records[-1].after if records else encoder.after
    while not before.ended:
        with _failing(f"step {before.step}"):
            record = plan.step(encoder, before, edits(before))
        kept.add(record)
        before = record.after
        yield len(kept.records)
    return tuple(kept.records)


def best_run(
    label: str,
    plan: Plan,
    encoder: EncoderRecord,
    records: Sequence[StepRecord],
    *,
    sentence: int = 0,
    branch: int | None = None,
) -> Run:
    """The best output of a search; of a batch, that of one of its sentences.

    Where there is no output yet, it is the best live hypothesis.
    """
    after = records[-1].after if records else encoder.after
    best = [each for each in (*plan.best(after), *after.live) if each.sentence == sentence]
    if not best:
        raise S2sdapError("nothing_written", run=label)
    return Run(label, plan, encoder, tuple(records), best[0], branch)


def forced_run(
    label: str, plan: Plan, encoder: EncoderRecord, reference: Reference, *, sentence: int = 0
) -> Work[Run]:
    """The reference, teacher-forced through the plan's own steps, under its settings."""
    roomy = with_room_for(plan, len(reference.tokens))
    with _failing(f"the reference of {label}"):
        if roomy is not plan:  # our own search begins a sampled sentence with several hypotheses
            encoder = roomy.begin(encoder.edits)
    forcing = forced_steps(roomy, encoder, reference.tokens, sentence)
    kept = Kept(roomy, encoder)
    while True:
        with _failing(f"the reference of {label}"):
            try:
                kept.add(next(forcing))
            except StopIteration as end:
                hypothesis: Hypothesis = end.value
                break
        yield len(kept.records)
    if hypothesis.length < len(reference.tokens):
        label += f", which the settings end after {hypothesis.length} tokens"
    return Run(label, roomy, encoder, tuple(kept.records), hypothesis)


class _failing:  # noqa: N801 - it reads as a word
    """What a model's own code raises, as a refusal that says where."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        if error is None or isinstance(error, (S2sdapError, StopIteration)):
            return
        if isinstance(error, Exception):
            reason = f"{type(error).__name__}: {error}"
            raise S2sdapError("model_failed", where=self._where, reason=reason) from error
