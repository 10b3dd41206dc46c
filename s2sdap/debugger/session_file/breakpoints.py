"""What a session stops at, as its file holds it: what was asked for, in words that can be armed again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from s2sdap.debugger.breakpoints import (
    Armed,
    DataBreakpoint,
    Extras,
    SentenceBreakpoint,
    StageBreakpoint,
    TokenBreakpoint,
    extras,
    watched,
)
from s2sdap.debugger.stage_places import parse_stage_place
from s2sdap.debugger.watch_rules import arm
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")
Told = dict[str, Any]


def tell_armed(armed: Armed) -> dict[str, list[Told]]:
    """`lines` (0-based; on a source token with its `position`), `stages` as written, `data`, and `rules`."""
    return {
        "lines": [
            *(
                {"line": each.line, **_extras(each.extras)}
                for some in armed.sentences.values()
                for each in some
            ),
            *(
                {"line": each.line, "position": each.position, **_extras(each.extras)}
                for some in armed.tokens.values()
                for each in some
            ),
        ],
        "stages": [
            {"name": str(each.place), **_extras(each.extras)}
            for some in armed.stages.values()
            for each in some
        ],
        "data": [{"name": each.text, **_extras(each.extras)} for each in armed.data],
        "rules": [{"filterId": each.rule.id, "condition": each.condition.text} for each in armed.rules],
    }


def armed_of(told: Mapping[str, Sequence[Mapping[str, Any]]], model: Described) -> Armed:
    """Arm what was told. What this release cannot arm is left out."""
    numbers = iter(range(1, 1_000_000))
    return Armed.of(
        _made(
            [each for each in told.get("lines", ()) if "position" not in each],
            lambda each: SentenceBreakpoint(next(numbers), int(each["line"]), _read(each)),
        ),
        _made(
            told.get("stages", ()),
            lambda each: StageBreakpoint(
                next(numbers), parse_stage_place(str(each["name"]), model), _read(each)
            ),
        ),
        _made(told.get("rules", ()), lambda each: arm(str(each["filterId"]), _text(each, "condition"))),
        tokens=_made(
            [each for each in told.get("lines", ()) if "position" in each],
            lambda each: TokenBreakpoint(
                next(numbers), int(each["line"]), int(each["position"]), _read(each)
            ),
        ),
        data=_made(
            told.get("data", ()),
            lambda each: DataBreakpoint(next(numbers), watched(str(each["name"])), _read(each)),
        ),
    )


def _made(told: Sequence[Mapping[str, Any]], make: Callable[[Mapping[str, Any]], T]) -> list[T]:
    out: list[T] = []
    for each in told:
        try:
            out.append(make(each))
        except (S2sdapError, KeyError, TypeError, ValueError):
            continue
    return out


def _extras(more: Extras) -> Told:
    written = {
        "condition": None if more.condition is None else more.condition.text,
        "hitCondition": None if more.hits is None else str(more.hits),
        "logMessage": None if more.log is None else more.log.written,
    }
    return {name: text for name, text in written.items() if text is not None}


def _read(told: Mapping[str, Any]) -> Extras:
    return extras(_text(told, "condition"), _text(told, "hitCondition"), _text(told, "logMessage"))


def _text(told: Mapping[str, Any], name: str) -> str | None:
    value = told.get(name)
    return None if value is None else str(value)
