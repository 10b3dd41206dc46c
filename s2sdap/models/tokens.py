"""Source and target tokens, as every model gives them. Free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from s2sdap.vocabulary.positions import Span


@dataclass(frozen=True, slots=True)
class SourceToken:
    """A source token: its piece as written, the id and piece that the model sees, and its span.

    `known` is false where the piece is not in the vocabulary: `seen` is then the unknown token.
    `span` is `None` for a token that stands nowhere in the line (an end symbol, say).
    """

    piece: str
    id: int
    seen: str
    span: Span | None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Source:
    """A source sentence as text and as the tokens that the model reads."""

    text: str
    tokens: tuple[SourceToken, ...]


@runtime_checkable
class TargetVocabulary(Protocol):
    """The target tokens: ids to pieces and back, and ids to text.

    `eos` is -1 where no token ends an output but its length; `bos` may be no token of the vocabulary:
    `piece` then says how it is written, which may be nothing.
    """

    bos: int
    eos: int
    unknown: int | None

    def __len__(self) -> int: ...

    def piece(self, token: int, /) -> str:
        """How token `token` is written."""
        ...

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        ...

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text`, without begin and end symbols; unknown pieces become `unknown`."""
        ...

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, without begin and end symbols."""
        ...


@runtime_checkable
class Fills(Protocol):
    """A target vocabulary whose outputs all have one length: a shorter text is filled up."""

    def filled(self, tokens: Sequence[int], /) -> tuple[int, ...]:
        """The tokens of a text as a whole output has them."""
        ...


def whole(target: TargetVocabulary, text: str) -> tuple[int, ...]:
    """The tokens of `text` as a whole output, without begin and end symbols; `encode` takes it as a part."""
    tokens = target.encode(text)
    return target.filled(tokens) if isinstance(target, Fills) else tokens
