"""A stop as the client hears of it: its reason in the protocol's words, and live hypotheses as threads."""

from typing import TYPE_CHECKING

from s2sdap.debugger.stops import Stop, StopReason
from s2sdap.protocol import bodies
from s2sdap.vocabulary.directions import apart

if TYPE_CHECKING:
    from s2sdap.debugger.session import Session


def thread_of(stop: Stop | None) -> int:
    """The hypothesis at the cursor; 1 where the sentence could not even be read."""
    return stop.cursor.hypothesis if stop and stop.cursor else 1


def place_of(stop: Stop | None) -> tuple[object, ...] | None:
    """Where a client sees the stop: its cursor but for the branch, which no frame or thread shows."""
    if stop is None or stop.cursor is None:
        return None
    at = stop.cursor
    return at.sentence, at.step, at.stage, at.hypothesis


def stopped_body(stop: Stop) -> bodies.Stopped:
    """The body of `stopped`."""
    reason = {StopReason.ERROR: "exception", StopReason.EDIT: "data breakpoint"}.get(
        stop.reason, stop.reason.value
    )
    titles = {
        StopReason.RULE: f"Watch rule {stop.finding.rule}" if stop.finding else "",
        StopReason.ERROR: "Model error",
        StopReason.STAGE: f"Stage {stop.cursor.stage}" if stop.cursor else "",
        StopReason.DATA: "Value changed",
        StopReason.EDIT: "Edited",
    }
    return bodies.Stopped(
        reason=reason,
        description=titles.get(stop.reason),
        thread_id=thread_of(stop),
        text=stop.text or None,
        all_threads_stopped=True,
        hit_breakpoint_ids=list(stop.breakpoints) or None,
    )


def thread_names(session: "Session") -> dict[int, str]:
    """The live hypotheses by id, with what each has written and its score."""
    text = session.target.text
    return {
        each.id: f"hypothesis {each.id}: {apart(repr(text(each.tokens)))} {each.score:.3f}"
        for each in session.hypotheses()
    }
