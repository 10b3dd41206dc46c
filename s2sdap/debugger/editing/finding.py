"""Finding the frame that numbers are copied from, among what a session has computed."""

from functools import partial

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.editing.copying import Elsewhere
from s2sdap.debugger.editing.reading import Origin
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.walk import Walk
from s2sdap.decoding.records import Hypothesis, StepRecord
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def elsewhere(walk: Walk) -> Elsewhere:
    """Finds frames on the current branch of any sentence that is kept.

    Without a hypothesis it is the frame's own line of descent, and of another sentence the best one.
    """
    return partial(_find, walk)


def _find(walk: Walk, frame: Frame, origin: Origin) -> Frame:
    index = frame.sentence.index if origin.sentence is None else origin.sentence
    step = frame.step if origin.step is None else origin.step
    where = f"sentence {index} step {step}" if step >= 0 else f"the encoder of sentence {index}"
    timeline = walk.timeline_of(index)
    if timeline is None:
        raise _nothing(where, "this session holds no records of it")
    branch = timeline.branch
    if step >= len(branch.records):
        raise _nothing(where, f"{len(branch.records)} steps are held")
    if step < 0:
        return Frame(
            branch.plan, timeline.sentence, branch.id, Stage.ENCODER, branch.encoder, (), None, 0, None
        )
    record = branch.records[step]
    same = index == frame.sentence.index
    row = _row(branch, record, origin.hypothesis, frame if same else None)
    if row is None:
        raise _nothing(where, "there is no such hypothesis")
    return Frame(
        branch.plan,
        timeline.sentence,
        branch.id,
        Stage.SEARCH,
        branch.encoder,
        branch.records[: step + 1],
        record,
        row,
        None,
    )


def _row(branch: Branch, record: StepRecord, wanted: int | None, frame: Frame | None) -> int | None:
    """The row of the hypothesis that is meant, in the batch of a step."""
    live = record.before.live
    if wanted is not None:
        return next((row for row, each in enumerate(live) if each.id == wanted), None)
    if frame is None:
        best = branch.plan.best(branch.tip)
        found = _row_of(best[0], record.step) if best else 0
        return 0 if found is None else found
    if record.step == frame.step:
        return frame.row
    if record.step < frame.step:
        return _row_of(frame.before, record.step)
    mine = frame.hypothesis
    return next((row for row, each in enumerate(live) if any(node is mine for node in each.path())), None)


def _row_of(hypothesis: Hypothesis, step: int) -> int | None:
    return next((node.row for node in hypothesis.path() if node.step == step), None)


def _nothing(where: str, reason: str) -> S2sdapError:
    return S2sdapError("nothing_to_copy", site="value", where=where, reason=reason)
