"""Looking at a stop: threads, frames, scopes, variables, expressions, and changing what is shown."""

import os
from typing import TYPE_CHECKING

from s2sdap.dap.adapter import Adapter, State
from s2sdap.dap.console import command, command_completions, is_command, refuse_misspelt
from s2sdap.dap.dispatch import Answer, Reply, When, handles
from s2sdap.dap.handles import Container
from s2sdap.dap.training import asks_training, looked_for, opened
from s2sdap.debugger.expression_completions import offered
from s2sdap.debugger.fields import is_lookup
from s2sdap.debugger.stops import Finding, StopReason
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import (
    Completions,
    Evaluate,
    Locations,
    Nothing,
    Scopes,
    StackTrace,
    Thread,
    Variables,
)
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import position_of_column, utf16_length

if TYPE_CHECKING:
    from s2sdap.debugger.frames import Frame


def frame_at(adapter: Adapter, frame: int | None, thread: int | None = None) -> "Frame":
    """The frame of an id, or the top frame of a hypothesis, by default the one at the cursor."""
    if frame is not None:
        return adapter.frames.get(frame)
    session = adapter.need_session()
    if not session.hypotheses():
        raise S2sdapError("ended")
    return session.frames(thread)[0]


@handles("threads", Nothing, When.LAUNCHED)
def threads(adapter: Adapter, arguments: Nothing) -> Reply:
    """The live hypotheses; while the decode runs, those of the last stop."""
    live = adapter.threads
    if not live and adapter.state is not State.ENDED:
        live = {1: "hypothesis 1"}
    return Reply(
        bodies.Threads(threads=[bodies.ThreadBody(id=each, name=name) for each, name in live.items()])
    )


@handles("stackTrace", StackTrace, When.STOPPED, supportsDelayedStackTraceLoading=True)
def stack_trace(adapter: Adapter, arguments: StackTrace) -> Reply:
    """A hypothesis' stage at the cursor, its earlier steps, and the encoder."""
    from s2sdap.dap.lowering import frame_body

    session = adapter.need_session()
    if not session.hypotheses():
        return Reply(bodies.StackTraceBody(stack_frames=[], total_frames=0))
    stack = session.frames(arguments.thread_id)
    start = max(0, arguments.start_frame)
    end = start + arguments.levels if arguments.levels > 0 else len(stack)
    shown = [frame_body(adapter, frame) for frame in stack[start:end]]
    return Reply(bodies.StackTraceBody(stack_frames=shown, total_frames=len(stack)))


@handles("scopes", Scopes, When.STOPPED)
def scopes(adapter: Adapter, arguments: Scopes) -> Reply:
    """One scope a stage that the frame has come to, and the settings."""
    from s2sdap.dap.lowering import scope_body
    from s2sdap.debugger.scopes import scopes_of

    frame = adapter.frames.get(arguments.frame_id)
    shown = [
        scope_body(adapter, frame, scope, first=place == 0) for place, scope in enumerate(scopes_of(frame))
    ]
    return Reply(bodies.ScopesBody(scopes=shown))


@handles("variables", Variables, When.STOPPED)
def variables(adapter: Adapter, arguments: Variables) -> Answer:
    """A page of variables."""
    from s2sdap.dap.lowering import page_bodies, page_of

    container = adapter.containers.get(arguments.variables_reference)
    if container.slow:
        return _slow_variables(adapter, container, arguments)
    page = page_of(container, arguments.filter, arguments.start, arguments.count)
    return Reply(bodies.VariablesBody(variables=page_bodies(adapter, container.frame, page)))


async def _slow_variables(adapter: Adapter, container: Container, arguments: Variables) -> Reply:
    """The same for what takes long to make, such as neighbours. Made once, then kept."""
    from s2sdap.dap.lowering import page_bodies, page_of

    await opened(adapter)
    page = await looked_for(
        adapter,
        lambda _word: page_of(container, arguments.filter, arguments.start, arguments.count),
        "Looking for neighbours",
        "variables",
    )
    return Reply(bodies.VariablesBody(variables=page_bodies(adapter, container.frame, page)))


@handles("locations", Locations, When.LAUNCHED)
def locations(adapter: Adapter, arguments: Locations) -> Reply:
    """Where a neighbour stands in its corpus."""
    found = adapter.locations.get(arguments.location_reference)
    source = bodies.SourceBody(name=os.path.basename(found.path), path=found.path)
    return Reply(bodies.Locations(source=source, line=adapter.counting.line(found.line)))


@handles("evaluate", Evaluate, When.STOPPED, supportsEvaluateForHovers=True, supportsClipboardContext=True)
async def evaluate(adapter: Adapter, arguments: Evaluate) -> Reply:
    """The value of an expression, or in the console a command; nothing else changes anything."""
    from s2sdap.dap.lowering import children_reference
    from s2sdap.debugger.descriptions import plain

    frame = frame_at(adapter, arguments.frame_id)
    console = arguments.context == "repl"
    if is_lookup(arguments.expression):
        return await _looked_up(adapter, frame, arguments.expression)
    if console and is_command(arguments.expression):
        return await command(adapter, frame, arguments.expression)
    session, expression = adapter.need_session(), arguments.expression
    try:
        if asks_training(adapter, expression):
            await opened(adapter)
            looking = f"Looking for the value of {expression[:80]}"
            value = await looked_for(
                adapter, lambda _word: session.evaluate(expression, frame=frame), looking, "evaluate"
            )
        else:
            value = session.evaluate(expression, frame=frame)
    except S2sdapError as error:
        if console and error.name == "expression_syntax":
            refuse_misspelt(arguments.expression)
        raise
    item = plain("", value, expression=arguments.expression)
    reference, named, indexed = children_reference(adapter, frame, item)
    whole = str(value) if arguments.context == "clipboard" else item.value
    return Reply(
        bodies.EvaluateBody(
            result=whole,
            variables_reference=reference,
            type=item.type or None,
            named_variables=named,
            indexed_variables=indexed,
        )
    )


