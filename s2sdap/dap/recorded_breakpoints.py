"""What a client asked to stop at, on its way into a session file and out again.

It is kept as it was asked for, lines 0-based, so that another client sees it placed as its own would be.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from s2sdap.dap.breakpoints import RequestedBreakpoints
from s2sdap.debugger.program import Program
from s2sdap.protocol.arguments import FilterOption, FunctionBreakpoint, SourceBreakpoint
from s2sdap.vocabulary.stages import Stage

Told = Mapping[str, Sequence[Mapping[str, Any]]]


def told(requested: RequestedBreakpoints) -> dict[str, list[dict[str, Any]]]:
    """Everything that is asked for now."""
    rules = [*requested.rules, *requested.launch_rules]
    return {
        "lines": [{**msgspec.to_builtins(each), "line": line} for line, each in requested.asked],
        "stages": [msgspec.to_builtins(each) for each in requested.functions],
        "rules": [{"filterId": each.rule.id, "condition": each.condition.text} for each in rules],
    }


def ask_again(requested: RequestedBreakpoints, told: Told, program: Program, stages: Sequence[Stage]) -> None:
    """Ask for what was told; what this release cannot read is left out."""
    lines = _read(told.get("lines", ()), SourceBreakpoint)
    requested.set_lines(program, [(each.line, each) for each in lines])
    requested.set_functions(_read(told.get("stages", ()), FunctionBreakpoint), stages)
    requested.set_rules((), _read(told.get("rules", ()), FilterOption))


def _read(told: Sequence[Mapping[str, Any]], kind: type[Any]) -> list[Any]:
    out: list[Any] = []
    for each in told:
        try:
            out.append(msgspec.convert(each, kind))
        except msgspec.ValidationError:
            continue
    return out
