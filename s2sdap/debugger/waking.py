"""Which rules have to be asked at each step of a sentence: those whose condition may come to hold in it.

Without a reference, say, all that a rule about references looks at stays the same: it is asked once, and
not again in any sentence that has none either.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.choice_values import FocusRun
from s2sdap.debugger.counting import Counts
from s2sdap.debugger.field_values import FieldValues
from s2sdap.debugger.fields import OF_SENTENCE
from s2sdap.debugger.timeline import Timeline
from s2sdap.debugger.walk import Walk
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.records import EncoderRecord, Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

_OF_REFERENCE: Final = frozenset({"reference_token", "reference_rank", "reference_p", "reference_lost"})

Staying = frozenset[str]
"""Fields that are as they are for as long as a sentence decodes, and the same in each where they stay."""
Conditions = tuple[Callable[[FieldValues], object], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rules:
    """Rules to ask, and their conditions to be asked first: see `Expression.quick`.

    Of a token that is as likely as `sure_from` it is enough to ask the conditions `of_sure`.
    """

    rules: tuple[ArmedRule, ...]
    conditions: Conditions
    of_sure: Conditions
    sure_from: float

    @classmethod
    def of(cls, rules: tuple[ArmedRule, ...]) -> "Rules":
        """These rules."""
        asked = [rule.condition for rule in rules]
        telling = [each.sure_from for each in asked if each.sure_from <= 1.0]
        of_sure = tuple(each.quick for each in asked if each.sure_from > 1.0)
        return cls(rules, tuple(each.quick for each in asked), of_sure, max(telling, default=0.0))


@dataclass(slots=True, eq=False)
class Awake:
    """The rules to ask about the choices of a sentence while `armed` is armed and `encoder` its reading.

    `last` is the last focus that one of them asked for. `alike` are the rules for each set of fields that
    stayed in a sentence before, if no rule looks at the sentence itself.
    """

    armed: Armed
    encoder: EncoderRecord
    rules: Rules
    alike: dict[Staying, Rules]
    last: FocusRun | None = None


def awake(walk: Walk, armed: Armed, counts: Counts, fields: FieldValues, leader: Hypothesis) -> Awake:
    """The rules to ask about a choice. What was found out of a sentence is kept while it is at hand."""
    timeline = walk.timeline
    encoder = timeline.branch.encoder  # the same record for as long as the sentence decodes
    known: Awake | None = counts.awake.get(leader.sentence)
    if known is None or known.armed is not armed or known.encoder is not encoder:
        alike = known.alike if known is not None and known.armed is armed else {}
        staying = _staying(timeline, leader)
        found = alike.get(staying)
        if found is None:
            found = Rules.of(tuple(_awake(armed, fields, staying)))
            if all(rule.condition.names.isdisjoint(OF_SENTENCE) for rule in armed.asked[Asked.STEP]):
                alike[staying] = found
        known = Awake(armed, encoder, found, alike)
        counts.awake[leader.sentence] = known
    return known


def _awake(armed: Armed, fields: FieldValues, staying: Staying) -> Iterator[ArmedRule]:
    """Those that look at more than what stays, or fire already; what cannot be told is told later."""
    for rule in armed.asked[Asked.STEP]:
        if rule.condition.names <= staying | OF_SENTENCE:
            try:
                if not rule.fires(fields):
                    continue
            except S2sdapError:
                pass
        yield rule


def _staying(timeline: Timeline, leader: Hypothesis) -> Staying:
    """What stays in a sentence."""
    branch = timeline.branch
    found = _OF_REFERENCE if timeline.sentence.reference is None else frozenset()
    if branch.plan.model.target.unknown is None:
        found |= {"unknown"}
    source, _ = branch.encoder.of(leader.sentence)
    attends = sites.ATTENTION_WEIGHTS in branch.records[leader.step].sites
    if attends and None not in [token.span for token in source.tokens]:
        found |= {"special_attention"}
    return found
