"""The fields of every choice of a batch as columns, made when a condition asks for them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.corpus.conditions import Numbers, Untold, Vectors, Words, between, numbers, words
from s2sdap.debugger.covering import word_coverage
from s2sdap.debugger.program import Sentence
from s2sdap.decoding.batched.choices import Choices
from s2sdap.decoding.batched.histories import History
from s2sdap.models.contract import Source, TargetVocabulary
from s2sdap.vocabulary.stages import Stage

Column = Numbers | Words | Vectors


class Table:
    """The columns of some choices."""

    def __init__(
        self,
        choices: Choices,
        sentences: Sequence[Sentence],
        sources: Sequence[Source],
        targets: Sequence[TargetVocabulary],
    ) -> None:
        self.choices, self._sentences, self._sources, self._targets = choices, sentences, sources, targets

    def column(self, name: str) -> Column:
        """The values of a field. Raises `Untold`."""
        choices = self.choices
        if name in _MADE:
            return _MADE[name](self)
        if name in ("finished", "ended") and name in choices.columns:
            return words(choices.columns[name])
        if name in choices.columns:
            return numbers(choices.columns[name], choices.errors.get(name))
        raise Untold(name)

    @property
    def _history(self) -> History:
        if self.choices.history is None:
            raise Untold("what came before")
        return self.choices.history

    def _of_sentences(self, values: Sequence[Any]) -> NDArray[Any]:
        return _objects(values)[self.choices.sentence]

    def _line(self) -> Column:
        return numbers(np.asarray([each.line + 1 for each in self._sentences])[self.choices.sentence])

    def _sentence(self) -> Column:
        return numbers(np.asarray([each.index for each in self._sentences])[self.choices.sentence])

    def _reference(self) -> Column:
        return words(self._of_sentences([each.reference for each in self._sentences]))

    def _source(self) -> Column:
        return words(self._of_sentences([[token.piece for token in each.tokens] for each in self._sources]))

    def _unknown_source(self) -> Column:
        unknown = [[token.piece for token in each.tokens if not token.known] for each in self._sources]
        return words(self._of_sentences(unknown))

    def _stage(self) -> Column:
        return words(Stage.SEARCH.value)

    def _not_finite(self) -> Column:
        return words(None)  # a sentence in which something is not is looked at by itself in any case

    def _token(self) -> Column:
        pairs = np.stack((self._owners(), self.choices.columns["token"]))
        unique, inverse = np.unique(pairs, axis=1, return_inverse=True)
        return words(_objects([self._targets[at].piece(token) for at, token in unique.T.tolist()])[inverse])

    def _owners(self) -> NDArray[np.int64]:
        """Of each choice a sentence with the same vocabulary: nearly always that of all, the first."""
        first = next(iter(self._targets), None)
        if all(each is first for each in self._targets):
            return np.zeros_like(self.choices.sentence)
        return self.choices.sentence

    def _unknown(self) -> Column:
        unknown = next((each.unknown for each in self._targets), None)
        return words(self.choices.columns["token"] == unknown)

    def _length(self) -> Column:
        return numbers(self.choices.columns["step"] + 1)

    def _written(self) -> list[tuple[TargetVocabulary, tuple[int, ...]]]:
        history = self._history
        owners = self.choices.sentence.tolist()
        rows = zip(owners, history.tokens.tolist(), history.length.tolist(), strict=True)
        return [(self._targets[at], tuple(tokens[:length])) for at, tokens, length in rows]

    def _output(self) -> Column:
        return words(_objects([target.text(each) for target, each in self._written()]))

    def _tokens(self) -> Column:
        return words(_objects([[target.piece(token) for token in each] for target, each in self._written()]))

    def _repeats(self) -> Column:
        return numbers(self._history.repeats())

    def _focus(self) -> Column:
        history = self._history
        last = history.length - 1
        every = np.arange(len(last))
        focus, sure = history.focus[every, last], history.sure[every, last]
        return between(np.where(sure, focus, 0), np.where(sure, focus, self._widths() - 1))

    def _focus_run(self) -> Column:
        return between(*self._history.focus_runs())

    def _widths(self) -> NDArray[np.int64]:
        return np.asarray([len(each.tokens) for each in self._sources])[self.choices.sentence]

    def _attention(self) -> Column:
        history = self._history
        return Vectors(history.attention, self._widths(), np.full(len(history.length), history.off))

    def _coverage(self) -> Column:
        history = self._history
        return Vectors(history.covered, self._widths(), history.off * history.length)

    def _special_attention(self) -> Column:
        history = self._history
        special = np.zeros((len(self._sources), history.attention.shape[1]))
        for row, source in enumerate(self._sources):
            special[row, [at for at, token in enumerate(source.tokens) if token.span is None]] = 1.0
        mine = special[self.choices.sentence]
        return numbers((history.attention * mine).sum(axis=1), history.off * mine.sum(axis=1))

    def _least_coverage(self) -> Column:
        history = self._history
        rows = zip(self.choices.sentence.tolist(), history.covered.tolist(), strict=True)
        least = [min(word_coverage(self._sources[at], covered), default=np.inf) for at, covered in rows]
        return numbers(np.asarray(least), history.off * history.length * self._widths())


_MADE: Final[dict[str, Callable[[Table], Column]]] = {
    name: getattr(Table, f"_{name}")
    for name in (
        *("line", "sentence", "reference", "source", "unknown_source", "stage", "not_finite", "token"),
        *("unknown", "length", "output", "tokens", "repeats", "focus", "focus_run"),
        *("attention", "coverage", "special_attention", "least_coverage"),
    )
}


def _objects(values: Sequence[Any]) -> NDArray[Any]:
    """One cell a value, whatever it is."""
    cells = np.empty(len(values), object)
    for index, value in enumerate(values):
        cells[index] = value
    return cells
