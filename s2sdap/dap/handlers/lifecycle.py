"""From hello to goodbye: initialize, launch, configurationDone, restart, terminate, disconnect."""

import asyncio
import os
from functools import partial
from typing import TYPE_CHECKING, Any

from s2sdap.dap import python_debugger
from s2sdap.dap.access import token_matches
from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.breakpoints import index_problem, refuse_rules
from s2sdap.dap.dispatch import RawArguments, Reply, When, capabilities_of, handles
from s2sdap.dap.handlers.breakpoints import breakpoint_body
from s2sdap.dap.launch import LaunchArguments, parse_launch, token_of
from s2sdap.debugger.program import Program, open_program
from s2sdap.debugger.watch_rules import MODEL_ERROR, rules_for
from s2sdap.models import DEFAULT_MODEL
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import Cancel, Disconnect, Initialize, Nothing, Restart
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.neighbors.training import Training
    from s2sdap.debugger.session import Session
    from s2sdap.debugger.session_file.post_mortem import Recording
    from s2sdap.models.contract import Described


def rule_filters(known: tuple[str, ...] | None) -> list[dict[str, Any]]:
    """The watch rules as exception filters; `known` are the model's sites once it is loaded."""
    filters: list[dict[str, Any]] = [
        {
            "filter": rule.id,
            "label": rule.label,
            "description": rule.meaning,
            "default": False,
            "supportsCondition": True,
            "conditionDescription": f"an expression over the step, such as {rule.condition}",
        }
        for rule in rules_for(known)
    ]
    filters.append(
        {
            "filter": MODEL_ERROR,
            "label": "Model error",
            "description": "The model's own code failed; without this the run goes on to the next sentence.",
            "default": True,
            "supportsCondition": False,
        }
    )
    return filters


@handles("initialize", Initialize, When.ALWAYS)
def initialize(adapter: Adapter, arguments: Initialize) -> Reply:
    """Say what can be done here: what the handlers promise, and the watch rules there are."""
    from s2sdap.dap.handlers import HANDLERS  # the table holds this very handler

    adapter.client = arguments
    adapter.initialized = True
    return Reply({**capabilities_of(HANDLERS.values()), "exceptionBreakpointFilters": rule_filters(None)})


@handles("launch", RawArguments, When.INITIALIZED)
async def launch(adapter: Adapter, arguments: RawArguments) -> Reply:
    """Read the program, let the client configure, and load the model meanwhile.

    A launch that fails leaves everything as it was, so that a client may mend it and try again.
    """
    if adapter.process is not None:
        raise S2sdapError("attach_only")
    if adapter.state is not State.FRESH:
        raise S2sdapError("already_launched")
    if adapter.token is not None and not token_matches(token_of(arguments.raw), adapter.token):
        raise S2sdapError("bad_token")
    adapter.token = None  # it has been shown
    wanted, warnings = parse_launch(arguments.raw)
    adapter.state = State.LOADING
    adapter.launch = wanted
    try:
        if wanted.python_debug:
            await python_debugger.begin_with(adapter)
        await _load(adapter, wanted, first=True)
    except BaseException:
        if adapter.state is State.LOADING:
            adapter.state = State.FRESH
        adapter.program = None
        adapter.configured = False
        raise
    for warning in warnings:
        adapter.say(warning)
    return Reply(then=adapter.start_if_ready)


@handles("configurationDone", Nothing, When.LAUNCHED, supportsConfigurationDoneRequest=True)
def configuration_done(adapter: Adapter, arguments: Nothing) -> Reply:
    """The client has set its breakpoints: run as soon as the model is there."""
    adapter.configured = True
    return Reply(then=adapter.start_if_ready)


@handles("restart", Restart, When.LAUNCHED, supportsRestartRequest=True)
async def restart(adapter: Adapter, arguments: Restart) -> Reply:
    """Begin again, under new launch arguments if they are given, with the same breakpoints."""
    if adapter.calls is not None:
        raise S2sdapError("cannot_restart")
    wanted = adapter.launch
    given = bytes(arguments.arguments)
    if given not in (b"null", b""):
        if not given.lstrip().startswith(b"{"):
            raise S2sdapError("bad_arguments", command="restart", reason="arguments must be an object")
        wanted, _ = parse_launch(given)
    if adapter.state is State.LOADING:
        raise S2sdapError("running", request="restart")
    before, program = adapter.state, adapter.program
    adapter.state = State.LOADING
    try:
        await _load(adapter, wanted, first=False)
    except BaseException:
        adapter.program = program
        adapter.resume(before)
        raise
    return Reply(then=adapter.start_again)


@handles("terminate", Disconnect, When.LAUNCHED, supportsTerminateRequest=True)
def terminate(adapter: Adapter, arguments: Disconnect) -> Reply:
    """End the run; the connection stays, for a restart or for goodbye.

    A process that was attached to goes on; it is its debugging that ends.
    """
    if adapter.calls is not None:
        adapter.calls.let_go()
        return Reply(then=adapter.end if adapter.state is not State.ENDED else None)
    session = adapter.session
    if session is not None:
        session.close()
    if adapter.state in (State.STOPPED, State.LOADING):
        return Reply(then=adapter.end)
    return Reply()


@handles("disconnect", Disconnect, When.ALWAYS)
def disconnect(adapter: Adapter, arguments: Disconnect) -> Reply:
    """End everything and close the connection once the answer has been written."""
    adapter.close()
    return Reply(then=adapter.outlet.hang_up)


