"""What a session stops at, as its file holds it: what was asked for, in words that can be armed again."""

from collections.abc import Mapping, Sequence
from typing import Any

from s2sdap.debugger.breakpoints import Armed, SentenceBreakpoint, StageBreakpoint, stage_named
from s2sdap.debugger.watch_rules import ArmedRule, arm
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


def tell_armed(armed: Armed) -> dict[str, list[dict[str, Any]]]:
    """`lines` (0-based), `stages` by name, and `rules` with the conditions in force."""
    return {
        "lines": [{"line": line} for line, ids in armed.sentences.items() for _ in ids],
        "stages": [{"name": stage.value} for stage, ids in armed.stages.items() for _ in ids],
        "rules": [{"filterId": each.rule.id, "condition": each.condition.text} for each in armed.rules],
    }


def armed_of(told: Mapping[str, Sequence[Mapping[str, Any]]], stages: Sequence[Stage]) -> Armed:
    """Arm what was told. What this release cannot arm is left out."""
    lines = [
        SentenceBreakpoint(number, each["line"])
        for number, each in enumerate(told.get("lines", ()), start=1)
        if isinstance(each.get("line"), int)
    ]
    named: list[StageBreakpoint] = []
    for number, each in enumerate(told.get("stages", ()), start=len(lines) + 1):
        try:
            named.append(StageBreakpoint(number, stage_named(str(each.get("name")), stages)))
        except S2sdapError:
            continue
    rules: list[ArmedRule] = []
    for each in told.get("rules", ()):
        try:
            condition = each.get("condition")
            rules.append(arm(str(each.get("filterId")), None if condition is None else str(condition)))
        except S2sdapError:
            continue
    return Armed.of(lines, named, rules)
