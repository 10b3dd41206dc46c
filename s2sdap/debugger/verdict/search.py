"""Is the search to blame? The model's own score of the reference is compared with that of the output.

Where the model prefers the reference, nothing before search is wrong: search lost it. Each setting
that is not neutral is then set back, and a wider beam tried, to see what recovers it.
"""

from collections.abc import Callable
from typing import Any, Final

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Experiment
from s2sdap.debugger.verdict.trials import Run
from s2sdap.decoding.edits import Edit, SettingEdit
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

SCORES = "the model's own scores"
SETTINGS = "another search"
WIDER = 4
"""A wider beam has this many times the hypotheses, and so many more."""

Neutral = Callable[[Any, int], Any]
"""From a setting's value and the length of the goal to a value out of the way; `None`: it is so already."""

NEUTRAL: Final[dict[str, Neutral]] = {
    "beamSize": lambda value, _: WIDER * value + WIDER,
    "maxLength": lambda value, length: length if value < length else None,
    "minLength": lambda value, length: 0 if value > length else None,
    "noRepeatNgram": lambda value, _: 0 if value else None,
    "lengthPenalty": lambda value, _: 0.0 if value else None,
    "coveragePenalty": lambda value, _: 0.0 if value else None,
    "earlyStopping": lambda value, _: False if value else None,
    "num_beams": lambda value, _: WIDER * (value or 1) + WIDER,
    "max_new_tokens": lambda value, length: length if value is not None and value < length else None,
    "min_new_tokens": lambda value, _: 0 if value else None,
    "no_repeat_ngram_size": lambda value, _: 0 if value else None,
    "repetition_penalty": lambda value, _: 1.0 if value not in (None, 1.0) else None,
    "length_penalty": lambda value, _: 0.0 if value else None,
    "early_stopping": lambda value, _: False if value else None,
}
"""The settings through which a search can lose what the model prefers, of both searches."""


def search_experiments(bench: Bench) -> tuple[Experiment, ...]:
    """Compare the scores, then search otherwise."""
    scores = _scores(bench)
    return scores, _settings(bench, preferred=scores.blames)


def _scores(bench: Bench) -> Experiment:
    trials, led = bench.trials, bench.trials.led
    margins = led.margins
    best = trials.free.best
    output = trials.free.output
    along = trials.lead(output)
    mine, theirs = led.score, along.score
    if led.whole and along.whole and trials.target.whole:
        blames = mine > theirs
    else:  # search cuts one of them short, or only a token is wanted
        blames = bool(margins) and min(margins) > 0
    numbers = {
        "reference": mine,
        "output": theirs,
        "leastMargin": min(margins, default=0.0),
        "final": best.final if best is not None else 0.0,
    }
    whole = (
        "" if led.whole else f" (search lets itself be led for {len(led.rows)} of {len(led.tokens)} tokens)"
    )
    verb = "prefers" if blames else "does not prefer"
    text = (
        f"the model gives the reference {mine:.2f} nats{whole}, the output {theirs:.2f}: "
        f"it {verb} the reference"
    )
    return Experiment(Stage.SEARCH, SCORES, text, numbers, repaired=False, blames=blames)


def _settings(bench: Bench, *, preferred: bool) -> Experiment:
    trials = bench.trials
    shown = {each.name: each.value for each in trials.plan.settings_shown()}
    length = max(len(trials.target.goal), len(trials.free.output)) + 1
    single: list[Edit] = []
    for name, neutral in NEUTRAL.items():
        value = neutral(shown[name], length) if name in shown else None
        if value is not None:
            single.append(SettingEdit(0, name, value))
    groups = [(edit,) for edit in single] + ([tuple(single)] if len(single) > 1 else [])
    tried = 0
    for edits in groups:
        run = _run(bench, edits)
        if run is None:
            continue
        tried += 1
        if trials.reached(run):
            what = ", ".join(
                f"{edit.name} = {edit.value!r}" for edit in edits if isinstance(edit, SettingEdit)
            )
            text = f"with {what} the output is right"
            return Experiment(Stage.SEARCH, SETTINGS, text, {"tried": float(tried)}, True, preferred, edits)
    ways = "the one other way" if tried == 1 else f"none of {tried} other ways"
    text = f"{ways} to search {'does not make' if tried == 1 else 'makes'} the output right"
    return Experiment(Stage.SEARCH, SETTINGS, text, {"tried": float(tried)})


def _run(bench: Bench, edits: tuple[Edit, ...]) -> Run | None:
    try:
        return bench.trials.run(edits)
    except S2sdapError:
        return None
