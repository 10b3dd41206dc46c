"""Is the encoder to blame? A source word is left out, or written as another word, wherever it stands.

Where that alone makes the output right, the model misreads the word. Words that are tried in its
place are those of the sentence itself, of the controls and of the reference. Controls with the same
word tell whether it is misread there too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Absent, Experiment
from s2sdap.debugger.verdict.trials import Led, Trials
from s2sdap.decoding.edits import Edit, SourceEdit
from s2sdap.models.contract import NamesWords
from s2sdap.models.tokens import Source, counterpart
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

NAME = "another source word"
BESIDE = 1
"""How far around the most attended place words are suspected."""
SUSPECTS = 3
"""Words for which others are tried: those whose absence weakens the wrong token most."""
OTHERS = 80
"""Words that are tried in the place of one."""
NEAR = 24
"""Words that are tried for every suspect before others are."""
ENOUGH = 0.8
"""A reading is as good as can be where the reference leads by this share of the usual margin throughout."""
ROUNDS = 2
"""Words that are replaced together at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """The source with words replaced, and how far the reference leads in it: steps, then nats."""

    text: str
    words: tuple[tuple[str, str], ...]
    steps: int
    margin: float

    @property
    def order(self) -> tuple[int, float]:
        """How good it is."""
        return self.steps, self.margin


def encoder_experiment(bench: Bench) -> Experiment | Absent:
    """Replace source words until the reference leads at every step."""
    trials, target = bench.trials, bench.trials.target
    if Stage.ENCODER not in trials.plan.model.layout.stages:
        return Absent(Stage.ENCODER, NAME, "the model has no encoder")
    source = trials.free.encoder.source
    candidates = _candidates(bench, source)
    if not candidates:
        return Absent(Stage.ENCODER, NAME, "no word of the source stands in its text")
    reading = _read(trials, source.text, ())
    tried = doing = 0
    for _ in range(ROUNDS):
        if reading is None or reading.steps == len(target.goal):
            break
        better: list[Reading] = []
        for again in _others(trials, reading, candidates):
            tried += 1
            if again is None or again.steps <= reading.steps:
                continue
            better.append(again)
            if again.steps == len(target.goal) and again.margin >= ENOUGH * bench.usual:
                break  # no other word could do much better
        doing = len(better)
        if not better:
            break
        reading = max(better, key=lambda each: each.order)
    words = () if reading is None else reading.words
    edits: tuple[Edit, ...] = ()
    repaired = False
    if reading is not None and words:
        run = trials.run(plan=trials.other(reading.text))
        repaired = trials.reached(run)
        edits = (SourceEdit(reading.text),) if repaired else ()
    soundness = 0.0
    if repaired and reading is not None:
        soundness = bench.soundness(trials.lead_elsewhere(reading.text, target.goal))
    mended, spoiled, left = _elsewhere(bench, words) if repaired else (0, 0, 0)
    numbers = {
        "tried": float(tried),
        "doing": float(doing),
        "words": float(len(words)),
        "mendedElsewhere": float(mended),
        "spoiledElsewhere": float(spoiled),
        "leftElsewhere": float(left),
        "allKnown": float(_all_known(bench, candidates)),
        "soundness": soundness,
    }
    what = ", ".join(f"{old!r} written as {new!r}" if new else f"{old!r} left out" for old, new in words)
    then = "the output is right" if repaired else "the output is still wrong"
    text = f"with {what} {then}" if what else f"none of {tried} replaced source words helps"
    if repaired and bench.controls:
        text += f"; the same mends {mended} control sentences and spoils {spoiled}"
    return Experiment(Stage.ENCODER, NAME, text, numbers, repaired, repaired, edits)


def _others(trials: Trials, reading: Reading, candidates: Sequence[str]) -> Iterator[Reading | None]:
    """The readings with one more word replaced; the words that are likelier to be met are tried first."""
    suspects = _suspects(trials, reading)
    for start in range(0, len(candidates), NEAR):
        for word in suspects:
            for other in candidates[start : start + NEAR]:
                if other != word and word not in [new for _, new in reading.words]:
                    text = reading.text.replace(word, other)
                    yield _read(trials, text, (*reading.words, (word, other)))


