"""What a verdict is made of: the token it is about, the experiments, and the stage that they name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Target:
    """The token in question: at `step` the output has `wrong`, and `wanted` should stand there.

    `goal` are the target tokens that a repair must lead to: the whole reference with its end symbol
    where there is one (`whole`), else what the output begins with up to and including `wanted`.
    """

    step: int
    wrong: int | None
    wanted: int
    goal: tuple[int, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class Experiment:
    """One test of a hypothesis about one stage.

    `numbers` are what was measured; `repaired` says whether `edits` lead the free run to the goal.
    `blames` says whether the experiment speaks for this stage: a repair alone does not, where it
    would also work on a stage that is sound. `text` tells it in a sentence.
    """

    stage: Stage
    name: str
    text: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    repaired: bool = False
    blames: bool = False
    edits: tuple[Edit, ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """An experiment that could not be made, and why."""

    stage: Stage
    name: str
    reason: str


PURITY: Final = "purity of the neighbours"
"""The experiment that asks an index of training states; see `purity`."""


def no_purity(reason: str) -> Absent:
    """That experiment, where it cannot be made."""
    return Absent(Stage.ENCODER, PURITY, reason)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The stage to blame for a wrong token, `None` where the experiments do not tell.

    `edits` repair the output and can be applied to the branch as they are. `ties` are further stages
    whose experiments speak as loudly. `output` is what the run wrote, `repaired_output` what it
    writes with the edits.
    """

    target: Target
    stage: Stage | None
    text: str
    experiments: tuple[Experiment, ...]
    absent: tuple[Absent, ...]
    edits: tuple[Edit, ...]
    ties: tuple[Stage, ...]
    output: tuple[int, ...]
    repaired_output: tuple[int, ...]
    steps_run: int
