"""Bodies of the protocol's responses and events that the adapter sends."""

from typing import Any

import msgspec

from s2sdap.protocol.arguments import Arguments as _Camel


class SourceBody(_Camel):
    """A `Source`: the program, as a file or as a virtual document."""

    name: str
    path: str | None = None
    source_reference: int | None = None
    origin: str | None = None


class BreakpointBody(_Camel):
    """A `Breakpoint` as it was placed; where it was not, `message` says why."""

    verified: bool
    id: int | None = None
    message: str | None = None
    source: SourceBody | None = None
    line: int | None = None
    column: int | None = None


class Breakpoints(_Camel):
    """Answer to every request that sets breakpoints."""

    breakpoints: list[BreakpointBody]


class DataBreakpointInfoBody(_Camel):
    """Answer to `dataBreakpointInfo`; where `data_id` is null, `description` says why."""

    data_id: str | None
    description: str
    access_types: list[str] | None = None
    can_persist: bool | None = None


class LocationBody(_Camel):
    """A place where a breakpoint can be."""

    line: int
    column: int | None = None
    end_line: int | None = None
    end_column: int | None = None


class BreakpointLocationsBody(_Camel):
    """Answer to `breakpointLocations`."""

    breakpoints: list[LocationBody]


class ThreadBody(_Camel):
    """A live hypothesis."""

    id: int
    name: str


class Threads(_Camel):
    """Answer to `threads`."""

    threads: list[ThreadBody]


class FrameBody(_Camel):
    """A `StackFrame`."""

    id: int
    name: str
    line: int
    column: int
    source: SourceBody | None = None
    end_line: int | None = None
    end_column: int | None = None
    presentation_hint: str | None = None


class StackTraceBody(_Camel):
    """Answer to `stackTrace`; `total_frames` lets a client page."""

    stack_frames: list[FrameBody]
    total_frames: int


class ScopeBody(_Camel):
    """A group of variables of a frame."""

    name: str
    variables_reference: int
    expensive: bool
    presentation_hint: str | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class ScopesBody(_Camel):
    """Answer to `scopes`."""

    scopes: list[ScopeBody]


class PresentationHint(_Camel):
    """How a variable may be shown."""

    kind: str | None = None
    attributes: list[str] | None = None


class VariableBody(_Camel):
    """A `Variable`."""

    name: str
    value: str
    variables_reference: int
    type: str | None = None
    evaluate_name: str | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None
    presentation_hint: PresentationHint | None = None
    declaration_location_reference: int | None = None
    memory_reference: str | None = None
    menu: str | None = msgspec.field(name="__vscodeVariableMenuContext", default=None)
    """VS Code's own word for what its menus go by."""


class VariablesBody(_Camel):
    """Answer to `variables`."""

    variables: list[VariableBody]


class SetVariableBody(_Camel):
    """Answer to `setVariable`."""

    value: str
    type: str | None = None
    variables_reference: int | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class SetExpressionBody(_Camel):
    """Answer to `setExpression`."""

    value: str
    type: str | None = None
    variables_reference: int | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None


class ReadMemoryBody(_Camel):
    """Answer to `readMemory`: `data` in base64."""

    address: str
    data: str | None = None
    unreadable_bytes: int | None = None


class WriteMemoryBody(_Camel):
    """Answer to `writeMemory`."""

    bytes_written: int


class EvaluateBody(_Camel):
    """Answer to `evaluate`."""

    result: str
    variables_reference: int
    type: str | None = None
    named_variables: int | None = None
    indexed_variables: int | None = None
    value_location_reference: int | None = None


class Locations(_Camel):
    """Answer to `locations`: where something is declared."""

    source: SourceBody
    line: int
    column: int | None = None


class StartDebugging(_Camel):
    """Arguments of the reverse request `startDebugging`."""

    request: str
    configuration: dict[str, Any]


class CompletionBody(_Camel):
    """One completion."""

    label: str
    text: str | None = None
    type: str | None = None
    detail: str | None = None
    start: int | None = None
    length: int | None = None


class CompletionsBody(_Camel):
    """Answer to `completions`."""

    targets: list[CompletionBody]


class SourceText(_Camel):
    """Answer to `source`."""

    content: str
    mime_type: str | None = None


class LoadedSources(_Camel):
    """Answer to `loadedSources`."""

    sources: list[SourceBody]


class ContinueBody(_Camel):
    """Answer to `continue`: all hypotheses go on together."""

    all_threads_continued: bool | None = None


class ExceptionDetails(_Camel):
    """Numbers and traceback of a stop at a rule or a failure."""

    message: str | None = None
    type_name: str | None = None
    stack_trace: str | None = None


class ExceptionInfoBody(_Camel):
    """Answer to `exceptionInfo`."""

    exception_id: str
    break_mode: str
    description: str | None = None
    details: ExceptionDetails | None = None


class Stopped(_Camel):
    """Event `stopped`."""

    reason: str
    description: str | None = None
    thread_id: int | None = None
    text: str | None = None
    all_threads_stopped: bool | None = None
    hit_breakpoint_ids: list[int] | None = None


class Continued(_Camel):
    """Event `continued`."""

    thread_id: int
    all_threads_continued: bool | None = None


class ThreadEvent(_Camel):
    """Event `thread`."""

    reason: str
    thread_id: int


class Output(_Camel):
    """Event `output`."""

    output: str
    category: str | None = None
    source: SourceBody | None = None
    line: int | None = None
    data: Any = None


class Exited(_Camel):
    """Event `exited`."""

    exit_code: int


class ProgressStart(_Camel):
    """Event `progressStart`."""

    progress_id: str
    title: str
    cancellable: bool | None = None
    message: str | None = None
    percentage: float | None = None


class ProgressUpdate(_Camel):
    """Event `progressUpdate`."""

    progress_id: str
    message: str | None = None
    percentage: float | None = None


class ProgressEnd(_Camel):
    """Event `progressEnd`."""

    progress_id: str
    message: str | None = None


class GotoTargetBody(_Camel):
    """A step that one can go to."""

    id: int
    label: str
    line: int


class GotoTargetsBody(_Camel):
    """Answer to `gotoTargets`."""

    targets: list[GotoTargetBody]


class Invalidated(_Camel):
    """Event `invalidated`."""

    areas: list[str] | None = None
    thread_id: int | None = None


class BreakpointEvent(_Camel):
    """Event `breakpoint`."""

    reason: str
    breakpoint: BreakpointBody


class LoadedSourceEvent(_Camel):
    """Event `loadedSource`."""

    reason: str
    source: SourceBody


class Capabilities(_Camel):
    """Event `capabilities`: what changed once the model was known."""

    capabilities: dict[str, Any]
