"""Which rules have to be asked at each step of a sentence: those whose condition may come to hold in it.

Without a reference, say, all that a rule about references looks at stays the same: it is asked once.
"""

from collections.abc import Iterator
from typing import Final

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import OF_SENTENCE
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.records import EncoderRecord, Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

_OF_REFERENCE: Final = frozenset({"reference_token", "reference_rank", "reference_p", "reference_lost"})


def awake(
    armed: Armed, counts: Counts, encoder: EncoderRecord, fields: FieldValues, leader: Hypothesis
) -> tuple[ArmedRule, ...]:
    """The rules to ask about a choice. What was found out of a sentence is kept while it is at hand.

    `encoder` is what its source was read as: the same record for as long as it decodes.
    """
    if not armed.rules:
        return ()
    known = counts.asleep.get(leader.sentence)
    if known is not None and known[0] is armed and known[1] is encoder:
        rules: tuple[ArmedRule, ...] = known[2]
        return rules
    rules = tuple(_awake(armed, fields))
    counts.asleep[leader.sentence] = (armed, encoder, rules)
    return rules


def _awake(armed: Armed, fields: FieldValues) -> Iterator[ArmedRule]:
    still = _still(fields.frame)
    for rule in armed.rules:
        if rule.rule.asked is Asked.STEP and (not rule.condition.names <= still or _fires(rule, fields)):
            yield rule


def _fires(rule: ArmedRule, fields: FieldValues) -> bool:
    """Whether it does here; one that cannot be told is asked again, where that is told."""
    try:
        return rule.fires(fields)
    except S2sdapError:
        return True


def _still(frame: Frame) -> frozenset[str]:
    """The fields that stay as they are for as long as the sentence decodes."""
    still = set(OF_SENTENCE)
    if frame.sentence.reference is None:
        still |= _OF_REFERENCE
    if frame.decode.model.target.unknown is None:
        still.add("unknown")
    attends = frame.has(sites.ATTENTION_WEIGHTS)
    if attends and all(token.span is not None for token in frame.source.tokens):
        still.add("special_attention")
    return frozenset(still)
