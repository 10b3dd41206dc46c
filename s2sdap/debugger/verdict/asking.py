"""From a session and what a person points at to the trials: the sentence, the goal and the controls.

With a reference the goal is the whole of it, as far as the vocabulary can write it. Without one it is the
output up to a step with another token there: the one that the person wants, else the runner-up. The session
is looked at and left as it is.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch

from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.session import Session
from s2sdap.debugger.tokens import resolve_token
from s2sdap.debugger.verdict.at_the_model import at_the_model
from s2sdap.debugger.verdict.records import Absent, Experiment, Verdict, no_purity
from s2sdap.debugger.verdict.trials import LIMIT, Here, OutOfSteps, Run, Trials, carrier_of
from s2sdap.debugger.verdict.verdict import Report, verdict_of
from s2sdap.decoding.edits import Edit, SourceEdit
from s2sdap.decoding.plan import Plan, Planner
from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.reference import reference_of
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.neighbors.training import Training

CONTROLS: Final = 12
"""Sentences of the program with references that serve as controls, the nearest ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What a verdict is asked about: a sentence, and what a person says of it.

    `base` are the edits that its run has in it. `step` and `wanted` point at a token; `reference`
    is the target that should have come, by default that of the sentence.
    """

    program: Program
    sentence: Sentence
    plan: Plan
    planner: Planner
    base: tuple[Edit, ...] = ()
    step: int | None = None
    wanted: str | int | None = None
    reference: str | None = None
    limit: int = LIMIT
    training: "Training | None" = None
    """the index that is asked for neighbours, where the session has one at hand or was given one"""


def question_of(
    session: Session,
    *,
    sentence: int | None = None,
    step: int | None = None,
    wanted: str | int | None = None,
    reference: str | None = None,
    limit: int | None = None,
) -> Question:
    """A question about a sentence of the session by its index, by default the one at the cursor.

    Of a sentence that has been decoded the current branch is meant, with the edits in it.
    """
    session.need_model("make the experiments of a verdict")
    walk = session.walk
    timeline = walk.timeline if sentence is None else walk.timeline_of(sentence)
    planner = planner_of(session)
    if timeline is not None:
        asked, plan, base = timeline.sentence, timeline.branch.plan, timeline.branch.edits
    else:
        if sentence is None or not 0 <= sentence < len(session.program.sentences):
            raise S2sdapError("no_such_sentence", sentence=sentence, count=len(session.program.sentences))
        asked, base = session.program.sentences[sentence], ()
        plan = planned(planner, session.program, asked)
    base = tuple(edit for edit in base if not isinstance(edit, SourceEdit))
    return Question(
        session.program,
        asked,
        plan,
        planner,
        base,
        step,
        wanted,
        reference,
        limit or LIMIT,
        _at_hand(session),
    )


def _at_hand(session: Session) -> "Training | None":
    """Its index of training states; one that would have to be built first is no part of a verdict."""
    training = session.training
    return training if training is not None and (training.ready or training.asked is not None) else None


def planner_of(session: Session) -> Planner:
    """What plans another text as the session would; a call of somebody's own cannot be made again."""
    if not session.of_call:
        return planner_for(session.model, session.settings)

    def refused(text: str, **place: Any) -> Plan:
        del text, place
        raise S2sdapError("call_not_ours", what="source")

    return refused


def planned(planner: Planner, program: Program, sentence: Sentence, text: str | None = None) -> Plan:
    """The plan of a sentence of a program, or of another text in its place."""
    return planner(
        sentence.text if text is None else text,
        sentence=sentence.index,
        line=sentence.line + 1,
        where=program.name,
        folder=program.folder,
    )


def answer(question: Question, here: Here, report: Report = lambda _what: None) -> Verdict:
    """The verdict. `here` runs what needs the model; raises where nothing is wrong."""
    encoder = here(question.plan.begin)
    if encoder.others:
        raise S2sdapError("several_at_once")
    reference = question.sentence.reference if question.reference is None else question.reference
    report("the output")
    lacking: tuple[str, ...] = ()
    if question.wanted is None and reference is not None:
        meant = reference_of(question.plan, encoder, reference)
        goal, whole, lacking = meant.tokens, True, meant.unknown
    else:
        goal, whole = _goal_at(question, here), False
    trials = _trials(question, here, goal, whole=whole)
    if trials.reached(trials.free) and not lacking:
        raise S2sdapError("nothing_wrong", sentence=_name(question))
    note = ""
    if lacking:
        trials, note = _within_reach(question, here, trials, lacking)
    verdict = verdict_of(trials, _controls(question), report, partial(_purity, question))
    return replace(verdict, text=verdict.text + note)


