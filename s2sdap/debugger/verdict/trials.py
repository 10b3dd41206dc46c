"""Trial runs: the sentence decoded again with edits in it, beside the session and without touching it.

A run is *free* where the search chooses, and *forced* where it is led along given tokens. Both are
the plan's own `begin` and `step` with edits, so what a trial finds is what the edits would do.
"""

import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol, TypeVar, cast

import torch
from torch import Tensor

from s2sdap.debugger.verdict.records import Target
from s2sdap.decoding.edits import ENCODER_STEP, Edit, TokenEdit, merge
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.tokens import added_words, counterpart
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")

LIMIT: Final = 20_000
"""Steps that the experiments on one token may run."""


@dataclass(frozen=True, slots=True, eq=False)
class Run:
    """A run of a sentence from its beginning."""

    plan: Plan
    encoder: EncoderRecord
    records: tuple[StepRecord, ...]

    def before(self, step: int) -> Snapshot:
        """The snapshot before `step`."""
        return self.encoder.after if step == 0 else self.records[step - 1].after

    @property
    def best(self) -> Hypothesis | None:
        """The hypothesis that is the output; the leader, where search has not ended."""
        tip = self.before(len(self.records))
        found = self.plan.best(tip) or tip.finished or tip.live
        return found[0] if found else None

    @property
    def output(self) -> tuple[int, ...]:
        """The tokens of the output."""
        return () if self.best is None else self.best.tokens


@dataclass(frozen=True, slots=True, eq=False)
class Led:
    """A forced run: the records along its tokens, and in each the row of the hypothesis that carries them."""

    run: Run
    tokens: tuple[int, ...]
    rows: tuple[int, ...]

    def site(self, step: int, site: str) -> Tensor | None:
        """The tensor at `site` before the token of `step` was chosen."""
        value = self.run.records[step].sites.get(site)
        return None if value is None else value[self.rows[step]]

    def logprobs(self, step: int) -> Tensor:
        """What the model itself thinks of every token at `step`, before any setting, in nats."""
        logits = self.run.records[step].sites[sites.PREDICTION_LOGITS][self.rows[step]]
        return torch.log_softmax(logits.float(), dim=-1)

    def margin(self, step: int) -> float:
        """By how many nats the token of `step` leads the best other one; negative where it does not."""
        return margin_of(self.logprobs(step), self.tokens[step])

    @property
    def whole(self) -> bool:
        """Whether search let itself be led to the last token."""
        return len(self.rows) == len(self.tokens)

    @property
    def margins(self) -> tuple[float, ...]:
        """The margin at every step."""
        return tuple(self.margin(step) for step in range(len(self.rows)))

    @property
    def score(self) -> float:
        """The sum of the model's own log-probs, in nats."""
        return sum(float(self.logprobs(step)[self.tokens[step]]) for step in range(len(self.rows)))


def margin_of(logprobs: Tensor, token: int) -> float:
    """By how many nats `token` leads the best other one."""
    others = logprobs.clone()
    others[token] = -torch.inf
    return float(logprobs[token] - others.max())


def leading(margin: float) -> str:
    """What a margin of so many nats says of the token that has it."""
    return f"leads by {margin:.2f} nats" if margin >= 0 else f"stays {-margin:.2f} nats behind"


class OutOfSteps(Exception):  # noqa: N818 - it is no error: the rest is left out, and said to be
    """The experiments have run as many steps as they may."""


class Here(Protocol):
    """Runs a job where the model lives; raises where nobody waits for its result any more."""

    def __call__(self, job: Callable[[], T], /) -> T:
        """What `job` returns."""
        ...


def at_once(job: Callable[[], T], /) -> T:
    """Run a job in the thread that asks."""
    return job()


