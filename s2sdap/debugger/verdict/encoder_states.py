"""Is the encoder to blame? The most attended word gets the state of a word that reads as wanted.

The donors are states that were the most attended where the wanted token came out right, in this
sentence or in a control. It needs no other word to be written, so it also finds a word that the model
reads as nothing it knows.
"""

from torch import Tensor

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Absent, Experiment
from s2sdap.debugger.verdict.trials import Led, common, leading
from s2sdap.decoding.edits import ENCODER_STEP, Edit, SiteEdit, merge
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

NAME = "the state of another word"
DONORS = 6
"""States that are tried for one place."""


def encoder_states_experiment(bench: Bench) -> Experiment | Absent:
    """Copy encoder states into the places that the run attends to where it leaves the goal."""
    trials, target = bench.trials, bench.trials.target
    shown = trials.plan.model.layout.sites
    if sites.ENCODER_STATES not in shown:
        return Absent(Stage.ENCODER, NAME, "the model shows no encoder states")
    if sites.ATTENTION_WEIGHTS not in shown:
        return Absent(Stage.ENCODER, NAME, "without attention no single source word is behind a token")
    run = trials.free
    edits: tuple[Edit, ...] = ()
    last, tried, best = -1, 0, float("-inf")
    words: list[str] = []
    while not trials.reached(run):
        led = trials.lead(target.goal, edits)
        step = next(
            (at for at, margin in enumerate(led.margins) if margin <= 0), common(run.output, target.goal)
        )
        place = focus_of(led, step) if last < step < len(led.rows) else None
        if place is None:
            break
        found: tuple[float, tuple[Edit, ...]] | None = None
        for donor in _donors(bench, target.goal[step]):
            edit = SiteEdit(
                ENCODER_STEP, None, sites.ENCODER_STATES, tuple(donor.double().tolist()), (place,)
            )
            try:
                again = trials.lead(target.goal[: step + 1], merge(edits, edit))
            except S2sdapError:
                continue
            tried += 1
            margin = again.margin(step) if step < len(again.rows) else float("-inf")
            best = max(best, margin)
            if (
                margin > 0
                and all(each > 0 for each in again.margins)
                and (found is None or margin > found[0])
            ):
                found = (margin, merge(edits, edit))
        if found is None:
            break
        edits, last = found[1], step
        words.append(run.encoder.source.tokens[place].piece)
        run = trials.run(edits)
    if not tried:
        return Absent(Stage.ENCODER, NAME, "no word elsewhere reads as the wanted token")
    repaired = trials.reached(run)
    soundness = bench.soundness(trials.lead(target.goal, edits)) if repaired else 0.0
    numbers = {"tried": float(tried), "marginThen": best, "words": float(len(words)), "soundness": soundness}
    then = "the output is right" if repaired else "the output is still wrong"
    what = (
        f"with other states for {', '.join(map(repr, words))}"
        if words
        else f"with any of {tried} other states"
    )
    text = f"{what} {then}; at best the wanted token {leading(best)}"
    return Experiment(Stage.ENCODER, NAME, text, numbers, repaired, repaired, edits if repaired else ())


def focus_of(led: Led, step: int) -> int | None:
    """The most attended place of the source at a step."""
    weights = led.site(step, sites.ATTENTION_WEIGHTS)
    if weights is None:
        return None
    return int(weights.flatten(0, 1).mean(dim=0)[: len(led.run.encoder.source.tokens)].argmax())


def _donors(bench: Bench, wanted: int) -> list[Tensor]:
    """States from which `wanted` was read soundly, the surest first."""
    found = [
        (led.margin(step), led, step)
        for led in (bench.trials.led, *(control.led for control in bench.controls))
        for step in range(len(led.rows))
        if led.tokens[step] == wanted and led.margin(step) > 0.5 * bench.usual
    ]
    found.sort(key=lambda each: each[0], reverse=True)
    out: list[Tensor] = []
    for _, led, step in found[:DONORS]:
        place = focus_of(led, step)
        if place is not None:
            out.append(led.run.encoder.sites[sites.ENCODER_STATES][place])
    return out
