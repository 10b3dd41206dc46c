"""Which sentences of a batch a watch rule may fire on, by the numbers of their choices."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.corpus.conditions import Untold, possibly
from s2sdap.debugger.corpus.tables import Table
from s2sdap.debugger.expressions import FUNCTIONS
from s2sdap.debugger.fields import OF_SENTENCE
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.batched.choices import NUMBERS, OF_ATTENTION, OF_PROBES, OF_TOKENS, Choices, Looked
from s2sdap.models.contract import Source, TargetVocabulary
from s2sdap.vocabulary.errors import S2sdapError

_OF_CHOICES: Final = frozenset(
    (*NUMBERS, *OF_SENTENCE, *("stage", "length", "unknown", "finished", "ended", OF_PROBES), *OF_TOKENS)
)
_OF_ROWS: Final = frozenset({"entropy", "margin", "rank", "ended"})
"""What is not known any more when a sentence has ended."""


def untold(rule: ArmedRule, *, attends: bool) -> frozenset[str]:
    """The fields that a rule looks at and a batch of our own search cannot tell.

    `attends` says that the model has attention.
    """
    told = _OF_CHOICES | frozenset(OF_ATTENTION if attends else ())
    match rule.rule.asked:
        case Asked.SOURCE:
            told = OF_SENTENCE
        case Asked.END:
            told = told - _OF_ROWS
        case Asked.STEP:
            pass
    return rule.condition.names - told - frozenset(FUNCTIONS)


def by_rows(rule: ArmedRule) -> bool:
    """Whether a rule needs no more than rows of log-probs, or nothing but the source."""
    numbers = frozenset((*NUMBERS, *OF_SENTENCE, "stage", *FUNCTIONS))
    match rule.rule.asked:
        case Asked.SOURCE:
            return not untold(rule, attends=False)
        case Asked.END:
            return False
        case Asked.STEP:
            return rule.condition.names <= numbers


def looked(rules: Iterable[ArmedRule]) -> Looked:
    """The fields that the rules look at, by when they are asked."""
    fields: dict[Asked, frozenset[str]] = {}
    for rule in rules:
        fields[rule.rule.asked] = fields.get(rule.rule.asked, frozenset()) | rule.condition.names
    return Looked(fields.get(Asked.STEP), fields.get(Asked.END))


def suspects(
    choices: Choices,
    ends: Choices | None,
    sentences: Sequence[Sentence],
    sources: Sequence[Source],
    targets: Sequence[TargetVocabulary],
    rules: Iterable[ArmedRule],
) -> NDArray[np.bool_]:
    """Of each sentence whether some rule may fire on it; all of them where that cannot be told."""
    found = np.zeros(len(sentences), np.bool_)
    tables = {
        Asked.STEP: Table(choices, sentences, sources, targets),
        Asked.END: Table(ends or Choices.none(), sentences, sources, targets),
    }
    for rule in rules:
        if rule.rule.asked is Asked.SOURCE:
            found |= [_of_source(rule, *each) for each in zip(sentences, sources, strict=True)]
            continue
        table = tables[rule.rule.asked]
        owners = table.choices.sentence
        if not len(owners):
            continue
        try:
            possible = possibly(rule.condition.text, len(owners), table.column)
        except Untold:
            return np.ones(len(sentences), np.bool_)
        found[owners[possible]] = True
    return found


def _of_source(rule: ArmedRule, sentence: Sentence, source: Source) -> bool:
    """Whether a rule fires on a source, which no batch changes; where it cannot be told it may."""
    fields = {
        "sentence": sentence.index,
        "line": sentence.line + 1,
        "reference": sentence.reference,
        "source": [token.piece for token in source.tokens],
        "unknown_source": [token.piece for token in source.tokens if not token.known],
    }
    try:
        return rule.fires(fields)
    except S2sdapError:
        return True