def _trials(question: Question, here: Here, goal: tuple[int, ...], *, whole: bool) -> Trials:
    """Runs that are to come to the goal. Raises `too_few_steps`."""
    try:
        return Trials(
            question.plan,
            goal,
            lambda text: planned(question.planner, question.program, question.sentence, text),
            whole=whole,
            base=question.base,
            here=here,
            limit=question.limit,
        )
    except OutOfSteps:
        raise S2sdapError("too_few_steps", limit=question.limit) from None


def _within_reach(
    question: Question, here: Here, trials: Trials, lacking: Sequence[str]
) -> tuple[Trials, str]:
    """Trials of what can be written of a reference of which the vocabulary lacks parts, with a note on it.

    The unknown token stands in their place, whatever is meant by it. Nobody is to blame for not choosing it,
    so the goal ends before the first one that the output does not write by itself.
    """
    target, goal = question.plan.model.target, trials.target.goal
    told = {"sentence": _name(question), "lacking": ", ".join(map(repr, lacking))}
    if trials.reached(trials.free):
        piece = "" if target.unknown is None else target.piece(target.unknown)
        raise S2sdapError("cannot_tell_apart", **told, piece=piece)
    step = trials.target.step
    cut = next((at for at in range(step, len(goal)) if goal[at] == target.unknown), None)
    if cut == step:
        raise S2sdapError("unwritable_reference", **told, step=step)
    note = f"; the vocabulary lacks {told['lacking']}, so no output can read like the reference"
    if cut is None:
        return trials, note
    return _trials(question, here, goal[:cut], whole=False), f"{note}, of which {cut} tokens were the goal"


def _purity(question: Question, trials: Trials) -> Experiment | Absent:
    """What the index of training states says of the word in question."""
    if question.training is None:
        return no_purity("this session has opened no index of training states")
    from s2sdap.debugger.verdict.purity import purity_experiment  # noqa: PLC0415 - needs what searches

    try:
        index = question.training.open()
    except S2sdapError as error:
        return no_purity(error.what)
    return purity_experiment(trials, question.sentence, index)


def answering(question: Question) -> Generator[int, None, Verdict]:
    """The verdict in steps, for whoever shares the model: each runs one job and yields how many have run."""
    return at_the_model(lambda here: answer(question, here))


def _goal_at(question: Question, here: Here) -> tuple[int, ...]:
    """The output up to the step in question, and the token that is wanted there."""
    if question.step is None:
        raise S2sdapError("no_wrong_token", sentence=_name(question))
    trials = Trials(
        question.plan,
        (question.plan.model.target.eos,),
        lambda _: question.plan,
        base=question.base,
        here=here,
    )
    run = trials.free
    output = run.output
    step = question.step
    if not 0 <= step < len(output):
        raise S2sdapError("no_output_there", sentence=_name(question), step=step, count=len(output))
    if question.wanted is None:
        wanted = _runner_up(run, output, step)
    else:
        wanted = resolve_token(question.plan.model.target, question.wanted)
    if wanted == output[step]:
        piece = question.plan.model.target.piece(wanted)
        raise S2sdapError("wanted_is_there", token=piece, step=step)
    return (*output[:step], wanted)


def _runner_up(run: Run, output: Sequence[int], step: int) -> int:
    """The likeliest other token at a step of the output."""
    record = run.records[step]
    carrier = carrier_of(record.before, output[:step])
    row = 0 if carrier is None else record.before.live.index(carrier)
    logprobs = record.sites[sites.PREDICTION_LOGPROBS][row].clone()
    logprobs[output[step]] = -torch.inf
    return int(logprobs.argmax())


def _controls(question: Question) -> tuple[tuple[str, str], ...]:
    """Other sentences of the program that have references, the nearest first."""
    own = question.sentence.index
    others = [each for each in question.program.sentences if each.reference and each.index != own]
    others.sort(key=lambda each: (abs(each.index - own), each.index))
    return tuple((each.text, each.reference or "") for each in others[:CONTROLS])


def _name(question: Question) -> str:
    return f"line {question.sentence.line + 1}"
