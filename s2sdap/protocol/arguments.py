"""Arguments of the protocol's requests that the adapter answers. Unknown fields are let be."""

from typing import Annotated

import msgspec
from msgspec import Meta

Whole = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
"""A whole number that goes back to the client, and so must be one to JavaScript too."""


class Arguments(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What all arguments have in common: camel case, absent fields are the default."""


class Nothing(Arguments):
    """No arguments."""


class Initialize(Arguments):
    """`initialize`: what the client is and can do."""

    adapter_id: str = msgspec.field(name="adapterID")
    client_id: str | None = msgspec.field(name="clientID", default=None)
    client_name: str | None = None
    locale: str | None = None
    lines_start_at1: bool = True
    columns_start_at1: bool = True
    path_format: str | None = None
    supports_variable_type: bool = False
    supports_variable_paging: bool = False
    supports_progress_reporting: bool = False
    supports_invalidated_event: bool = False
    supports_start_debugging_request: bool = False


class SourceRef(Arguments):
    """A source, named by a path or, where it has none, by a reference."""

    name: str | None = None
    path: str | None = None
    source_reference: int | None = None


class SourceBreakpoint(Arguments):
    """A breakpoint on a line."""

    line: Whole
    column: Whole | None = None
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None


class SetBreakpoints(Arguments):
    """`setBreakpoints`: all breakpoints of one source."""

    source: SourceRef
    breakpoints: list[SourceBreakpoint] = []
    lines: list[Whole] = []


class BreakpointLocations(Arguments):
    """`breakpointLocations`: where in a range of lines a breakpoint can be."""

    source: SourceRef
    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


class FunctionBreakpoint(Arguments):
    """A breakpoint on a stage."""

    name: str
    condition: str | None = None
    hit_condition: str | None = None


class SetFunctionBreakpoints(Arguments):
    """`setFunctionBreakpoints`: all breakpoints on stages."""

    breakpoints: list[FunctionBreakpoint]


class DataBreakpointInfo(Arguments):
    """`dataBreakpointInfo`: a variable by its name in a container, or an expression."""

    name: str
    variables_reference: int | None = None
    frame_id: int | None = None
    bytes: int | None = None
    as_address: bool = False
    mode: str | None = None


class DataBreakpointAsked(Arguments):
    """A breakpoint on a value: `data_id` is the expression that is watched."""

    data_id: str
    access_type: str | None = None
    condition: str | None = None
    hit_condition: str | None = None


class SetDataBreakpoints(Arguments):
    """`setDataBreakpoints`: all breakpoints on values."""

    breakpoints: list[DataBreakpointAsked]


class FilterOption(Arguments):
    """A watch rule with the person's own condition."""

    filter_id: str
    condition: str | None = None


class SetExceptionBreakpoints(Arguments):
    """`setExceptionBreakpoints`: the watch rules that are on."""

    filters: list[str]
    filter_options: list[FilterOption] = []


class Thread(Arguments):
    """Requests about one hypothesis: `continue`, `pause`, `exceptionInfo` and the like."""

    thread_id: int


class Step(Thread):
    """`next`, `stepIn`, `stepOut`, `stepBack`; at instruction granularity by stages, `stepIn` by parts."""

    granularity: str = "statement"


class StackTrace(Thread):
    """`stackTrace`: a page of frames; 0 levels is all."""

    start_frame: int = 0
    levels: int = 0


class Scopes(Arguments):
    """`scopes` of a frame."""

    frame_id: int


class Variables(Arguments):
    """`variables`: a page of children."""

    variables_reference: int
    filter: str | None = None
    start: int = 0
    count: int = 0


class Locations(Arguments):
    """`locations`: where a variable or a value is declared."""

    location_reference: int


class GotoTargets(Arguments):
    """`gotoTargets`: where one can go to from a line."""

    source: SourceRef
    line: Whole
    column: Whole | None = None


class Goto(Thread):
    """`goto` one of the targets."""

    target_id: int


class RestartFrame(Arguments):
    """`restartFrame`: to where a frame begins."""

    frame_id: int


class SetVariable(Arguments):
    """`setVariable`: an edit."""

    variables_reference: int
    name: str
    value: str


class SetExpression(Arguments):
    """`setExpression`: the same for what an expression names."""

    expression: str
    value: str
    frame_id: int | None = None


class ReadMemory(Arguments):
    """`readMemory`: bytes of a tensor."""

    memory_reference: str
    count: Whole
    offset: int = 0


class WriteMemory(Arguments):
    """`writeMemory`: `data`, in base64, into a tensor. All of it or none is written."""

    memory_reference: str
    data: str
    offset: int = 0
    allow_partial: bool = False


class Evaluate(Arguments):
    """`evaluate` an expression."""

    expression: str
    frame_id: int | None = None
    context: str = "watch"


class Completions(Arguments):
    """`completions` at a column of a text."""

    text: str
    column: int
    line: int = 1
    frame_id: int | None = None


class Source(Arguments):
    """`source`: the text of a source that has no file."""

    source_reference: int
    source: SourceRef | None = None


class Cancel(Arguments):
    """`cancel` a request or what a progress report is about."""

    request_id: int | None = None
    progress_id: str | None = None


class Restart(Arguments):
    """`restart`: with new launch arguments if there are any."""

    arguments: msgspec.Raw = msgspec.Raw(b"null")


class Disconnect(Arguments):
    """`disconnect` and `terminate`."""

    restart: bool = False
    terminate_debuggee: bool | None = None
