"""Where to stop: sentences, source tokens, stages, values that change, and watch rules."""

import os

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.breakpoints import Placed, can_attend, tokens_of
from s2sdap.dap.dispatch import Reply, When, handles
from s2sdap.debugger.breakpoints import watched
from s2sdap.debugger.program import Sentence
from s2sdap.protocol import bodies
from s2sdap.protocol.arguments import (
    BreakpointLocations,
    DataBreakpointInfo,
    SetBreakpoints,
    SetDataBreakpoints,
    SetExceptionBreakpoints,
    SetFunctionBreakpoints,
    SourceBreakpoint,
    SourceRef,
)
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import utf16_column

LOCATIONS = 1000
"""Source tokens that one answer names at most."""


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
    """Where a breakpoint stands, or why it does not.

    A text without a file is left out, as it is what was asked about: VS Code would look for the breakpoint
    at an address that its editor of that text does not have.
    """
    source = None if placed.line is None else adapter.source_body()
    return bodies.BreakpointBody(
        verified=placed.problem is None,
        id=placed.id,
        message=str(placed.problem) if placed.problem else placed.note,
        source=None if source is None or source.path is None else source,
        line=None if placed.line is None else adapter.counting.line(placed.line),
        column=None if placed.column is None else adapter.counting.column(placed.column),
    )


@handles(
    "setBreakpoints",
    SetBreakpoints,
    When.LAUNCHED,
    supportsConditionalBreakpoints=True,
    supportsHitConditionalBreakpoints=True,
    supportsLogPoints=True,
)
def set_breakpoints(adapter: Adapter, arguments: SetBreakpoints) -> Reply:
    """Breakpoints on sentences, and with a column on source tokens.

    One on an empty line moves to the next sentence, one between tokens to the next token.
    """
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
        adapter.need_program(),
        [
            (adapter.counting.own_line(each.line), adapter.counting.own_column(each.column), each)
            for each in asked
        ],
        adapter.known_model,
    )
    adapter.arm()
    return Reply(bodies.Breakpoints(breakpoints=[breakpoint_body(adapter, each) for each in placed]))


@handles("breakpointLocations", BreakpointLocations, When.LAUNCHED, supportsBreakpointLocationsRequest=True)
def breakpoint_locations(adapter: Adapter, arguments: BreakpointLocations) -> Reply:
    """The sentences in a range of lines, and the source tokens of the first of them."""
    found: list[bodies.LocationBody] = []
    if is_program(adapter, arguments.source):
        first = adapter.counting.own_line(arguments.line)
        last = first if arguments.end_line is None else adapter.counting.own_line(arguments.end_line)
        inside = [each for each in adapter.need_program().sentences if first <= each.line <= last]
        found = [bodies.LocationBody(line=adapter.counting.line(each.line)) for each in inside]
        if inside:
            found += _tokens(adapter, inside[0])
    return Reply(bodies.BreakpointLocationsBody(breakpoints=found))


def _tokens(adapter: Adapter, sentence: Sentence) -> list[bodies.LocationBody]:
    """Where source tokens begin and end, once the model is known and if it has attention."""
    model = adapter.known_model
    if model is None or not can_attend(model):
        return []
    line, text = adapter.counting.line(sentence.line), sentence.text
    try:
        tokens = tokens_of(model, text)
    except S2sdapError:  # a line that names a file, say, has none
        return []
    spans = [token.span for token in tokens if token.span is not None][:LOCATIONS]
    return [
        bodies.LocationBody(
            line=line,
            column=adapter.counting.column(utf16_column(text, span.start)),
            end_line=line,
            end_column=adapter.counting.column(utf16_column(text, span.end)),
        )
        for span in spans
    ]


@handles(
    "setFunctionBreakpoints",
    SetFunctionBreakpoints,
    When.LAUNCHED,
    supportsFunctionBreakpoints=True,
)
def set_function_breakpoints(adapter: Adapter, arguments: SetFunctionBreakpoints) -> Reply:
    """Breakpoints on stages; while the model loads, any stage is taken and looked at again after."""
    placed = adapter.requested.set_functions(arguments.breakpoints, adapter.known_model)
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


@handles("dataBreakpointInfo", DataBreakpointInfo, When.LAUNCHED, supportsDataBreakpoints=True)
def data_breakpoint_info(adapter: Adapter, arguments: DataBreakpointInfo) -> Reply:
    """What to watch of a variable, or whether an expression can be watched."""
    name = arguments.name
    try:
        if arguments.variables_reference:
            name = _expression_of(adapter, arguments.variables_reference, arguments.name)
        watched(name)
    except S2sdapError as problem:
        return Reply(bodies.DataBreakpointInfoBody(data_id=None, description=str(problem)))
    description = f"{name}, when it changes from a step to the next"
    return Reply(
        bodies.DataBreakpointInfoBody(
            data_id=name, description=description, access_types=["write"], can_persist=True
        )
    )


def _expression_of(adapter: Adapter, reference: int, name: str) -> str:
    """The expression of a variable. Raises `not_watchable` where it has none."""
    from s2sdap.dap.handlers.editing import child_of

    container = adapter.containers.get(reference)
    if container.slow:
        raise S2sdapError("not_watchable", name=name, reason="no expression stands for it")
    children = container.children()
    item = child_of(children.page, children.count, name)
    if item.expression is None:
        raise S2sdapError("not_watchable", name=name, reason="no expression stands for it")
    return item.expression


@handles("setDataBreakpoints", SetDataBreakpoints, When.LAUNCHED)
def set_data_breakpoints(adapter: Adapter, arguments: SetDataBreakpoints) -> Reply:
    """Breakpoints on values that change."""
    placed = adapter.requested.set_data(arguments.breakpoints)
    adapter.arm()
    return Reply(bodies.Breakpoints(breakpoints=[breakpoint_body(adapter, each) for each in placed]))


FAMILY = (
    set_breakpoints,
    breakpoint_locations,
    set_function_breakpoints,
    set_exception_breakpoints,
    data_breakpoint_info,
    set_data_breakpoints,
)
