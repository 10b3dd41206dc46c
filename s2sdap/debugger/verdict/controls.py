"""What is usual for the model: how clearly it prefers what is right, in this sentence and in others.

Control sentences are others of the same program that have references. There may be none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

from s2sdap.debugger.verdict.trials import Led, OutOfSteps, Trials
from s2sdap.decoding.plan import Plan
from s2sdap.models.tokens import Source, whole
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Control:
    """A control sentence led along its reference; `right` where the model prefers it at every step."""

    text: str
    led: Led

    @property
    def right(self) -> bool:
        """Whether the reference leads at every step."""
        return self.led.whole and all(each > 0 for each in self.led.margins)

    @property
    def source(self) -> Source:
        """Its source tokens."""
        return self.led.run.encoder.source


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """Where experiments are made: the trials of the sentence, the controls, and the usual margin in nats."""

    trials: Trials
    controls: tuple[Control, ...]
    usual: float

    def soundness(self, led: Led, usual: float | None = None) -> float:
        """How sure a repaired decode is where it was wrong, as a share of the usual margin, 0 to 1.

        A repair of what is really wrong makes the model as sure as it is elsewhere; one that only
        tips the balance leaves it in doubt.
        """
        usual = self.usual if usual is None else usual
        before = self.trials.led.margins
        after = led.margins
        wrong = [at for at, margin in enumerate(before) if margin <= 0 or at == self.trials.target.step]
        least = min((after[at] for at in wrong if at < len(after)), default=0.0)
        return max(0.0, min(1.0, least / usual)) if usual > 0 else 0.0


def made_bench(trials: Trials, pairs: Sequence[tuple[str, str]]) -> Bench:
    """A bench with these texts and references as controls; one that cannot be decoded is left out."""
    controls: list[Control] = []
    for text, reference in pairs:
        try:
            plan = trials.other(text)
            tokens = trials.here(partial(_tokens, plan, reference))
            controls.append(Control(text, trials.lead(tokens, plan=plan)))
        except (S2sdapError, OutOfSteps):
            continue
    leds = (trials.led, *(control.led for control in controls))
    margins = [margin for led in leds for margin in led.margins if margin > 0]
    return Bench(trials, tuple(controls), median(margins) if margins else 0.0)


def _tokens(plan: Plan, reference: str) -> tuple[int, ...]:
    """A reference as the plan of its own sentence writes it, the end symbol included."""
    target = plan.model.target
    end = (target.eos,) if target.eos >= 0 else ()
    return (*whole(target, reference), *end)


def bench_of(bench: Bench, control: Control) -> Bench:
    """A bench for a control sentence that is wrong itself."""
    trials = bench.trials
    plan = control.led.run.plan
    own = Trials(
        plan, control.led.tokens, trials.other, here=trials.here, limit=trials.limit - trials.steps_run
    )
    return Bench(own, (), bench.usual)
