"""Requests of our own: what a panel or a script needs in one message (see `protocol.custom`)."""

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.dap.handlers.inspection import frame_at
from s2sdap.debugger.stops import Stop
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError

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


@handles(custom.BEAM, custom.BeamArguments, When.STOPPED)
def beam(adapter: Adapter, arguments: custom.BeamArguments) -> Reply:
    """What search looked at, step by step, up to the cursor."""
    from s2sdap.dap.panel_bodies import beam_body

    session = adapter.need_session()
    records = frame_at(adapter, None).records[: session.cursor.step + 1]
    start = max(0, arguments.start)
    count = min(arguments.count, STEPS) if arguments.count > 0 else STEPS
    return Reply(beam_body(session, records[start : start + count], len(records)))


@handles(custom.EDIT, custom.EditArguments, When.STOPPED)
async def edit(adapter: Adapter, arguments: custom.EditArguments) -> Reply:
    """The edits that `setVariable` makes, and those of any site, without walking the variables."""
    session = adapter.need_session()
    frame = frame_at(adapter, arguments.frame_id, arguments.thread_id)
    given = [
        arguments.token is not None,
        arguments.weights is not None,
        arguments.position is not None,
        arguments.site is not None,
    ]
    if sum(given) != 1:
        raise S2sdapError(
            "bad_arguments", command=custom.EDIT, reason="give one of token, weights, position and site"
        )

    def change() -> Stop:
        if arguments.token is not None:
            return session.force(arguments.token, frame=frame)
        if arguments.weights is not None:
            return session.set_attention(
                arguments.weights, layer=arguments.layer, head=arguments.head, frame=frame
            )
        if arguments.position is not None:
            if arguments.weight is None:
                raise S2sdapError("bad_arguments", command=custom.EDIT, reason="`position` needs a `weight`")
            return session.edit_attention(
                arguments.position, arguments.weight, layer=arguments.layer, head=arguments.head, frame=frame
            )
        return session.edit_site(
            arguments.site or "", arguments.values or [], index=tuple(arguments.index or ()), frame=frame
        )

    stop = await adapter.edit(change)
    cursor = session.cursor
    body = custom.EditBody(branch=cursor.branch, step=cursor.step, hypothesis=cursor.hypothesis)
    return Reply(body, lambda: adapter.edited(stop))


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


FAMILY = (step, attention, beam, edit, results)