@handles("cancel", Cancel, When.INITIALIZED, supportsCancelRequest=True)
def cancel(adapter: Adapter, arguments: Cancel) -> Reply:
    """Cancel a request that waits, or the run that a progress report is about."""
    if arguments.request_id is not None:
        adapter.outlet.cancel_request(arguments.request_id)
    if arguments.progress_id is not None:
        adapter.progress.cancel(arguments.progress_id)
    return Reply()


async def _load(adapter: Adapter, wanted: LaunchArguments, *, first: bool) -> None:
    """Read the program and load the model; then put the new session in the place of the old."""
    search = wanted.search_given()
    unknown = wanted.index is None and wanted.model != DEFAULT_MODEL
    problem = index_problem(wanted.model) if unknown else None
    refuse_rules(wanted.rules(), problem)  # before anything is loaded
    adapter.requested.index_problem = problem
    if wanted.session is not None:
        await _load_recording(adapter, wanted, first=first)
        return
    for path in (wanted.program, wanted.reference if wanted.program else None):
        _refuse_irregular(path)
    program = await asyncio.to_thread(open_program, wanted.program, wanted.source, wanted.reference)
    if wanted.start_line is not None:
        program = program.beginning_at(wanted.start_line - 1)
    if first:
        adapter.program = program
        adapter.emit("initialized")
    progress = adapter.progress.begin(f"Loading {wanted.model}")
    try:
        session = await adapter.on_model_thread(lambda: _open_session(adapter, wanted, program, search))
    finally:
        adapter.progress.end(progress)
    _put_in_place(adapter, wanted, session, first=first)


async def _load_recording(adapter: Adapter, wanted: LaunchArguments, *, first: bool) -> None:
    """Open a session file; its breakpoints are those that a client has not replaced yet."""
    from s2sdap.dap.recorded_breakpoints import ask_again

    wanted.check_recording()
    _refuse_irregular(wanted.session)
    progress = adapter.progress.begin(f"Opening {wanted.session}")
    try:
        recording = await adapter.on_model_thread(lambda: _open_recording(adapter, wanted))
    finally:
        adapter.progress.end(progress)
    if first:
        told = recording.file.document.breakpoints
        ask_again(adapter.requested, told, recording.program, recording.model)
        adapter.program = recording.program
        adapter.emit("initialized")
    _put_in_place(adapter, wanted, recording, first=first)


def _open_recording(adapter: Adapter, wanted: LaunchArguments) -> "Recording":
    """On the model thread: import torch, open the file."""
    from s2sdap.debugger.session_file.post_mortem import open_recording

    recording = open_recording(
        wanted.session or "", stop_on_entry=wanted.stop_on_entry and not wanted.no_debug
    )
    recording.training = _training(adapter, recording.model, wanted)
    return recording


def _training(adapter: Adapter, model: "Described", wanted: LaunchArguments) -> "Training":
    """The index of the model's training states; one that was named is opened, and refused, now."""
    from s2sdap.debugger.neighbors.training import Training

    before = None if adapter.session is None else adapter.session.training
    if before is not None and before.model is model and before.asked == wanted.index:
        return before
    training = Training(model, wanted.index)
    if wanted.index is not None:
        training.open()
    return training


def _put_in_place(adapter: Adapter, wanted: LaunchArguments, session: "Session", *, first: bool) -> None:
    """The new session takes the place of the old one, if there was one: tell what that changes."""
    program, rules = session.program, wanted.rules()
    if adapter.session is not None:
        adapter.session.close()
    adapter.launch = wanted
    adapter.program = program
    adapter.session = session
    adapter.requested.launch_rules = rules
    adapter.requested.index_problem = None if session.training is None else session.training.problem
    adapter.forget_stop()
    for placed in adapter.requested.place_again(program, session.model):
        adapter.emit(
            "breakpoint",
            bodies.BreakpointEvent(reason="changed", breakpoint=breakpoint_body(adapter, placed)),
        )
    adapter.arm()
    filters = rule_filters(session.model.layout.sites)
    adapter.emit("capabilities", bodies.Capabilities(capabilities={"exceptionBreakpointFilters": filters}))
    adapter.emit(
        "loadedSource",
        bodies.LoadedSourceEvent(reason="new" if first else "changed", source=adapter.source_body()),
    )


def _refuse_irregular(path: str | None) -> None:
    """A pipe or a device may never end, and would hold a thread of the server for ever."""
    if path and os.path.exists(path) and not (os.path.isfile(path) or os.path.isdir(path)):
        raise S2sdapError("program_missing", path=path, reason="it is no regular file")


def _open_session(
    adapter: Adapter, wanted: LaunchArguments, program: Program, search: dict[str, Any]
) -> "Session":
    """On the model thread: import torch, load the model unless it is loaded already."""
    import torch

    from s2sdap.debugger.comparing.checkpoints import Checkpoint, load
    from s2sdap.debugger.session import Session
    from s2sdap.decoding.planning import settings_for

    torch.set_num_threads(wanted.threads)
    old = adapter.session
    if old is not None and wanted.same_model(adapter.launch):
        model = old.model
    else:
        how = (wanted.device, wanted.dtype, wanted.revision, wanted.trust_remote_code)
        model = load(Checkpoint(wanted.model, *how))
    session = Session(
        model,
        program,
        settings_for(model, search, wanted.generation),
        stop_on_entry=wanted.stop_on_entry and not wanted.no_debug,
        budget=wanted.memory_budget,
        on_result=partial(adapter.on_result, program),
        training=_training(adapter, model, wanted),
    )
    session.origin = wanted.origin()
    return session


FAMILY = (initialize, launch, configuration_done, restart, terminate, disconnect, cancel)