class Trials:
    """Runs of one sentence under its plan, counted and bounded by `limit`.

    `other` plans another text as a sentence of the same session. `base` are the edits that the run in
    question has in it already: a trial has those up to its own first edit, as a branch would.
    """

    def __init__(
        self,
        plan: Plan,
        goal: Sequence[int],
        other: Callable[[str], Plan],
        *,
        whole: bool = True,
        base: Sequence[Edit] = (),
        here: Here = at_once,
        limit: int = LIMIT,
    ) -> None:
        self.plan = plan
        self.here = here
        self.limit = limit
        self.steps_run = 0
        self._other = other
        self._base = _by_step(base)
        self.free = self.run()
        self.target = target_of(self.free.output, tuple(goal), whole=whole)
        self.led = self.lead(goal)

    def other(self, text: str) -> Plan:
        """The plan of another text."""
        return self.here(lambda: self._other(text))

    def step(
        self, plan: Plan, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()
    ) -> StepRecord:
        """One step of a trial."""
        if self.steps_run >= self.limit:
            raise OutOfSteps
        self.steps_run += 1
        return self.here(lambda: plan.step(encoder, before, edits))

    def run(self, edits: Iterable[Edit] = (), plan: Plan | None = None) -> Run:
        """A free run with `edits` in it, to its end."""
        at = _by_step(edits)
        return self._to_the_end(self._begun(plan, at), at)

    def resumed(self, run: Run, step: int, edits: Iterable[Edit]) -> Run:
        """A free run that shares the records of `run` before `step`, with `edits` from there on."""
        return self._to_the_end(Run(run.plan, run.encoder, run.records[:step]), _by_step(edits))

    def _begun(self, plan: Plan | None, at: Mapping[int, tuple[Edit, ...]]) -> Run:
        plan = plan or self.plan
        edits = self._with_base(plan, at, ENCODER_STEP, None)
        return Run(plan, self.here(lambda: plan.begin(edits)), ())

    def _with_base(
        self, plan: Plan, at: Mapping[int, tuple[Edit, ...]], step: int, before: Snapshot | None
    ) -> tuple[Edit, ...]:
        """The edits of a step: those of the run in question, while the trial has made none, and its own."""
        edits: tuple[Edit, ...] = ()
        if plan is self.plan and step <= min(at, default=step):
            alive = {None} if before is None else {None, *(each.id for each in before.live)}
            edits = tuple(edit for edit in self._base.get(step, ()) if edit.hypothesis in alive)
        for edit in at.get(step, ()):
            edits = merge(edits, edit)
        return edits

    def _to_the_end(self, run: Run, at: Mapping[int, tuple[Edit, ...]]) -> Run:
        records = list(run.records)
        before = run.before(len(records))
        while not before.ended:
            edits = self._with_base(run.plan, at, before.step, before)
            record = self.step(run.plan, run.encoder, before, edits)
            records.append(record)
            before = record.after
        return Run(run.plan, run.encoder, tuple(records))

    def lead(
        self,
        tokens: Sequence[int],
        edits: Iterable[Edit] = (),
        *,
        plan: Plan | None = None,
        run: Run | None = None,
        start: int = 0,
        good: Callable[[Led], bool] = lambda _led: True,
    ) -> Led:
        """A run that is led along `tokens`, as far as search lets itself be led.

        It shares the records of `run` before `start`, which must carry the same tokens, and stops
        early where what it has so far is not `good`. Edits are of the hypothesis that carries the
        tokens: in a beam it may have another id than in a free run.
        """
        at = _by_step(edits)
        begun = run or self._begun(plan, at)
        plan, encoder = begun.plan, begun.encoder
        led = Led(Run(plan, encoder, begun.records[:start]), tuple(tokens), _rows(begun, tokens, start))
        for step in range(start, len(tokens)):
            before = led.run.before(step)
            carrier = carrier_of(before, tokens[:step])
            if carrier is None or before.ended:
                break
            onto = {step: _onto(at.get(step, ()), carrier), **{each: () for each in at if each < step}}
            edits_here = self._with_base(plan, onto, step, before)
            forced = (*edits_here, TokenEdit(step, carrier.id, tokens[step]))
            record = self.step(plan, encoder, before, forced)
            records = (*led.run.records, record)
            led = Led(Run(plan, encoder, records), led.tokens, (*led.rows, before.live.index(carrier)))
            if not good(led):
                break
        return led

    def lead_elsewhere(
        self,
        text: str,
        tokens: Sequence[int],
        *,
        of: Plan | None = None,
        good: Callable[[Led], bool] = lambda _led: True,
    ) -> Led:
        """A run of another text that is led along tokens of this sentence, or of the plan `of`."""
        plan = self.other(text)
        return self.lead(self.written(tokens, plan, of), plan=plan, good=good)

    def written(self, tokens: Sequence[int], plan: Plan, of: Plan | None = None) -> tuple[int, ...]:
        """Tokens of this sentence, or of the plan `of`, as `plan` writes them.

        Words that a source adds to the vocabulary have other ids in another source. Raises
        `unknown_token` for one that cannot be written there.
        """
        own, other = (of or self.plan).model.target, plan.model.target
        if added_words(own) == added_words(other):
            return tuple(tokens)
        found = [counterpart(own, other, token) for token in tokens]
        if None in found:
            lacking = own.piece(tokens[found.index(None)])
            raise S2sdapError("unknown_token", token=lacking, nearest="")
        return tuple(token for token in found if token is not None)

    def reached(self, run: Run) -> bool:
        """Whether a run has come to the goal."""
        try:
            goal = self.written(self.target.goal, run.plan)
        except S2sdapError:  # its source lacks a word of it
            return False
        return run.output == goal if self.target.whole else run.output[: len(goal)] == goal

    def mended(
        self, fix: Callable[[Run, int, Hypothesis], tuple[Edit, ...]], run: Run | None = None
    ) -> tuple[Run, tuple[Edit, ...]]:
        """The free run repaired step by step: where it leaves the goal, `fix` gives the edits of that step.

        Ends where the goal is reached, where `fix` has none, or where its edits do not help.
        """
        run = run or self.free
        edits: tuple[Edit, ...] = ()
        last = -1
        while not self.reached(run):
            step = common(run.output, self.target.goal)
            carrier = carrier_of(run.before(step), self.target.goal[:step]) if step > last else None
            new = () if carrier is None or step >= len(run.records) else fix(run, step, carrier)
            if not new:
                break
            edits, last = (*edits, *new), step
            run = self.resumed(run, step, new)
        return run, edits

    def along(self, make: Callable[[int, Hypothesis], tuple[Edit, ...]]) -> tuple[Run, tuple[Edit, ...]]:
        """A free run with the edits that `make` gives for every step of the goal."""
        goal = self.target.goal
        run = Run(self.plan, self.free.encoder, ())
        edits: tuple[Edit, ...] = ()
        for step in range(len(goal)):
            before = run.before(step)
            carrier = carrier_of(before, goal[:step])
            if carrier is None or before.ended:
                break
            new = make(step, carrier)
            record = self.step(self.plan, run.encoder, before, new)
            run, edits = Run(self.plan, run.encoder, (*run.records, record)), (*edits, *new)
        return self._to_the_end(run, {}), edits


