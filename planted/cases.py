"""Cases: a sentence that the sound model decodes right, a fault that makes it wrong, and the verdict.

A fault before search counts as planted only where the faulty model itself prefers its wrong output:
where it still prefers the reference and search lost it, that is a search error as well.
"""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from planted.faults import PLANTING, Fault, FaultyModel
from s2sdap.debugger.verdict import Trials, Verdict, verdict_of
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.rnn.model import RnnModel
from s2sdap.vocabulary.stages import Stage

CONTROLS: Final = 12
"""Control sentences of a case: what a program of a few lines with references has."""
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Case:
    """A faulty model and the sentence that it gets wrong."""

    model: FaultyModel
    text: str
    reference: str
    output: str
    settings: SearchSettings
    controls: tuple[tuple[str, str], ...]

    @property
    def fault(self) -> Fault:
        """What is wrong."""
        return self.model.fault


@dataclass(frozen=True)
class Judged:
    """A case with its verdict, and the CPU seconds that it took."""

    case: Case
    verdict: Verdict
    seconds: float

    @property
    def right(self) -> bool:
        """Whether the verdict names the stage at which the fault was planted."""
        return self.verdict.stage is self.case.fault.stage

    @property
    def mended(self) -> bool:
        """Whether the edits of the verdict bring the reference back."""
        goal = self.verdict.target.goal
        return bool(self.verdict.edits) and self.verdict.repaired_output == goal


def cases(
    sound: RnnModel, pairs: Pairs, seed: int, count: int, stages: Sequence[Stage] = tuple(PLANTING)
) -> Iterator[Case]:
    """`count` cases of these sentences and their references, the stages in turn."""
    draw = random.Random(seed)
    found = 0
    while found < count:
        stage = stages[found % len(stages)]
        text, reference = draw.choice(pairs)
        fault = PLANTING[stage](draw, sound, text, reference)
        beam = 1 if stage is Stage.SEARCH else draw.choice((1, 1, 4))
        others = draw.sample([pair for pair in pairs if pair[0] != text], CONTROLS)
        plain = SearchSettings(beam_size=beam, max_length=2 * len(reference))
        settings = SearchSettings(**{"beam_size": beam, "max_length": 2 * len(reference), **fault.search})
        if decode(sound, text, plain)[0].text != reference:
            continue
        faulty = FaultyModel(sound, fault)
        output = decode(faulty, text, settings)[0]
        if output.text == reference:
            continue
        if stage is not Stage.SEARCH and score(faulty, text, reference).score >= output.score:
            continue
        found += 1
        yield Case(faulty, text, reference, output.text, settings, tuple(others))


def judged(case: Case, *, alone: bool = False) -> Judged:
    """The verdict on a case, with its control sentences or from the sentence alone."""
    target = case.model.target

    def plan(text: str) -> Decode:
        return Decode.of(case.model, text, case.settings)

    began = time.process_time()
    trials = Trials(plan(case.text), (*target.encode(case.reference), target.eos), plan)
    verdict = verdict_of(trials, () if alone else case.controls)
    return Judged(case, verdict, time.process_time() - began)
