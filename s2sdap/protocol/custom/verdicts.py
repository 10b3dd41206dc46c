"""Which stage is to blame for a wrong token."""

from typing import Any, Final

from s2sdap.protocol.arguments import Arguments as _Camel

VERDICT = "s2s/verdict"


class VerdictArguments(_Camel):
    """`s2s/verdict`: of a sentence (an index, by default the one at the cursor) on its current branch.

    `reference` is the target that should have come, by default the sentence's own. `step` and
    `wanted` (a piece or an id) point at a single token instead; without `wanted` and without a
    reference the runner-up at that step is meant. `limit` bounds the steps that are run.
    """

    sentence: int | None = None
    step: int | None = None
    wanted: str | int | None = None
    reference: str | None = None
    limit: int | None = None


class ExperimentBody(_Camel):
    """One experiment: what was measured, told in `text`.

    `repaired` says whether its `edits` make the output right, `blames` whether it speaks against the
    stage. `numbers` are in nats, steps, or shares; `soundness` is how sure the model is then of what was
    wrong, as a share of how sure it usually is.
    """

    stage: str
    name: str
    text: str
    numbers: dict[str, float]
    repaired: bool
    blames: bool
    edits: list[dict[str, Any]]


class AbsentBody(_Camel):
    """An experiment that could not be made, and why."""

    stage: str
    name: str
    reason: str


class VerdictBody(_Camel):
    """Answer to `s2s/verdict`.

    At `step` the output has `wrong` where `wanted` should stand; `whole` says that all of a reference is
    wanted. `stage` is absent where the experiments do not tell; `ties` are stages that explain as much.
    `edits` repair the output and can be applied as they are; with them it reads `repairedOutput`.
    `stepsRun` counts the steps of the model that it took.
    """

    step: int
    wanted: str
    whole: bool
    text: str
    experiments: list[ExperimentBody]
    absent: list[AbsentBody]
    edits: list[dict[str, Any]]
    edit_texts: list[str]
    ties: list[str]
    output: str
    repaired_output: str
    steps_run: int
    wrong: str | None = None
    stage: str | None = None


_MESSAGES: Final = ((VERDICT, VerdictArguments, VerdictBody),)
_PARTS: Final = (ExperimentBody, AbsentBody)
