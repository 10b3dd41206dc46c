"""Which rules have to be asked at each step of a sentence: those whose condition may come to hold in it.

Without a reference, say, all that a rule about references looks at stays the same: it is asked once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.choice_values import FocusRun
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import OF_SENTENCE
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.records import EncoderRecord, Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

_OF_REFERENCE: Final = frozenset({"reference_token", "reference_rank", "reference_p", "reference_lost"})
_MAY_STAY: Final = OF_SENTENCE | _OF_REFERENCE | {"unknown", "special_attention"}
"""Fields of which some sentence may keep what it has."""


@dataclass(slots=True, eq=False)
class Awake:
    """The rules to ask about the choices of a sentence while `armed` is armed and `encoder` its reading.

    `quick` are their conditions, to be asked first: see `Expression.quick`. `last` is the last focus that
    one of them asked for. `fixed` says of rules, by their place in `armed`, whether they fire where what
    they look at stays what it is in every sentence.
    """

    armed: Armed
    encoder: EncoderRecord
    rules: tuple[ArmedRule, ...]
    quick: tuple[Callable[[FieldValues], object], ...]
    fixed: dict[int, bool]
    last: FocusRun | None = None


def awake(
    armed: Armed, counts: Counts, encoder: EncoderRecord, fields: FieldValues, leader: Hypothesis
) -> Awake:
    """The rules to ask about a choice. What was found out of a sentence is kept while it is at hand.

    `encoder` is what its source was read as: the same record for as long as it decodes.
    """
    known: Awake | None = counts.awake.get(leader.sentence)
    if known is None or known.armed is not armed or known.encoder is not encoder:
        fixed = known.fixed if known is not None and known.armed is armed else {}
        rules = tuple(_awake(armed, fields, fixed))
        known = Awake(armed, encoder, rules, tuple(rule.condition.quick for rule in rules), fixed)
        counts.awake[leader.sentence] = known
    return known


def _awake(armed: Armed, fields: FieldValues, fixed: dict[int, bool]) -> Iterator[ArmedRule]:
    for number, rule in enumerate(armed.asked[Asked.STEP]):
        names = rule.condition.names
        if names <= _MAY_STAY and all(_stays(name, fields.frame) for name in names):
            if names.isdisjoint(OF_SENTENCE):
                fires = fixed.get(number)
                if fires is None:
                    fires = fixed[number] = _fires(rule, fields)
            else:
                fires = _fires(rule, fields)
            if not fires:
                continue
        yield rule


def _fires(rule: ArmedRule, fields: FieldValues) -> bool:
    """Whether it does here; one that cannot be told is asked again, where that is told."""
    try:
        return rule.fires(fields)
    except S2sdapError:
        return True


def _stays(name: str, frame: Frame) -> bool:
    """Whether a field is as it is for as long as the sentence decodes.

    One that is not of the sentence is then the same in every sentence in which it stays.
    """
    if name in _OF_REFERENCE:
        return frame.sentence.reference is None
    if name == "unknown":
        return frame.decode.model.target.unknown is None
    if name == "special_attention":
        spans = all(token.span is not None for token in frame.source.tokens)
        return spans and frame.has(sites.ATTENTION_WEIGHTS)
    return True
