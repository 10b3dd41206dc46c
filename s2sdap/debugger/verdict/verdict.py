"""The verdict: the experiments on the five stages, weighed.

Search comes first, since where the model itself prefers the reference nothing before it is wrong.
Otherwise the stage to blame is the earliest whose repair makes the output right *and sound*: as sure
where it was wrong as the model usually is. Where several stages can do that, the same repairs on the
control sentences that are wrong tell which of them explains more.
"""

from collections.abc import Callable, Iterator, Sequence
from statistics import fmean
from typing import Final

from s2sdap.debugger.verdict.attention import NAME as ATTENTION
from s2sdap.debugger.verdict.attention import attention_experiment
from s2sdap.debugger.verdict.controls import Bench, bench_of, made_bench
from s2sdap.debugger.verdict.decoder import NAME as DECODER
from s2sdap.debugger.verdict.decoder import decoder_experiment
from s2sdap.debugger.verdict.encoder import NAME as WORDS
from s2sdap.debugger.verdict.encoder import encoder_experiment
from s2sdap.debugger.verdict.encoder_states import NAME as STATES
from s2sdap.debugger.verdict.encoder_states import encoder_states_experiment
from s2sdap.debugger.verdict.prediction import NAME as PREDICTION
from s2sdap.debugger.verdict.prediction import prediction_experiment
from s2sdap.debugger.verdict.records import PURITY, Absent, Experiment, Verdict, no_purity
from s2sdap.debugger.verdict.search import SETTINGS, search_experiments
from s2sdap.debugger.verdict.trials import OutOfSteps, Trials
from s2sdap.decoding.edits import Edit, SourceEdit
from s2sdap.vocabulary.stages import Stage

SOUND: Final = 0.5
"""A repair is sound where the model is then at least this share as sure as it usually is."""
DOUBT: Final = 0.15
"""A wrong token that leads by a smaller share of the usual margin is a matter of doubt."""
SPREAD: Final = 0.4
"""Where the reference falls behind at this share of its steps or more, it is no matter of single words."""
TIE: Final = 0.05
"""Weights that differ by less are a tie."""
WEIGHING: Final = 4
"""Weighing may run one part in so many of the experiments' steps."""
OUT_OF_PLACE: Final = 4.0
"""Nats by which a token is clearly out of place where it does no harm."""
WITNESSES: Final = 3
"""Wrong control sentences on which repairs are made too, where the sentence alone does not tell."""

_Make = Callable[[Bench], Experiment | Absent | tuple[Experiment, ...]]
Report = Callable[[str], None]
Purity = Callable[[Trials], Experiment | Absent]
"""What an index says of the word in question."""


def verdict_of(
    trials: Trials,
    controls: Sequence[tuple[str, str]],
    report: Report = lambda _what: None,
    purity: Purity = lambda _trials: no_purity("there is no index of training states"),
) -> Verdict:
    """Make the experiments on a sentence and weigh them. `report` is told what is being done."""
    report("control sentences")
    bench = made_bench(trials, controls)
    done: list[Experiment | Absent] = []
    for stage, what, make in _EXPERIMENTS:
        report(f"{stage.value}: {what}")
        made: Experiment | Absent | tuple[Experiment, ...]
        try:
            made = make(bench)
        except OutOfSteps:
            made = Absent(stage, what, f"it would take more than {trials.limit} steps")
        done += made if isinstance(made, tuple) else (made,)
    report(f"{Stage.ENCODER.value}: {PURITY}")
    done.append(purity(trials))
    experiments = tuple(each for each in done if isinstance(each, Experiment))
    absent = tuple(each for each in done if isinstance(each, Absent))
    report("weighing")
    trials.limit += trials.limit // WEIGHING  # what is left for the control sentences, and to try the fix
    named, ties, text, chosen = _weighed(bench, experiments, absent)
    edits = () if chosen is None else chosen.edits
    output = trials.free.output
    repaired = _with(trials, edits) if edits else output
    return Verdict(
        trials.target, named, text, experiments, absent, edits, ties, output, repaired, trials.steps_run
    )


_EXPERIMENTS: Final[tuple[tuple[Stage, str, _Make], ...]] = (
    (Stage.SEARCH, SETTINGS, search_experiments),
    (Stage.ENCODER, WORDS, encoder_experiment),
    (Stage.ENCODER, STATES, encoder_states_experiment),
    (Stage.DECODER, DECODER, decoder_experiment),
    (Stage.ATTENTION, ATTENTION, attention_experiment),
    (Stage.PREDICTION, PREDICTION, prediction_experiment),
)


