"""Why a run stops where it has just arrived: what is armed, and where the motion was going."""

import math

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.frames import FieldValues
from s2sdap.debugger.stops import Finding, Motion, Stop, StopReason
from s2sdap.debugger.walk import Walk
from s2sdap.decoding.records import Hypothesis
from s2sdap.decoding.search import standing
from s2sdap.vocabulary.stages import Stage


def hit(walk: Walk, armed: Armed) -> Stop | None:
    """The stop that a breakpoint or watch rule asks for at this position."""
    if armed.sentences and walk.at_sentence_start:
        sentence = armed.sentences.get(walk.sentence.line)
        if sentence:
            return Stop(StopReason.BREAKPOINT, walk.cursor, f"sentence {walk.sentence.index + 1}", sentence)
    stage = walk.stage
    if stage in armed.stages:
        return Stop(StopReason.STAGE, walk.cursor, f"the {stage} stage", armed.stages[stage])
    if armed.rules and stage is Stage.SEARCH:
        return _suspicious(walk, armed)
    return None


def arrived(walk: Walk, motion: Motion, *, stop_on_entry: bool) -> Stop | None:
    """The stop of a motion that has come to where it was going."""
    if motion is Motion.CONTINUE:  # the commonest: nowhere to arrive at
        return None
    match motion:
        case Motion.START:
            there = stop_on_entry
        case Motion.NEXT | Motion.STEP_BACK:
            there = walk.stage is Stage.SEARCH or walk.at_sentence_start
        case Motion.STEP_IN | Motion.STAGE_BACK:
            there = True
        case Motion.STEP_OUT:
            there = walk.at_sentence_end or walk.at_sentence_start
        case _:
            there = False
    if not there:
        return None
    return Stop(StopReason.ENTRY if motion is Motion.START else StopReason.STEP, walk.cursor)


def _suspicious(walk: Walk, armed: Armed) -> Stop | None:
    for leader in _choices(walk):
        stop = _finding(walk, armed, leader)
        if stop is not None:
            return stop
    return None


def _finding(walk: Walk, armed: Armed, leader: Hypothesis) -> Stop | None:
    """The stop of the first rule that the choice of `leader` breaks."""
    fields = FieldValues(lambda: walk.frame_of_choice(leader), leader)
    for rule in armed.rules:
        if rule.fires(fields):
            walk.follow(leader.id)
            finding = Finding(
                rule=rule.rule.id,
                condition=rule.condition.text,
                token=fields["token"],
                p=fields["p"],
                entropy=fields["entropy"],
                margin=fields["margin"],
                rank=fields["rank"],
                best=tuple(
                    (walk.model.target.piece(token), math.exp(logprob))
                    for token, logprob in walk.frame_of_choice(leader).top_tokens(5)
                ),
            )
            return Stop(StopReason.RULE, walk.cursor, finding.text, finding=finding)
    return None


def _choices(walk: Walk) -> list[Hypothesis]:
    """The hypotheses in the lead, one a sentence of the batch, whose last token this step chose.

    One that has finished leads while no live one scores higher; its last step has been looked at.
    """
    step = walk.step
    after = walk.branch.records[step].after
    if not after.finished and after.live[-1].sentence == 0:  # the commonest: one sentence, nothing finished
        return [after.live[0]]
    leaders: dict[int, Hypothesis] = {}
    for each in (*after.live, *after.finished):
        leader = leaders.get(each.sentence)
        if leader is None or standing(each) > standing(leader):
            leaders[each.sentence] = each
    return [leader for _, leader in sorted(leaders.items()) if leader.step == step]
