"""Is the output layer to blame? The logit of one token is changed by one constant at every step.

A biased row of the output layer raises or lowers its token everywhere. So the experiment speaks
against the prediction where one constant repairs the whole output and the token is out of place also
at steps where that does no harm, here and in the control sentences.
"""

import math
from dataclasses import dataclass

from torch import Tensor

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Absent, Experiment
from s2sdap.debugger.verdict.trials import Led, Run
from s2sdap.decoding.edits import Edit, LogitEdit
from s2sdap.decoding.records import Hypothesis
from s2sdap.models.tokens import counterpart
from s2sdap.vocabulary.stages import Stage

NAME = "one constant for one token"


@dataclass(frozen=True, slots=True)
class Change:
    """A constant for a token's logit, the least margin along the reference with it, and what speaks for it.

    `elsewhere` is by how many nats the token is out of place at steps that the change does not repair:
    for one that is lowered, by how much it leads all tokens but the right one; for one that is raised,
    by how much less than usual it leads where it is the right one.
    """

    token: int
    nats: float
    margin: float
    elsewhere: float


def prediction_experiment(bench: Bench) -> Experiment | Absent:
    """Lower the wrong token's logit, or raise the wanted one's, by the same amount at every step."""
    trials, target = bench.trials, bench.trials.target
    led = trials.led
    if target.step >= len(led.rows):
        return Absent(Stage.PREDICTION, NAME, "search does not come to the wanted token")
    logprobs = led.logprobs(target.step)
    likeliest = logprobs.argsort(descending=True).tolist()
    wrong = next(token for token in likeliest if token != target.wanted)
    changes = (_lowered(bench, wrong), _raised(bench, target.wanted))
    change = max(changes, key=lambda each: (each.margin > 0 and each.elsewhere > 0, each.margin))
    run, edits = _applied(bench, change) if change.margin > 0 else (trials.free, ())
    repaired = trials.reached(run)
    soundness = 0.0
    if repaired:  # a raised token spoils every margin, so what is usual is only seen without it
        mended = trials.lead(target.goal, edits)
        soundness = bench.soundness(mended, _median(list(mended.margins)))
    blames = repaired and change.elsewhere > 0
    numbers = {
        "rank": float(likeliest.index(target.wanted)),
        "p": math.exp(float(logprobs[target.wanted])),
        "pWrong": math.exp(float(logprobs[wrong])),
        "change": change.nats,
        "elsewhere": change.elsewhere,
        "steps": float(len(edits)),
        "soundness": soundness,
    }
    piece = trials.plan.model.target.piece
    then = "the output is right" if repaired else "the output is still wrong"
    text = (
        f"{piece(target.wanted)!r} has rank {likeliest.index(target.wanted)} and p {numbers['p']:.3f} "
        f"given the reference before it; with {piece(change.token)!r} {change.nats:+.2f} nats at every "
        f"step {then}; {_standing(change.elsewhere)}"
    )
    return Experiment(Stage.PREDICTION, NAME, text, numbers, repaired, blames, edits if repaired else ())


def _standing(elsewhere: float) -> str:
    """Whether a token is out of place by so many nats at other steps, in words; 0 where there are none."""
    if elsewhere == 0:
        return "no other step tells whether that token is out of place"
    if elsewhere > 0:
        return f"at other steps that token is out of place by {elsewhere:.2f} nats"
    return f"at other steps that token is where it belongs, with {-elsewhere:.2f} nats to spare"


def _lowered(bench: Bench, token: int) -> Change:
    """The constant to take from `token`."""
    nats, margin = _best(bench.trials.led, token)
    leads = [
        _lead(led.logprobs(step), token, led.tokens[step])
        for led, step in _steps(bench, token)
        if led.tokens[step] != token and not (led is bench.trials.led and led.margin(step) <= 0)
    ]
    if not leads:  # it is in the way at every step
        leads = [
            _lead(led.logprobs(step), token, led.tokens[step])
            for led, step in _steps(bench, token)
            if led.tokens[step] != token
        ]
    return Change(token, nats, margin if nats < 0 else -math.inf, _median(leads))


def _raised(bench: Bench, token: int) -> Change:
    """The constant to add to `token`."""
    nats, margin = _best(bench.trials.led, token)
    lacks = [
        0.5 * bench.usual - led.margin(step)
        for led, step in _steps(bench, token)
        if led.tokens[step] == token and not (led is bench.trials.led and step == bench.trials.target.step)
    ]
    surest = sorted(lacks)[
        : max(len(lacks) // 4, 1)
    ]  # a lowered row lowers it everywhere, a misread word only there
    return Change(token, nats, margin if nats > 0 else -math.inf, _median(surest))


def _steps(bench: Bench, token: int) -> list[tuple[Led, int]]:
    """The steps of this sentence, and of the controls where `token` means the same."""
    target = bench.trials.plan.model.target
    leds = (control.led for control in bench.controls)
    same = (led for led in leds if counterpart(target, led.run.plan.model.target, token) == token)
    runs = (bench.trials.led, *same)
    return [(led, step) for led in runs for step in range(len(led.rows))]


def _lead(logprobs: Tensor, token: int, right: int) -> float:
    """By how many nats `token` leads all the others but the right one."""
    others = logprobs.clone()
    others[[token, right]] = -math.inf
    return float(logprobs[token] - others.max())


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2] if values else 0.0


def _best(led: Led, token: int) -> tuple[float, float]:
    """The constant for `token` with the largest least margin along the tokens of `led`, and that margin."""
    against = [math.inf]  # what is left of each margin over `token`, and of its own
    own = [math.inf]
    rest = [math.inf]
    for step in range(len(led.rows)):
        logprobs, right = led.logprobs(step), led.tokens[step]
        if right == token:
            own.append(led.margin(step))
            continue
        against.append(float(logprobs[right] - logprobs[token]))
        others = logprobs.clone()
        others[[token, right]] = -math.inf
        rest.append(float(logprobs[right] - others.max()))
    a, b, c = min(against), min(own), min(rest)
    if math.isinf(a) and math.isinf(b):
        return 0.0, c
    nats = a - c if math.isinf(b) else c - b if math.isinf(a) else (a - b) / 2
    return nats, min(a - nats, b + nats, c)


def _applied(bench: Bench, change: Change) -> tuple[Run, tuple[Edit, ...]]:
    """The free run with the change at every step of the goal."""

    def make(step: int, carrier: Hypothesis) -> tuple[Edit, ...]:
        return (LogitEdit(step, carrier.id, change.token, change.nats),)

    return bench.trials.along(make)
