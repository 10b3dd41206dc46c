"""Which hypotheses lead at a position: those that rules and conditions are asked about."""

from s2sdap.debugger.walk import Walk
from s2sdap.decoding.records import Hypothesis, StepRecord
from s2sdap.decoding.search import standing
from s2sdap.vocabulary.stages import Stage


def leaders(walk: Walk, step: int | None = None) -> list[Hypothesis]:
    """One a sentence of the batch, at the cursor or where search had chosen at an earlier `step`.

    Where search has chosen they are those whose last token this step chose: one that has finished
    before leads while no live one scores higher, and its last step has been looked at.
    """
    if step is None and (walk.step < 0 or walk.stage is not Stage.SEARCH):
        return _first_of_each(walk.hypotheses())
    return leaders_after(walk.branch.records[walk.step if step is None else step])


def leaders_after(record: StepRecord) -> list[Hypothesis]:
    """The same where the step of `record` has chosen."""
    after = record.after
    if not after.finished and after.live and after.live[-1].sentence == 0:  # the commonest
        return [after.live[0]]
    found: dict[int, Hypothesis] = {}
    for each in (*after.live, *after.finished):
        leader = found.get(each.sentence)
        if leader is None or standing(each) > standing(leader):
            found[each.sentence] = each
    return [leader for _, leader in sorted(found.items()) if leader.step == record.step]


def outputs(walk: Walk) -> list[Hypothesis]:
    """The best output of each sentence of the batch, once search has ended."""
    return _first_of_each(walk.best())


def _first_of_each(hypotheses: tuple[Hypothesis, ...]) -> list[Hypothesis]:
    found: dict[int, Hypothesis] = {}
    for each in hypotheses:
        found.setdefault(each.sentence, each)
    return list(found.values())