async def _looked_up(adapter: Adapter, frame: "Frame", expression: str) -> Reply:
    """What `neighbors(...)` finds; it changes nothing."""
    from s2sdap.dap.lowering import children_reference, location_reference
    from s2sdap.debugger.neighbors.lookups import parse_lookup
    from s2sdap.debugger.neighbors.telling import looked_up

    lookup = parse_lookup(expression)
    index = await opened(adapter)
    item = await looked_for(
        adapter,
        lambda word: looked_up(index, frame, lookup, expression, word.cancelled, word),
        "Looking for neighbours",
        "evaluate",
    )
    reference, named, indexed = children_reference(adapter, frame, item)
    return Reply(
        bodies.EvaluateBody(
            result=item.value,
            variables_reference=reference,
            type=item.type or None,
            named_variables=named,
            indexed_variables=indexed,
            value_location_reference=location_reference(adapter, item),
        )
    )


@handles("completions", Completions, When.LAUNCHED, supportsCompletionsRequest=True)
def completions(adapter: Adapter, arguments: Completions) -> Reply:
    """The fields and functions that begin like the word before the cursor; commands and what follows them."""
    column = arguments.column - adapter.counting.first_column
    before = arguments.text[: position_of_column(arguments.text, column)]
    end = utf16_length(before)
    targets = [
        bodies.CompletionBody(
            label=each.label,
            text=each.text if each.text != each.label else None,
            type=each.kind,
            detail=each.detail or None,
            start=adapter.counting.column(end - each.length),
            length=each.length,
        )
        for each in offered(before)
    ]
    looked_up = _lookup_completions(adapter, before)
    if looked_up is not None:
        return Reply(bodies.CompletionsBody(targets=looked_up))
    frame = _frame_or_none(adapter, arguments.frame_id)
    return Reply(bodies.CompletionsBody(targets=[*targets, *command_completions(adapter, frame, before)]))


def _lookup_completions(adapter: Adapter, before: str) -> list[bodies.CompletionBody] | None:
    """What may stand in a lookup of neighbours; `None` of any other text."""
    if not is_lookup(before):
        return None
    from s2sdap.debugger.neighbors.lookups import completions as lookup_completions

    end = utf16_length(before)
    return [
        bodies.CompletionBody(
            label=text,
            detail=meaning,
            type="value",
            start=adapter.counting.column(end - length),
            length=length,
        )
        for text, meaning, length in lookup_completions(before)
    ]


def _frame_or_none(adapter: Adapter, frame: int | None) -> "Frame | None":
    """The frame whose tokens and words may be offered; while the decode runs there is none."""
    if adapter.state is not State.STOPPED or adapter.editing:
        return None
    try:
        return frame_at(adapter, frame)
    except S2sdapError:
        return None


@handles("exceptionInfo", Thread, When.STOPPED, supportsExceptionInfoRequest=True)
def exception_info(adapter: Adapter, arguments: Thread) -> Reply:
    """What a watch rule found, in numbers, or how the model failed, with its traceback."""
    stop = adapter.stop
    if stop is None or stop.reason not in (StopReason.RULE, StopReason.ERROR):
        raise S2sdapError("no_exception")
    if stop.finding is not None:
        return Reply(_finding_body(stop.finding))
    error = stop.error
    details = bodies.ExceptionDetails(
        message=stop.text, type_name=error.name if error else None, stack_trace=stop.traceback or None
    )
    return Reply(
        bodies.ExceptionInfoBody(
            exception_id=error.name if error else "error",
            break_mode="always",
            description=stop.text,
            details=details,
        )
    )


def _finding_body(found: Finding) -> bodies.ExceptionInfoBody:
    """The numbers of a finding, and what to look at next."""
    lines: list[str] = []
    if found.token is not None:
        lines.append(
            f"{found.token!r}: p = {found.p:.6f}, rank {found.rank}, entropy {found.entropy:.4f} nats, "
            f"margin {found.margin:.6f}"
        )
    lines += [f"{name} = {value!r}" for name, value in found.numbers]
    if found.best:
        lines.append("likeliest:")
        lines += [f"  {place}. {piece!r} p = {p:.6f}" for place, (piece, p) in enumerate(found.best, 1)]
    lines.append(found.advice)
    details = bodies.ExceptionDetails(message="\n".join(lines), type_name=found.rule)
    return bodies.ExceptionInfoBody(
        exception_id=found.rule, break_mode="always", description=found.text, details=details
    )


FAMILY = (
    threads,
    stack_trace,
    scopes,
    variables,
    locations,
    evaluate,
    completions,
    exception_info,
)