def _weighed(
    bench: Bench, experiments: Sequence[Experiment], absent: Sequence[Absent]
) -> tuple[Stage | None, tuple[Stage, ...], str, Experiment | None]:
    """The stage, those that tie with it, why, and the experiment whose edits repair the output."""
    search = [each for each in experiments if each.stage is Stage.SEARCH]
    if any(each.blames for each in search):
        fix = next((each for each in search if each.repaired), None)
        return Stage.SEARCH, (), "the model itself prefers the reference: search lost it", fix
    repairs = [each for each in experiments if each.repaired and each.stage is not Stage.SEARCH]
    sound: dict[Stage, Experiment] = {}
    for each in sorted(repairs, key=lambda each: each.numbers["soundness"]):
        if each.blames and each.numbers["soundness"] >= SOUND:
            sound[each.stage] = each
    if not sound:
        return _excluded(bench, [each for each in experiments if each.stage is not Stage.SEARCH], absent)
    weights = _weights(bench, sound) if len(sound) > 1 else dict.fromkeys(sound, 1.0)
    order = [stage for stage in Stage if stage in sound]
    most = max(weights.values())
    level = [stage for stage in order if weights[stage] >= most - TIE]
    stage, ties = level[0], tuple(level[1:])
    return stage, ties, _why(sound[stage], weights, ties), sound[stage]


def _weights(bench: Bench, sound: dict[Stage, Experiment]) -> dict[Stage, float]:
    """How much each stage explains: how sound its repair is here, and on the wrong control sentences."""
    witnesses = list(_witnesses(bench))
    weights: dict[Stage, float] = {}
    for stage, experiment in sound.items():
        numbers = experiment.numbers
        weights[stage] = numbers["soundness"]
        if stage is Stage.ENCODER:
            seen = [numbers.get(f"{what}Elsewhere", 0.0) for what in ("mended", "spoiled", "left")]
            weights[stage] += seen[0] / sum(seen) if sum(seen) else 0.0
        elif stage is Stage.PREDICTION:
            # It is out of place elsewhere, or it would not be here, and nothing else puts a token there.
            weights[stage] += 1.0 + min(1.0, numbers["elsewhere"] / OUT_OF_PLACE)
        else:
            again = [_again(witness, stage) for witness in witnesses]
            weights[stage] += fmean(again) if again else 0.0
    return weights


def _witnesses(bench: Bench) -> Iterator[Bench]:
    """Benches of some control sentences that are wrong themselves."""
    found = 0
    for control in bench.controls:
        if found == WITNESSES:
            return
        if not control.right:
            try:
                witness = bench_of(bench, control)
            except OutOfSteps:
                return
            if not witness.trials.reached(witness.trials.free):
                found += 1
                yield witness


def _again(witness: Bench, stage: Stage) -> float:
    """How sound the repair of a stage is on a witness."""
    try:
        made = (decoder_experiment if stage is Stage.DECODER else attention_experiment)(witness)
    except OutOfSteps:
        return 0.0
    return made.numbers["soundness"] if isinstance(made, Experiment) and made.repaired else 0.0


def _excluded(
    bench: Bench, experiments: Sequence[Experiment], absent: Sequence[Absent]
) -> tuple[Stage | None, tuple[Stage, ...], str, Experiment | None]:
    """What is left where no repair is sound: a word that was not tried, or a state that no copy mends.

    A misread word spoils the tokens that come from it, a spoilt state all that are written with it.
    Without the experiments on the stages around them nothing can be excluded.
    """
    repairs = [each for each in experiments if each.repaired]
    weak = max(repairs, key=lambda each: (each.blames, each.numbers["soundness"]), default=None)
    first = min(
        (each for each in repairs if each.blames),
        key=lambda each: list(Stage).index(each.stage),
        default=None,
    )
    doubt = bench.trials.led.margins and min(bench.trials.led.margins) > -DOUBT * bench.usual
    if doubt and first is not None:
        text = f"the model is only in doubt, and nothing is clearly wrong; the earliest repair: {first.text}"
        return first.stage, (), text, first
    if any(each.name in (WORDS, DECODER, ATTENTION, PREDICTION) for each in absent):
        return None, (), "no repair of any stage makes the output right and sound", weak
    margins = bench.trials.led.margins
    behind = sum(1 for margin in margins if margin <= 0)
    all_words = any(each.numbers.get("allKnown") for each in experiments)
    stage = Stage.DECODER if all_words or behind >= SPREAD * len(margins) else Stage.ENCODER
    where = f"the reference falls behind at {behind} of {len(margins)} steps"
    tried = "every word that the model knows was tried" if all_words else "not every word was tried"
    text = (
        "by exclusion: no other word, no row of attention and no constant of a token makes the output "
        f"right and sound; {where}, and {tried}"
    )
    return stage, (), text, weak


def _with(trials: Trials, edits: Sequence[Edit]) -> tuple[int, ...]:
    """The output with a fix in the run; another source is another decode."""
    source = next((edit for edit in edits if isinstance(edit, SourceEdit)), None)
    run = trials.run(plan=trials.other(source.text)) if source is not None else trials.run(edits)
    return run.output


def _why(experiment: Experiment, weights: dict[Stage, float], ties: Sequence[Stage]) -> str:
    """The verdict in a sentence."""
    others = ", ".join(f"{stage.value} {weight:.2f}" for stage, weight in weights.items())
    text = experiment.text
    if len(weights) > 1:
        text += f"; several stages can repair it, weighed with the control sentences: {others}"
    if ties:
        text += f"; a tie with {', '.join(stage.value for stage in ties)}, the earliest is named"
    return text
