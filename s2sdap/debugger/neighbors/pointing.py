"""The frame that somebody points at by numbers: a sentence, a branch of it, a step and a hypothesis."""

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.session import Session
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.edits import ENCODER_STEP
from s2sdap.decoding.records import Hypothesis
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def frame_of(
    session: Session,
    *,
    sentence: int | None = None,
    branch: int | None = None,
    step: int | None = None,
    hypothesis: int | None = None,
) -> Frame:
    """The frame of a computed step, -1 for the encoder; what is left out is as at the cursor.

    Of another sentence or branch, without a step it is the last one that is computed, and without a
    hypothesis the best. Raises `no_such_sentence`, `unknown_branch`, `no_such_step` or `no_hypothesis`.
    """
    if sentence is None and branch is None and step is None:
        return session.frames(hypothesis)[0]
    walk = session.walk
    number = session.cursor.sentence if sentence is None else sentence
    timeline = walk.timeline_of(number)
    if timeline is None:
        count = len(session.program.sentences)
        if not 0 <= number < count:
            raise S2sdapError("no_such_sentence", sentence=number, count=count)
        raise S2sdapError("ended") if walk.ended else S2sdapError("no_such_step", step=step or 0, last=-1)
    at = timeline.branch if branch is None else timeline.find(branch)
    here = walk.placed and at is walk.branch
    last = len(at.records) - 1
    wanted = (session.cursor.step if here else last) if step is None else step
    if not ENCODER_STEP <= wanted <= last:
        raise S2sdapError("no_such_step", step=wanted, last=last)
    if wanted == ENCODER_STEP:
        if Stage.ENCODER not in at.plan.model.layout.stages:
            raise S2sdapError("no_such_step", step=wanted, last=last)
        return Frame(
            at.plan, timeline.sentence, at.id, Stage.ENCODER, at.encoder, (), None, 0, None, walk.training
        )
    return _at_step(session, timeline, at, wanted, hypothesis)


def _at_step(
    session: Session, timeline: Timeline, branch: Branch, step: int, hypothesis: int | None
) -> Frame:
    record = branch.records[step]
    if record.failed:
        raise S2sdapError("no_such_step", step=step, last=step - 1)
    node = _node(session, branch, step, hypothesis)
    return Frame(
        branch.plan,
        timeline.sentence,
        branch.id,
        Stage.SEARCH,
        branch.encoder,
        branch.records,
        record,
        node.row,
        node,
        session.walk.training,
    )


def _node(session: Session, branch: Branch, step: int, wanted: int | None) -> Hypothesis:
    """What a hypothesis was at a step: what it is or came from, by its id there or in the end."""
    walk = session.walk
    after = branch.records[step].after
    there = (*after.live, *(each for each in after.finished if each.step == step))
    if wanted is None and walk.placed and branch is walk.branch:
        followed = session.cursor.hypothesis
        mine = next((each for each in session.hypotheses() if each.id == followed), None)
        came = None if mine is None else next((node for node in mine.path() if node.step == step), None)
        if came is not None:
            return came
    elif wanted is not None:
        found = next((each for each in there if each.id == wanted), None)
        if found is None:
            raise S2sdapError("no_hypothesis", hypothesis=wanted, run=f"step {step} of branch {branch.id}")
        return found
    best = (*branch.plan.best(branch.tip), *branch.tip.live)
    came = next((node for each in best for node in each.path() if node.step == step), None)
    return came or there[0]
