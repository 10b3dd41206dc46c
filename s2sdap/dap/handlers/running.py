"""Moving the cursor: continue, step, back, pause. The answer comes first, the stop as an event."""

from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.debugger.stops import Motion
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import Step, Thread
from s2sdap.vocabulary.errors import S2sdapError

FINE = "instruction"
"""The finest granularity: of `next` a stage instead of a token, of `stepIn` a part instead of a stage."""


def move(adapter: Adapter, thread: int, motion: Motion) -> None:
    """Follow a hypothesis and begin a motion; `adapter.go` sets it going after the answer."""
    session = adapter.need_session()
    placed = adapter.state is State.STOPPED and adapter.stop is not None and adapter.stop.cursor is not None
    if placed and thread not in adapter.threads:
        raise S2sdapError("unknown_thread", id=thread)
    if thread in adapter.threads:
        session.follow(thread)
    session.begin(motion)
    if adapter.calls is not None:
        adapter.calls.motion = motion


@handles("continue", Thread, When.STOPPED)
def continue_(adapter: Adapter, arguments: Thread) -> Reply:
    """Run on."""
    move(adapter, arguments.thread_id, Motion.CONTINUE)
    return Reply(bodies.ContinueBody(all_threads_continued=True), adapter.go)


@handles("next", Step, When.STOPPED, supportsSteppingGranularity=True)
def next_(adapter: Adapter, arguments: Step) -> Reply:
    """To the next token, or stage by stage."""
    motion = Motion.STEP_IN if arguments.granularity == FINE else Motion.NEXT
    move(adapter, arguments.thread_id, motion)
    return Reply(then=adapter.go)


@handles("stepIn", Step, When.STOPPED)
def step_in(adapter: Adapter, arguments: Step) -> Reply:
    """To the next stage, or part by part."""
    motion = Motion.STEP_PART if arguments.granularity == FINE else Motion.STEP_IN
    move(adapter, arguments.thread_id, motion)
    return Reply(then=adapter.go)


@handles("stepOut", Step, When.STOPPED)
def step_out(adapter: Adapter, arguments: Step) -> Reply:
    """To the end of the sentence."""
    move(adapter, arguments.thread_id, Motion.STEP_OUT)
    return Reply(then=adapter.go)


@handles("stepBack", Step, When.BEGUN, supportsStepBack=True)
def step_back(adapter: Adapter, arguments: Step) -> Reply:
    """To the token before, or stage by stage."""
    motion = Motion.STAGE_BACK if arguments.granularity == FINE else Motion.STEP_BACK
    move(adapter, arguments.thread_id, motion)
    return Reply(then=adapter.go)


@handles("reverseContinue", Thread, When.BEGUN)
def reverse_continue(adapter: Adapter, arguments: Thread) -> Reply:
    """Back to what stopped the run before."""
    move(adapter, arguments.thread_id, Motion.REVERSE_CONTINUE)
    return Reply(then=adapter.go)


@handles("pause", Thread, When.LAUNCHED)
def pause(adapter: Adapter, arguments: Thread) -> Reply:
    """Stop at the next position; a decode that is stopped already stays so."""
    if adapter.calls is not None:
        adapter.calls.pause()
    elif adapter.state is State.RUNNING:
        adapter.need_session().pause()
    return Reply()


FAMILY = (continue_, next_, step_in, step_out, step_back, reverse_continue, pause)
