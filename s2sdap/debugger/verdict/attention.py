"""Is the attention to blame? Every row with all weight on one source word is tried in its place.

The row that serves the wanted token best goes in wherever the run leaves the goal. It speaks against
the attention where the output is then right and the model as sure of it as it usually is: a state
or an encoder that is wrong spoils the prediction under any row.
"""

import torch

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Absent, Experiment
from s2sdap.debugger.verdict.trials import Run, Trials, leading, margin_of
from s2sdap.decoding.edits import Edit, SiteEdit
from s2sdap.decoding.records import Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

NAME = "another row"


def attention_experiment(bench: Bench) -> Experiment | Absent:
    """All weight on one word, wherever the run leaves the goal."""
    trials, target = bench.trials, bench.trials.target
    if sites.ATTENTION_WEIGHTS not in trials.plan.model.layout.sites:
        return Absent(Stage.ATTENTION, NAME, "the model shows no attention")
    tried: list[_Tried] = []

    def fix(run: Run, step: int, carrier: Hypothesis) -> tuple[Edit, ...]:
        found = _best_row(trials, run, step, carrier)
        if found is None:
            return ()
        tried.append(found)
        return (found.edit,) if found.margin > 0 else ()

    run, edits = trials.mended(fix)
    if not tried:
        return Absent(Stage.ATTENTION, NAME, f"there is no attention row at step {target.step}")
    repaired = trials.reached(run)
    soundness = bench.soundness(trials.lead(target.goal, edits)) if repaired else 0.0
    first = tried[0]
    words = trials.free.encoder.source.tokens
    word = words[first.place].piece if first.place < len(words) else f"output {first.place - len(words)}"
    numbers = {
        "margin": trials.led.margin(target.step) if target.step < len(trials.led.rows) else 0.0,
        "marginThen": first.margin,
        "place": float(first.place),
        "weightBefore": first.weight,
        "wordsThatDo": float(first.doing),
        "words": float(first.count),
        "steps": float(len(edits)),
        "soundness": soundness,
    }
    then = "the output is right" if repaired else "the output is still wrong"
    text = (
        f"with all attention on {word!r} (weight {first.weight:.2f} in the run) the wanted token "
        f"{leading(first.margin)}; {first.doing} of {first.count} words make it lead; after {len(edits)} "
        f"such {'row' if len(edits) == 1 else 'rows'} {then}"
    )
    return Experiment(Stage.ATTENTION, NAME, text, numbers, repaired, repaired, edits if repaired else ())


class _Tried:
    """The best row of a step: its edit, its place, and how many words do it."""

    def __init__(
        self, edit: SiteEdit, place: int, margin: float, weight: float, doing: int, count: int
    ) -> None:
        self.edit, self.place, self.margin, self.weight = edit, place, margin, weight
        self.doing, self.count = doing, count


def _best_row(trials: Trials, run: Run, step: int, carrier: Hypothesis) -> _Tried | None:
    record = run.records[step]
    row = record.before.live.index(carrier)
    weights = record.sites.get(sites.ATTENTION_WEIGHTS)
    if weights is None:
        return None
    mean = weights[row].flatten(0, 1).mean(dim=0)
    count = len(mean)
    wanted = trials.target.goal[step]
    tried: list[tuple[float, int, SiteEdit]] = []
    for place in range(count):
        numbers = tuple(float(each == place) for each in range(count))
        edit = SiteEdit(step, carrier.id, sites.ATTENTION_WEIGHTS, numbers, (None, None))
        again = trials.step(run.plan, run.encoder, record.before, (*record.edits, edit))
        logprobs = torch.log_softmax(again.sites[sites.PREDICTION_LOGITS][row].float(), dim=-1)
        tried.append((margin_of(logprobs, wanted), place, edit))
    margin, place, edit = max(tried, key=lambda each: each[0])
    doing = sum(1 for each in tried if each[0] > 0)
    return _Tried(edit, place, margin, float(mean[place]), doing, count)
