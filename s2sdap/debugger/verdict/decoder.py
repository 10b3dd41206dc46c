"""Is the decoder's state to blame? States that the same words lead to by other ways are copied in.

The donors are states for the same place in the output: of the reference prefix led one or two steps
later (the begin symbol given again) or earlier (its first tokens left out), of another token before
it, and of control sentences at the same step. Whatever spoils the state at that step, after that token
or in that sentence, some of them have not met it. A state is copied in at the step where the run
leaves the goal, or at one before it, where the damage may have been done.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from s2sdap.debugger.verdict.controls import Bench
from s2sdap.debugger.verdict.records import Absent, Experiment
from s2sdap.debugger.verdict.trials import Led, Run, Trials, carrier_of, common, leading
from s2sdap.decoding.edits import Edit, SiteEdit
from s2sdap.decoding.records import Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

NAME = "a state copied in"
SHIFTS = (1, 2)
"""By how many steps the reference prefix is led later or earlier."""
BACK = 3
"""How many steps before the wrong one a state is copied in, too."""
OTHERS = 6
"""Other tokens that are given in the place of the last one, likeliest first."""


@dataclass(frozen=True, slots=True, eq=False)
class Donor:
    """A state for some step, and where it was taken from."""

    kind: str
    state: Tensor


def decoder_experiment(bench: Bench) -> Experiment | Absent:
    """Copy states in along the reference prefix until the run reaches the goal."""
    trials, target = bench.trials, bench.trials.target
    if sites.DECODER_STATE not in trials.plan.model.layout.sites:
        return Absent(Stage.DECODER, NAME, "the model shows no decoder state")
    pool = _Pool(bench)
    run = trials.free
    edits: tuple[Edit, ...] = ()
    kinds: list[str] = []
    best = float("-inf")
    tried = doing = 0
    while not trials.reached(run):
        step = common(run.output, target.goal)
        found: tuple[float, str, tuple[Edit, ...], Run] | None = None
        for at in range(step, max(step - BACK, 0) - 1, -1):
            if any(other.step >= at for other in edits):
                break
            for donor in pool.of(at):
                trial = _copied(trials, run, at, step, donor)
                if trial is None:
                    continue
                margin, edit, again = trial
                tried += 1
                best = max(best, margin)
                if margin <= 0:
                    continue
                doing += 1
                if found is None or margin > found[0]:
                    found = (margin, donor.kind, (edit,), again)
            if found is not None and found[0] > 0.5 * bench.usual:
                break
        if found is None:
            break
        run, edits = found[3], (*edits, *found[2])
        kinds.append(found[1])
    if not tried:
        return Absent(Stage.DECODER, NAME, "there is no state to copy from")
    repaired = trials.reached(run)
    soundness = bench.soundness(trials.lead(target.goal, edits)) if repaired else 0.0
    numbers = {
        "marginThen": best,
        "statesThatDo": float(doing),
        "states": float(tried),
        "steps": float(len(edits)),
        "soundness": soundness,
    }
    then = "the output is right" if repaired else "the output is still wrong"
    source = f", from {', '.join(dict.fromkeys(kinds))}" if kinds else ""
    text = (
        f"{doing} of {tried} copied states make the wanted token lead{source}; at best it "
        f"{leading(best)}; {then}"
    )
    return Experiment(Stage.DECODER, NAME, text, numbers, repaired, repaired, edits if repaired else ())


class _Pool:
    """The donors of each step, made when they are asked for."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._known: dict[int, tuple[Donor, ...]] = {}
        target = bench.trials.target
        bos = bench.trials.plan.model.target.bos
        self._shifted: list[tuple[str, int, Led]] = []
        for shift in SHIFTS:
            self._add(f"{shift} later", -shift, (*(bos,) * shift, *target.goal))
            if len(target.goal) > shift:
                self._add(f"{shift} earlier", shift, target.goal[shift:])

    def _add(self, kind: str, shift: int, tokens: tuple[int, ...]) -> None:
        try:
            self._shifted.append((kind, shift, self._bench.trials.lead(tokens)))
        except S2sdapError:
            return

    def of(self, step: int) -> tuple[Donor, ...]:
        """The donors for `step`."""
        if step not in self._known:
            self._known[step] = tuple(self._made(step))
        return self._known[step]

    def _made(self, step: int) -> Iterator[Donor]:
        for kind, shift, led in self._shifted:
            if shift < step or (shift < 0 and step > 0):
                yield from _state(f"the reference prefix {kind}", led, step - shift)
        yield from self._after_other_tokens(step)
        for control in self._bench.controls:
            yield from _state(f"{control.text!r}", control.led, step)

    def _after_other_tokens(self, step: int) -> Iterator[Donor]:
        trials = self._bench.trials
        led, goal = trials.led, trials.target.goal
        if step < 1 or step > len(led.rows):
            return
        before = led.logprobs(step - 1)
        likeliest = before.topk(min(OTHERS + 1, len(before))).indices
        for token in likeliest.tolist():
            if token in (goal[step - 1], trials.plan.model.target.eos):
                continue
            other = trials.lead(
                (*goal[: step - 1], token, *goal[step : step + 1]), run=led.run, start=step - 1
            )
            yield from _state("another token before it", other, step)


def _state(kind: str, led: Led, step: int) -> Iterator[Donor]:
    state = led.site(step, sites.DECODER_STATE) if 0 <= step < len(led.rows) else None
    if state is not None:
        yield Donor(kind, state)


def _copied(trials: Trials, run: Run, at: int, step: int, donor: Donor) -> tuple[float, Edit, Run] | None:
    """The margin of the wanted token at `step` once the state at step `at` is the donor's."""
    goal = trials.target.goal
    carrier: Hypothesis | None = carrier_of(run.before(at), goal[:at])
    if carrier is None or at >= len(run.records):
        return None
    edit = SiteEdit(at, carrier.id, sites.DECODER_STATE, tuple(donor.state.double().tolist()))
    try:
        led = trials.lead(goal[: step + 1], (edit,), run=run, start=at)
    except S2sdapError:
        return None
    margin = min(led.margins[at:]) if len(led.rows) > step else float("-inf")
    if margin <= 0:
        return margin, edit, run
    return margin, edit, trials.resumed(run, at, (edit,))
