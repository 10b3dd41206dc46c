"""Requests of our own: what a panel or a script needs in one message (see `protocol.custom`)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.protocol import custom
from s2sdap.vocabulary.stages import Stage

if TYPE_CHECKING:
    from s2sdap.decoding.records import StepRecord

STEPS = 200
"""Steps of search that one answer carries at most."""
RESULTS = 1000
"""Results that one answer carries at most."""
TOP = 1000
"""Likeliest tokens that one answer carries at most."""


@handles(custom.STEP, custom.StepArguments, When.STOPPED)
def step(adapter: Adapter, arguments: custom.StepArguments) -> Reply:
    """One step, whole."""
    from s2sdap.dap.panel_bodies import step_body

    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    return Reply(step_body(frame, min(max(arguments.top, 1), TOP)))


@handles(custom.ATTENTION, custom.AttentionArguments, When.STOPPED)
def attention(adapter: Adapter, arguments: custom.AttentionArguments) -> Reply:
    """The attention of every step of a hypothesis so far."""
    from s2sdap.dap.panel_bodies import attention_body

    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    return Reply(attention_body(frame, arguments.layer, arguments.head))


def _searched(adapter: Adapter) -> "Sequence[StepRecord]":
    """The steps up to the cursor whose search stage has come."""
    frame = frame_at(adapter, None)
    return frame.records[: frame.step + (1 if frame.stage is Stage.SEARCH else 0)]


@handles(custom.BEAM, custom.BeamArguments, When.STOPPED)
def beam(adapter: Adapter, arguments: custom.BeamArguments) -> Reply:
    """What search looked at, step by step, up to the cursor."""
    from s2sdap.dap.panel_bodies import beam_body

    session = adapter.need_session()
    records = _searched(adapter)
    start = max(0, arguments.start)
    count = min(arguments.count, STEPS) if arguments.count > 0 else STEPS
    return Reply(beam_body(session, records[start : start + count], len(records)))


@handles(custom.TREE, custom.TreeArguments, When.STOPPED)
def tree(adapter: Adapter, arguments: custom.TreeArguments) -> Reply:
    """The same, packed, for a view of it."""
    from s2sdap.dap.tree_bodies import tree_body

    session = adapter.need_session()
    records = _searched(adapter)
    end = arguments.start + arguments.count if arguments.count > 0 else len(records)
    return Reply(tree_body(session, records[arguments.start : end], len(records)))


@handles(custom.RESULTS, custom.ResultsArguments, When.LAUNCHED)
def results(adapter: Adapter, arguments: custom.ResultsArguments) -> Reply:
    """What has been decoded so far, in the order of the sentences."""
    from s2sdap.dap.panel_bodies import result_body

    session = adapter.need_session()
    done = dict(session.results)  # the model thread may add to it while we read
    start = max(0, arguments.start)
    count = min(arguments.count, RESULTS) if arguments.count > 0 else RESULTS
    shown = sorted(done)[start : start + count]
    body = custom.ResultsBody(results=[result_body(session, done[index]) for index in shown], total=len(done))
    return Reply(body)


FAMILY = (step, attention, beam, tree, results)
