"""What a client asked to stop at, on its way into a session file and out again.

It is kept as it was asked for, lines 0-based, so that another client sees it placed as its own would be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from s2sdap.dap.breakpoints import RequestedBreakpoints
from s2sdap.debugger.program import Program
from s2sdap.debugger.watch_rules import MODEL_ERROR
from s2sdap.models.contract import Described
from s2sdap.protocol.arguments import DataBreakpointAsked, FilterOption, FunctionBreakpoint, SourceBreakpoint

Told = Mapping[str, Sequence[Mapping[str, Any]]]


def told(requested: RequestedBreakpoints) -> dict[str, list[dict[str, Any]]]:
    """Everything that is asked for now."""
    rules = [*requested.rules, *requested.launch_rules]
    lines = [
        {
            **msgspec.to_builtins(each),
            "line": line,
            **({} if column is None else {"column": column}),
            **({} if placed.position is None else {"position": placed.position}),
        }
        for (line, column, each), placed in zip(requested.asked, requested.lines, strict=True)
    ]
    return {
        "lines": lines,
        "stages": [msgspec.to_builtins(each) for each in requested.functions],
        "data": [{"name": each.data_id, **msgspec.to_builtins(each)} for each in requested.values],
        "rules": [
            *({"filterId": each.rule.id, "condition": each.condition.text} for each in rules),
            *([{"filterId": MODEL_ERROR}] if requested.errors else []),
        ],
    }


def ask_again(requested: RequestedBreakpoints, told: Told, program: Program, model: Described) -> None:
    """Ask for what was told; what this release cannot read is left out."""
    lines = _read(told.get("lines", ()), SourceBreakpoint)
    requested.set_lines(program, [(each.line, each.column, each) for each in lines], model)
    requested.set_functions(_read(told.get("stages", ()), FunctionBreakpoint), model)
    requested.set_data(_read(told.get("data", ()), DataBreakpointAsked))
    requested.set_rules((), _read(told.get("rules", ()), FilterOption))


def _read(told: Sequence[Mapping[str, Any]], kind: type[Any]) -> list[Any]:
    out: list[Any] = []
    for each in told:
        try:
            out.append(msgspec.convert(each, kind))
        except msgspec.ValidationError:
            continue
    return out
