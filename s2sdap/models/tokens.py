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
class Extended(Protocol):
    """A target vocabulary with words behind it that one source has added; see `models.extended`."""

    added: tuple[str, ...]


def added_words(target: TargetVocabulary) -> tuple[str, ...]:
    """The words that a source has added to a target vocabulary, in the order of their ids."""
    return target.added if isinstance(target, Extended) else ()


def counterpart(one: TargetVocabulary, other: TargetVocabulary, token: int) -> int | None:
    """The token of `other` that is written as `token` of `one` is."""
    if one is other:
        return token
    if token == one.eos:
        return other.eos if other.eos >= 0 else None
    piece = one.piece(token)
    if token < len(other) and other.piece(token) == piece:
        return token
    return other.find(piece)


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
