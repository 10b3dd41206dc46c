"""Conditions, log messages and watch rules as they are typed: completion, faults, and what a name means.

Columns are positions of code points in the text.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from s2sdap.debugger.expression_completions import Offered, offered, word_before
from s2sdap.debugger.expressions import FUNCTIONS, compile_expression
from s2sdap.debugger.fields import FIELDS, LOOKUPS
from s2sdap.debugger.hit_counts import parse_hit_count
from s2sdap.debugger.log_messages import parse_log_message
from s2sdap.debugger.watch_rules import WATCH_RULES, parse_rule
from s2sdap.language.notes import Note, refusal
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span


class Kind(StrEnum):
    """What a text is that an editor asks about."""

    CONDITION = "condition"
    LOG = "log"
    HITS = "hits"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the name at `span` of a text means, as Markdown."""

    span: Span
    text: str


_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_RULE: Final = re.compile(r"\s*(\w*)")
_STRING: Final = re.compile(r"\"(?:\\.|[^\"\\])*(?:\"|$)|'(?:\\.|[^'\\])*(?:'|$)")


def fault(text: str, kind: Kind, line: int = 0) -> Note | None:
    """What is wrong with a text, at the place where the trouble starts; `None` where nothing is."""
    readers: dict[Kind, Callable[[str], object]] = {
        Kind.CONDITION: lambda written: compile_expression(written, FIELDS),
        Kind.LOG: parse_log_message,
        Kind.HITS: parse_hit_count,
        Kind.RULE: parse_rule,
    }
    if not text.strip():
        return None
    try:
        readers[kind](text)
    except S2sdapError as error:
        return refusal(line, _span(text, kind, error), error)
    return None


def completions(before: str, kind: Kind) -> list[Offered]:
    """What may stand at the end of `before`, a text up to the cursor."""
    if kind is Kind.HITS or _in_string(before):
        return []
    if kind is Kind.LOG:
        inside = before.rfind("{")
        within = inside >= 0 and "}" not in before[inside:]
        return offered(before[inside + 1 :], lookups=False) if within else []
    if kind is Kind.RULE and "(" not in before:
        word = word_before(before)
        return [
            Offered(
                rule.id,
                f"{rule.id}({rule.condition})",
                "function",
                f"{rule.label}: {rule.meaning}",
                len(word),
            )
            for rule in WATCH_RULES.values()
            if rule.id.startswith(word)
        ]
    return offered(before.partition("(")[2] if kind is Kind.RULE else before, lookups=False)


def meaning(text: str, position: int, kind: Kind = Kind.CONDITION) -> Meaning | None:
    """What the name at a position means; `None` where there is none."""
    for found in _NAME.finditer(text):
        if found.start() <= position <= found.end():
            told = _told(found[0], rule=kind is Kind.RULE and not text[: found.start()].strip())
            return None if told is None else Meaning(Span(*found.span()), told)
    return None


def _told(name: str, *, rule: bool) -> str | None:
    if rule and name in WATCH_RULES:
        found = WATCH_RULES[name]
        return f"**{found.label}** — {found.meaning}\n\nBy default `{found.condition}`. {found.advice}"
    if name in FIELDS:
        return f"`{name}` — {FIELDS[name]}"
    if name in LOOKUPS:
        return f"`{name}(...)` — {LOOKUPS[name]}"
    return f"`{name}(...)` — a function" if name in FUNCTIONS else None


def _span(text: str, kind: Kind, error: S2sdapError) -> Span:
    """From the column of an error to the end of the word there; without a column, all of the text."""
    if error.name == "unknown_watch_rule":
        found = _RULE.match(text)
        return Span(*found.span(1)) if found and found[1] else Span(0, len(text))
    column = error.details.get("column")
    if not isinstance(column, int):
        return Span(0, len(text))
    start = column - 1
    if kind is Kind.RULE and text.rstrip().endswith(")"):  # its condition was read by itself
        start += text.index("(") + 1
    start = min(start, max(0, len(text) - 1))
    word = _NAME.match(text, start)
    return Span(start, word.end() if word else min(len(text), start + 1))


def _in_string(before: str) -> bool:
    """Whether a text ends inside of quotes."""
    strings = list(_STRING.finditer(before))
    last = strings[-1] if strings else None
    return last is not None and last.end() == len(before) and (len(last[0]) == 1 or last[0][-1] != last[0][0])