def _words(source: Source) -> list[str]:
    """The distinct words as they stand in the text, in order."""
    spans = [token.span for token in source.tokens if token.span is not None]
    return list(dict.fromkeys(source.text[span.start : span.end] for span in spans if span.end > span.start))


def _candidates(bench: Bench, source: Source) -> list[str]:
    """What is tried in the place of a word; the empty text leaves it out."""
    model = bench.trials.plan.model
    goal = model.target.text(bench.trials.target.goal)
    found = _words(source)
    if not found:
        return []
    try:
        found += _words(model.tokenize(goal))
    except S2sdapError:  # a source that is no text: a file of sound
        return []
    for control in bench.controls:
        found += _words(control.source)
    if isinstance(model, NamesWords):
        found += model.source_words()
    return ["", *list(dict.fromkeys(found))[:OTHERS]]


def _all_known(bench: Bench, tried: Sequence[str]) -> bool:
    """Whether every source word that the model knows was tried."""
    model = bench.trials.plan.model
    return isinstance(model, NamesWords) and set(model.source_words()) <= set(tried)


def _suspects(trials: Trials, reading: Reading) -> list[str]:
    """The words without which the wrong token is weakest where the reference falls behind."""
    step = reading.steps
    plain = trials.lead_elsewhere(reading.text, trials.target.goal[: step + 1])
    if step >= len(plain.rows):
        return []
    logprobs = plain.logprobs(step)
    logprobs[plain.tokens[step]] = float("-inf")
    wrong, target = int(logprobs.argmax()), plain.run.plan.model.target
    strength: list[tuple[float, str]] = []
    near = _near_focus(plain, step)
    for word in _words(plain.run.encoder.source):
        try:
            led = trials.lead_elsewhere(reading.text.replace(word, ""), trials.target.goal[: step + 1])
        except S2sdapError:
            continue
        if step < len(led.rows):
            same = counterpart(target, led.run.plan.model.target, wrong)
            weight = float("-inf") if same is None else float(led.logprobs(step)[same])
            strength.append((weight, word))
    return list(dict.fromkeys((*near, *(word for _, word in sorted(strength)[:SUSPECTS]))))


def _near_focus(led: Led, step: int) -> list[str]:
    """The words at and beside the most attended place."""
    weights = led.site(step, sites.ATTENTION_WEIGHTS)
    source = led.run.encoder.source
    if weights is None:
        return []
    focus = int(weights.flatten(0, 1).mean(dim=0)[: len(source.tokens)].argmax())
    spans = [token.span for token in source.tokens[max(focus - BESIDE, 0) : focus + BESIDE + 1]]
    return [
        source.text[span.start : span.end] for span in spans if span is not None and span.end > span.start
    ]


def _read(trials: Trials, text: str, words: tuple[tuple[str, str], ...]) -> Reading | None:
    """How far the reference leads in `text`."""
    try:
        led = trials.lead_elsewhere(
            text, trials.target.goal, good=lambda led: led.margin(len(led.rows) - 1) > 0
        )
    except S2sdapError:
        return None
    margins = led.margins
    steps = sum(1 for each in margins if each > 0)
    return Reading(text, words, steps, min(margins[: max(steps, 1)]))


def _elsewhere(bench: Bench, words: Sequence[tuple[str, str]]) -> tuple[int, int, int]:
    """How many control sentences the same words mend, how many they spoil, and how many stay wrong."""
    mended = spoiled = left = 0
    for control in bench.controls:
        text = control.text
        for old, new in words:
            text = text.replace(old, new)
        if text == control.text:
            continue
        try:
            led = bench.trials.lead_elsewhere(text, control.led.tokens, of=control.led.run.plan)
        except S2sdapError:
            continue
        right = led.whole and all(each > 0 for each in led.margins)
        mended += right and not control.right
        spoiled += control.right and not right
        left += not control.right and not right
    return mended, spoiled, left
