"""Which sentences of a batch a watch rule may fire on, by the numbers of their choices."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.corpus.conditions import Numbers, Untold, Words, names_in, numbers, possibly, words
from s2sdap.debugger.expressions import FUNCTIONS
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.decoding.batched.choices import COLUMNS, Choices
from s2sdap.models.contract import Source, TargetVocabulary
from s2sdap.vocabulary.stages import Stage

_OF_SENTENCE: Final = ("sentence", "line", "reference", "source", "stage")
TOLD: Final = frozenset((*COLUMNS, *_OF_SENTENCE))
"""Fields that a batch can tell."""


def untold(rules: Iterable[ArmedRule]) -> frozenset[str]:
    """The fields that the rules look at and a batch cannot tell; what is asked of outputs is one."""
    fields: set[str] = set()
    for rule in rules:
        fields |= rule.condition.names
        if rule.rule.asked is not Asked.STEP:
            fields.add("ended")
    return frozenset(fields) - TOLD - frozenset(FUNCTIONS)


def asked(rules: Iterable[ArmedRule]) -> frozenset[str]:
    """The fields that the rules look at."""
    return frozenset().union(*(names_in(rule.condition.text) for rule in rules))


def suspects(
    choices: Choices,
    sentences: Sequence[Sentence],
    sources: Sequence[Source],
    target: TargetVocabulary,
    rules: Iterable[ArmedRule],
) -> NDArray[np.bool_]:
    """Of each sentence whether some rule may fire on it; all of them where that cannot be told."""
    found = np.zeros(len(sentences), np.bool_)
    if not len(choices.sentence):
        return found
    table = _Table(choices, sentences, sources, target)
    for rule in rules:
        try:
            possible = possibly(rule.condition.text, len(choices.sentence), table.column)
        except Untold:
            return np.ones(len(sentences), np.bool_)
        found[choices.sentence[possible]] = True
    return found


class _Table:
    """The fields of every choice, made when a condition asks for them."""

    def __init__(
        self,
        choices: Choices,
        sentences: Sequence[Sentence],
        sources: Sequence[Source],
        target: TargetVocabulary,
    ) -> None:
        self._choices, self._sentences, self._sources, self._target = choices, sentences, sources, target

    def column(self, name: str) -> Numbers | Words:
        """The values of a field. Raises `Untold`."""
        choices = self._choices
        if name == "token":
            ids, inverse = np.unique(choices.columns["token"], return_inverse=True)
            return words(_objects([self._target.piece(int(token)) for token in ids])[inverse])
        if name in choices.columns:
            return numbers(choices.columns[name], choices.errors.get(name))
        match name:
            case "sentence":
                return numbers(np.asarray([each.index for each in self._sentences])[choices.sentence])
            case "line":
                return numbers(np.asarray([each.line + 1 for each in self._sentences])[choices.sentence])
            case "reference":
                return words(_objects([each.reference for each in self._sentences])[choices.sentence])
            case "source":
                pieces = [[token.piece for token in source.tokens] for source in self._sources]
                return words(_objects(pieces)[choices.sentence])
            case "stage":
                return words(Stage.SEARCH.value)
        raise Untold(name)


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    """One cell a value, whatever it is."""
    cells = np.empty(len(values), object)
    cells[:] = [None] * len(values)
    for index, value in enumerate(values):
        cells[index] = value
    return cells
