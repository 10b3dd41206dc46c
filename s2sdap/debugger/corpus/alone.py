"""Sentences decoded one by one under a session with its rules armed: what is exact."""

from collections.abc import Iterator, Sequence

import msgspec

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.neighbors.training import Training
from s2sdap.debugger.program import Program
from s2sdap.debugger.results import Result
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Motion, Stop, StopReason
from s2sdap.debugger.watch_rules import ArmedRule
from s2sdap.decoding.plan import Planner
from s2sdap.models.contract import Described


class Decoded(msgspec.Struct, frozen=True):
    """A sentence of a corpus, with every stop of its rules.

    `exact` says that it was decoded by itself, as under a debugger; where it was not, its numbers
    are those of a batch.
    """

    result: Result
    stops: tuple[Stop, ...]
    exact: bool


def alone(
    model: Described,
    program: Program,
    planner: Planner,
    rules: Sequence[ArmedRule],
    training: Training | None = None,
) -> Iterator[Decoded]:
    """Decode the sentences of `program` in order. Raises where a failure cannot be got past."""
    waiting: list[Result] = []
    session = Session(
        model,
        program,
        stop_on_entry=False,
        budget=0,  # nobody goes back, so no records of earlier sentences are kept
        on_result=waiting.append,
        planner=planner,
        training=training,
    )
    session.armed = Armed.of(rules=rules)
    stops: dict[int, list[Stop]] = {}
    before: Stop | None = None
    session.begin(Motion.START)
    while True:
        stop = session.advance()
        here = session.walk.number - 1
        while waiting and waiting[0].sentence.index < here:  # past its last position: all is known of it
            result = waiting.pop(0)
            yield Decoded(result, _told(result, stops.pop(result.sentence.index, [])), exact=True)
        if stop is None:
            continue
        if stop.reason is StopReason.END:
            return
        same = before is not None and stop.cursor is not None and stop.cursor == before.cursor
        if same and before is not None and before.error is not None and stop.error is not None:
            raise stop.error  # it cannot get past this position
        if stop.cursor is not None:
            stops.setdefault(stop.cursor.sentence, []).append(stop)
        before = stop
        session.begin(Motion.CONTINUE)


def _told(result: Result, stops: list[Stop]) -> tuple[Stop, ...]:
    """The stops that say more than the result: a sentence that failed has its error already."""
    failed = result.error is not None
    return tuple(stop for stop in stops if not (failed and stop.reason is StopReason.ERROR))