def target_of(output: Sequence[int], goal: tuple[int, ...], *, whole: bool) -> Target:
    """Where an output first leaves the goal; the goal's last step where it does not."""
    step = min(common(output, goal), len(goal) - 1)
    wrong = output[step] if step < len(output) else None
    return Target(step, wrong, goal[step], goal, whole)


def _rows(run: Run, tokens: Sequence[int], count: int) -> tuple[int, ...]:
    """The rows that carry `tokens` in the first `count` records of a run."""
    befores = [(run.before(step), carrier_of(run.before(step), tokens[:step])) for step in range(count)]
    return tuple(before.live.index(carrier) for before, carrier in befores if carrier is not None)


def carrier_of(snapshot: Snapshot, tokens: Sequence[int]) -> Hypothesis | None:
    """The live hypothesis that has written `tokens`."""
    wanted = tuple(tokens)
    return next((each for each in snapshot.live if each.tokens == wanted), None)


def common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many tokens two sequences begin with in common."""
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return sum(1 for _ in same)


def _onto(edits: Iterable[Edit], carrier: Hypothesis) -> tuple[Edit, ...]:
    """The edits as those of another hypothesis."""
    return tuple(
        edit if edit.hypothesis is None else cast("Edit", replace(edit, hypothesis=carrier.id))
        for edit in edits
    )


def _by_step(edits: Iterable[Edit]) -> dict[int, tuple[Edit, ...]]:
    at: defaultdict[int, tuple[Edit, ...]] = defaultdict(tuple)
    for edit in edits:
        at[edit.step] = (*at[edit.step], edit)
    return dict(at)
