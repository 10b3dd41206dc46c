"""Where to stop: sentences, stages and watch rules."""

import os

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.breakpoints import Placed
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import (
    BreakpointLocations,
    SetBreakpoints,
    SetExceptionBreakpoints,
    SetFunctionBreakpoints,
    SourceBreakpoint,
    SourceRef,
)
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def is_program(adapter: Adapter, source: SourceRef) -> bool:
    """Whether a client's source is the program of this session."""
    program = adapter.need_program()
    if program.path is None:
        inline = source.source_reference is not None and adapter.inline_program(source.source_reference)
        return bool(inline) or (not source.path and source.name == program.name)
    return source.path is not None and _same_file(source.path, program.path)


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return os.path.normcase(os.path.abspath(one)) == os.path.normcase(other)


def breakpoint_body(adapter: Adapter, placed: Placed) -> bodies.BreakpointBody:
    """Where a breakpoint stands, or why it does not."""
    return bodies.BreakpointBody(
        verified=placed.problem is None,
        id=placed.id,
        message=str(placed.problem) if placed.problem else None,
        source=adapter.source_body() if placed.line is not None else None,
        line=None if placed.line is None else adapter.client_line(placed.line),
    )


@handles("setBreakpoints", SetBreakpoints, When.LAUNCHED)
def set_breakpoints(adapter: Adapter, arguments: SetBreakpoints) -> Reply:
    """Breakpoints on sentences; one on an empty line moves to the next sentence."""
    asked = arguments.breakpoints or [SourceBreakpoint(line=line) for line in arguments.lines]
    if not is_program(adapter, arguments.source):
        problem = S2sdapError(
            "unknown_source", reference=arguments.source.source_reference, path=arguments.source.path
        )
        other = [
            bodies.BreakpointBody(verified=False, message=str(problem), line=each.line) for each in asked
        ]
        return Reply(bodies.Breakpoints(breakpoints=other))
    placed = adapter.requested.set_lines(
        adapter.need_program(), [(adapter.own_line(each.line), each) for each in asked]
    )
    adapter.arm()
    return Reply(bodies.Breakpoints(breakpoints=[breakpoint_body(adapter, each) for each in placed]))


@handles("breakpointLocations", BreakpointLocations, When.LAUNCHED, supportsBreakpointLocationsRequest=True)
def breakpoint_locations(adapter: Adapter, arguments: BreakpointLocations) -> Reply:
    """The sentences in a range of lines."""
    found: list[bodies.LocationBody] = []
    if is_program(adapter, arguments.source):
        first = adapter.own_line(arguments.line)
        last = first if arguments.end_line is None else adapter.own_line(arguments.end_line)
        found = [
            bodies.LocationBody(line=adapter.client_line(sentence.line))
            for sentence in adapter.need_program().sentences
            if first <= sentence.line <= last
        ]
    return Reply(bodies.BreakpointLocationsBody(breakpoints=found))


@handles("setFunctionBreakpoints", SetFunctionBreakpoints, When.LAUNCHED, supportsFunctionBreakpoints=True)
def set_function_breakpoints(adapter: Adapter, arguments: SetFunctionBreakpoints) -> Reply:
    """Breakpoints on stages; while the model loads, any stage is taken and looked at again after."""
    stages = tuple(Stage) if adapter.session is None else adapter.session.model.layout.stages
    placed = adapter.requested.set_functions(arguments.breakpoints, stages)
    adapter.arm()
    return Reply(bodies.Breakpoints(breakpoints=[breakpoint_body(adapter, each) for each in placed]))


@handles(
    "setExceptionBreakpoints", SetExceptionBreakpoints, When.LAUNCHED, supportsExceptionFilterOptions=True
)
def set_exception_breakpoints(adapter: Adapter, arguments: SetExceptionBreakpoints) -> Reply:
    """The watch rules that are on, each with the person's condition if there is one."""
    problems = adapter.requested.set_rules(arguments.filters, arguments.filter_options)
    adapter.arm()
    return Reply(
        bodies.Breakpoints(
            breakpoints=[
                bodies.BreakpointBody(verified=problem is None, message=str(problem) if problem else None)
                for problem in problems
            ]
        )
    )


FAMILY = (set_breakpoints, breakpoint_locations, set_function_breakpoints, set_exception_breakpoints)
