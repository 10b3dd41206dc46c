"""What a watch rule found, in numbers."""

import math
from dataclasses import replace

from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.stops import Finding
from s2sdap.debugger.watch_rules import ArmedRule, Asked

BEST = 5
"""Likeliest tokens that are told of a finding."""


def finding_of(rule: ArmedRule, fields: FieldValues, frame: Frame | None) -> Finding:
    """The finding of a rule that fired; `frame` is that of the choice, `None` before any."""
    found = Finding(
        rule=rule.rule.id,
        condition=rule.condition.text,
        numbers=tuple((name, fields[name]) for name in rule.rule.numbers),
        advice=rule.rule.advice,
    )
    # Without an encoder the source is asked about at the first step, and is no more of that step.
    if rule.rule.asked is not Asked.SOURCE and fields["step"] >= 0:
        found = replace(found, step=fields["step"], hypothesis=fields["hypothesis"])
    if frame is None:
        return found
    best = tuple((frame.piece(token), math.exp(logprob)) for token, logprob in frame.top_tokens(BEST))
    return replace(
        found,
        token=fields["token"],
        p=fields["p"],
        entropy=fields["entropy"],
        margin=fields["margin"],
        rank=fields["rank"],
        best=best,
    )
