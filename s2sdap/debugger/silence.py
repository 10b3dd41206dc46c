"""Whether rules have nothing to say at a position, told sooner than what they would say.

So it is at nearly every step of a run. Conditions are pure, so where one holds, or cannot be told, it is
asked once more where that is put into words: in `stopping`.
"""

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.choice_values import ChoiceValues
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.leading import leaders_after, outputs
from s2sdap.debugger.quick_conditions import FAULTS
from s2sdap.debugger.waking import awake
from s2sdap.debugger.walk import Walk
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.edits import ENCODER_STEP
from s2sdap.decoding.records import StepRecord
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def silent(walk: Walk, armed: Armed, counts: Counts) -> bool:
    """Whether it is known that nothing asks for a stop here, where nothing but rules is armed."""
    if not armed.rules:
        return True
    step = walk.step
    try:
        if step > 0 or (step == 0 and walk.has_encoder):
            if walk.stage is not Stage.SEARCH:
                return True
            branch = walk.timeline.branch
            record = branch.records[step]
            return _silent_choice(walk, branch, record, armed, counts) and not (
                record.after.ended and _any_at_end(walk, branch, armed)
            )
        of_source = armed.asked[Asked.SOURCE]
        if step == ENCODER_STEP and of_source:
            fields = FieldValues(walk.frame_of_source())
            return not any(rule.condition.quick(fields) for rule in of_source)
    except (S2sdapError, *FAULTS):  # this is to be told
        return False
    return step == ENCODER_STEP


def _silent_choice(walk: Walk, branch: Branch, record: StepRecord, armed: Armed, counts: Counts) -> bool:
    for leader in leaders_after(record):
        fields = ChoiceValues(walk.frame_of_choice, branch, record, leader)
        known = awake(walk, armed, counts, fields, leader)
        fields.last = known.last
        rules = known.rules
        for holds in rules.conditions if fields.sure < rules.sure_from else rules.of_sure:
            if holds(fields):
                return False
        run = fields.get("focus_run")
        if run:
            known.last = leader, fields["focus"], run
    return True


def _any_at_end(walk: Walk, branch: Branch, armed: Armed) -> bool:
    rules: tuple[ArmedRule, ...] = armed.asked[Asked.END]
    for output in outputs(walk) if rules else ():
        fields = ChoiceValues(walk.frame_of_choice, branch, branch.records[output.step], output)
        if any(rule.condition.quick(fields) for rule in rules):
            return True
    return False
