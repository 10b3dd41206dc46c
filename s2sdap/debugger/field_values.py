"""The values of the fields of an expression at a frame, each computed when it is first asked for."""

import math
from collections.abc import Callable
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.debugger import measures
from s2sdap.debugger.covering import word_coverage
from s2sdap.debugger.fields import FIELDS, LOOKUPS
from s2sdap.debugger.finiteness import first_not_finite
from s2sdap.debugger.frames import Frame, no_index
from s2sdap.debugger.references import ReferencePath
from s2sdap.debugger.repeating import repeats
from s2sdap.debugger.tokens import resolve_token
from s2sdap.decoding.records import Hypothesis
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

Numbers = NDArray[np.floating]

_ROW: Final = "the row of log-probs"
_NUMBERS: Final = "its numbers"
_PATH: Final = "where the reference stands"
_NEAREST: Final = "the nearest training state"
"""What several fields look at is found once, as a field is, under what no expression can say."""


class FieldValues(dict[str, Any]):
    """The fields of a frame: a dictionary that fills itself as they are asked for.

    `layer` and `head` narrow what `attention`, `focus` and their like look at.
    """

    __slots__ = ("_chosen", "_head", "_layer", "_made")

    def __init__(
        self,
        frame: Frame | Callable[[], Frame],
        chosen: Hypothesis | None = None,
        *,
        layer: int | None = None,
        head: int | None = None,
    ) -> None:
        """The fields of a frame, or of one that `frame` makes when a field needs it.

        The second is for a run, which asks about the hypothesis `chosen`.
        """
        self._made = frame
        self._chosen = chosen
        self._layer = layer
        self._head = head

    def __missing__(self, name: str) -> Any:
        value = self[name] = _READERS[name](self)
        return value

    @property
    def frame(self) -> Frame:
        """The frame, made if it was not needed yet."""
        made = self._made
        if not isinstance(made, Frame):
            made = self._made = made()
        return made

    def _row(self) -> Tensor:
        return self.frame.site(sites.PREDICTION_LOGPROBS)

    def _numbers(self) -> Numbers:
        return measures.plain(self[_ROW])

    def _path(self) -> ReferencePath:
        return ReferencePath.of(self.frame)

    def _token(self) -> str:
        return self.frame.piece(self.frame.token)

    def _p(self) -> float:
        return math.exp(self._logp())

    def _logp(self) -> float:
        return self.frame.logprob if self._chosen is None else self._chosen.logprob

    def _rank(self) -> int:
        return measures.rank(self[_NUMBERS], self.frame.token)

    def _best(self) -> str:
        return self.frame.piece(int(self[_ROW].argmax()))

    def _entropy(self) -> float:
        return measures.entropy(self[_NUMBERS])

    def _margin(self) -> float:
        return measures.margin(self[_NUMBERS])

    def _step(self) -> int:
        return self.frame.step

    def _stage(self) -> str:
        return self.frame.stage.value

    def _sentence(self) -> int:
        return self.frame.sentence.index

    def _line(self) -> int:
        return self.frame.sentence.line + 1

    def _hypothesis(self) -> int:
        return self.frame.hypothesis.id

    def _score(self) -> float:
        return self.frame.hypothesis.score

    def _output(self) -> str:
        return self.frame.decode.model.target.text(self.frame.hypothesis.tokens)

    def _source(self) -> list[str]:
        return [token.piece for token in self.frame.source.tokens]

    def _tokens(self) -> list[str]:
        return [self.frame.piece(token) for token in self.frame.hypothesis.tokens]

    def _attention(self) -> list[float]:
        return self._floats(self.frame.attention(self._layer, self._head))

    def _focus(self) -> int | None:
        return self.frame.focus(self._layer, self._head)

    def _focus_run(self) -> int:
        return self.frame.focus_run(self._layer, self._head)

    def _special_attention(self) -> float:
        special = [at for at, token in enumerate(self.frame.source.tokens) if token.span is None]
        return float(self.frame.attention(self._layer, self._head)[special].sum()) if special else 0.0

    def _covered(self) -> Tensor:
        if sites.ATTENTION_WEIGHTS not in self.frame.decode.model.layout.sites:
            raise S2sdapError("no_such_site", site=sites.ATTENTION_WEIGHTS)
        return self.frame.attention_matrix(self._layer, self._head).sum(dim=0)

    def _coverage(self) -> list[float]:
        return self._floats(self._covered())

    def _least_coverage(self) -> float:
        return min(word_coverage(self.frame.source, self._floats(self._covered())), default=math.inf)

    def _reference(self) -> str | None:
        return self.frame.sentence.reference

    def _reference_token(self) -> str | None:
        token = self[_PATH].token
        return None if token is None else self.frame.piece(token)

    def _reference_rank(self) -> int:
        token = self[_PATH].token
        return -1 if token is None else measures.rank(self[_NUMBERS], token)

    def _reference_p(self) -> float:
        token = self[_PATH].token
        return -1.0 if token is None else math.exp(float(self[_ROW][token]))

    def _reference_lost(self) -> bool:
        return bool(self[_PATH].lost)

    def _not_finite(self) -> str | None:
        return first_not_finite(self.frame)

    def _unknown(self) -> bool:
        return self.frame.token == self.frame.decode.model.target.unknown

    def _unknown_source(self) -> list[str]:
        return [token.piece for token in self.frame.source.tokens if not token.known]

    def _repeats(self) -> int:
        return repeats(self.frame.hypothesis)

    def _length(self) -> int:
        return self.frame.hypothesis.length

    def _finished(self) -> bool:
        return self.frame.hypothesis.finished

    def _ended(self) -> bool:
        record = self.frame.record
        return record is not None and self.frame.chosen is not None and record.after.ended

    def _nearest(self) -> tuple[float, float]:
        training = self.frame.training
        if training is None:
            raise no_index(self.frame.decode.model)
        return training.nearest(self.frame)

    def _training_distance(self) -> float:
        distance: float = self[_NEAREST][0]
        return distance

    def _training_percentile(self) -> float:
        percentile: float = self[_NEAREST][1]
        return percentile

    def _prob(self) -> Callable[..., float]:
        def prob(written: Any = None) -> float:
            return math.exp(float(self[_ROW][self._resolved(written)]))

        return prob

    def _rank_of(self) -> Callable[..., int]:
        def rank_of(written: Any = None) -> int:
            return measures.rank(self[_NUMBERS], self._resolved(written))

        return rank_of

    def _attention_at(self) -> Callable[..., list[float]]:
        return lambda layer=None, head=None: self._floats(self.frame.attention(layer, head))

    def _resolved(self, written: Any) -> int:
        if isinstance(written, bool) or not isinstance(written, str | int):
            raise TypeError("give a token as a piece or as its number")
        return resolve_token(self.frame.decode.model.target, written)

    def _logits(self) -> list[float]:
        return self._floats(self.frame.site(sites.PREDICTION_LOGITS))

    def _copy(self) -> float:
        return float(self.frame.site(sites.PREDICTION_COPY))

    def _logprobs(self) -> list[float]:
        return self._floats(self[_ROW])

    def _state(self) -> list[float]:
        return self._floats(self.frame.site(sites.DECODER_STATE))

    def _context(self) -> list[float]:
        frame = self.frame
        if frame.has(sites.ATTENTION_CONTEXTS):  # of every layer and head: the top layer's, side by side
            return self._floats(frame.site(sites.ATTENTION_CONTEXTS)[-1].flatten())
        return self._floats(frame.site(sites.ATTENTION_CONTEXT))

    @staticmethod
    def _floats(values: Tensor) -> list[float]:
        numbers: list[float] = values.tolist()
        return numbers


Read = TypeVar("Read", bound=FieldValues)


def readers_of(kind: type[Read]) -> dict[str, Callable[[Read], Any]]:
    """What reads each field; looked up once, since a run asks at every step."""
    fields = {name: getattr(kind, f"_{name}") for name in (*FIELDS, *LOOKUPS)}
    found = {_ROW: kind._row, _NUMBERS: kind._numbers, _PATH: kind._path, _NEAREST: kind._nearest}
    return {**fields, **found}


_READERS: Final = readers_of(FieldValues)
