"""Watch rules: what counts as suspicious in a step. The protocol calls them exception filters.

A rule is a name, a text for people and a condition over the fields of a frame that a person can
replace. It is asked about the leading hypothesis when its token has been chosen.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from s2sdap.debugger.expressions import Expression, compile_expression
from s2sdap.debugger.fields import FIELDS
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class WatchRule:
    """A rule as it is listed: its id, label, what it means and the condition it starts with.

    `needs` are the sites without which it has nothing to look at.
    """

    id: str
    label: str
    meaning: str
    condition: str
    needs: tuple[str, ...] = ()


LOW_CONFIDENCE: Final = WatchRule(
    "lowConfidence",
    "Low confidence",
    "The chosen token's probability is below a threshold.",
    "p < 0.5",
)

WATCH_RULES: Final[dict[str, WatchRule]] = {rule.id: rule for rule in (LOW_CONFIDENCE,)}


def rules_for(known: Collection[str] | None) -> list[WatchRule]:
    """The rules that a model with these sites can be watched by; `None` while it is not known."""
    return [
        rule for rule in WATCH_RULES.values() if known is None or all(site in known for site in rule.needs)
    ]


@dataclass(frozen=True, slots=True)
class ArmedRule:
    """A rule with the condition that is in force."""

    rule: WatchRule
    condition: Expression

    def fires(self, fields: Mapping[str, object]) -> bool:
        """Whether the step is suspicious."""
        return bool(self.condition(fields))


def arm(rule: str, condition: str | None = None) -> ArmedRule:
    """Arm the rule of that id, under its own condition unless another is given."""
    if rule not in WATCH_RULES:
        raise S2sdapError("unknown_watch_rule", rule=rule, known=", ".join(WATCH_RULES))
    found = WATCH_RULES[rule]
    return ArmedRule(found, compile_expression(condition or found.condition, FIELDS))


_WRITTEN = re.compile(r"\s*(\w+)\s*(?:\((.*)\))?\s*", re.DOTALL)


def parse_rule(text: str) -> ArmedRule:
    """A rule as people type it: `lowConfidence`, or `lowConfidence(p < 0.3)`."""
    match = _WRITTEN.fullmatch(text)
    if match is None and "(" in text:
        raise S2sdapError(
            "expression_syntax", column=len(text) + 1, reason="the bracket of the rule is not closed"
        )
    if match is None:
        raise S2sdapError("unknown_watch_rule", rule=text, known=", ".join(WATCH_RULES))
    return arm(match[1], match[2])
