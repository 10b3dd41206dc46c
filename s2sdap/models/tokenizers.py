"""Tokenizers: a line of text to source tokens and back from target ids, by character or by word.

A *piece* is how a token is written, a *span* is where it stands in the line, in code points. The text
is never normalised, so a span always slices back to the piece as it stands in the line. What a
tokenizer needs is its configuration; the ids are the positions of the pieces in the vocabulary.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Literal

import msgspec

from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary.positions import Span

PAD: Final = "<pad>"
UNKNOWN: Final = "<unk>"
BEGIN: Final = "<s>"
END: Final = "</s>"
SPECIAL_PIECES: Final = (PAD, UNKNOWN, BEGIN, END)

Unit = Literal["character", "word"]
_WORD: Final = re.compile(r"\S+")


class SideConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How one side of a model is tokenised, and its vocabulary: `pieces[i]` is written by id i.

    `unit` is a code point or a run without white space. `lowercase` folds each piece by itself before
    it is looked up, so a span still covers what is written. `end` closes the source with `</s>`; a
    target is always closed by the decode, so there the field does nothing and must be false.
    `bounded` is false for a vocabulary without `<s>` and `</s>`, which only a source can do without.
    """

    unit: Unit
    lowercase: bool
    end: bool
    pieces: tuple[str, ...]
    bounded: bool = True

    def __post_init__(self) -> None:
        first: dict[str, int] = {}
        for position, piece in enumerate(self.pieces):
            if not piece:
                raise ValueError(f"pieces[{position}] is empty")
            if piece in first:
                raise ValueError(f"pieces[{position}] repeats pieces[{first[piece]}], {piece!r}")
            first[piece] = position
        wanted = SPECIAL_PIECES if self.bounded else (PAD, UNKNOWN)
        missing = [piece for piece in wanted if piece not in first]
        if missing:
            raise ValueError(f"pieces lacks the special tokens {', '.join(missing)}")
        if self.end and not self.bounded:
            raise ValueError(f"end: a source whose pieces lack {END} cannot be closed with it")


def pieces_of(text: str, unit: Unit) -> Iterator[tuple[str, Span]]:
    """The pieces of `text` as written, in reading order, each with its span in code points."""
    if unit == "character":
        for position, character in enumerate(text):
            yield character, Span(position, position + 1)
    else:
        for match in _WORD.finditer(text):
            yield match.group(), Span(*match.span())


def build_vocabulary(
    texts: Iterable[str], unit: Unit, *, lowercase: bool = False, minimum_count: int = 1
) -> tuple[str, ...]:
    """The special tokens, then every piece seen at least `minimum_count` times, in sorted order."""
    counts = Counter(
        piece.lower() if lowercase else piece for text in texts for piece, _ in pieces_of(text, unit)
    )
    kept = (piece for piece, count in counts.items() if count >= minimum_count)
    return (*SPECIAL_PIECES, *sorted(piece for piece in kept if piece not in SPECIAL_PIECES))


class _PieceIndex:
    """Looks up a piece of a text. Text that is spelt like a special token is not one: it is unknown."""

    def __init__(self, config: SideConfig) -> None:
        self._lowercase = config.lowercase
        self._ids = {piece: position for position, piece in enumerate(config.pieces)}
        self.unknown = self._ids[UNKNOWN]
        self._ordinary = {piece: i for piece, i in self._ids.items() if piece not in SPECIAL_PIECES}

    def __getitem__(self, piece: str) -> int:
        """The id that the model sees for `piece` of a text."""
        return self._ordinary.get(piece.lower() if self._lowercase else piece, self.unknown)

    def exact(self, piece: str) -> int | None:
        """The id whose piece is exactly `piece`, special tokens included."""
        return self._ids.get(piece)


class SourceTokenizer:
    """Reads a line into source tokens."""

    def __init__(self, config: SideConfig) -> None:
        self.config = config
        self._index = _PieceIndex(config)

    def __len__(self) -> int:
        return len(self.config.pieces)

    def tokenize(self, text: str) -> Source:
        """The tokens of `text` in reading order, and the end symbol where the model reads one."""
        tokens = []
        for piece, span in pieces_of(text, self.config.unit):
            token = self._index[piece]
            known = token != self._index.unknown
            tokens.append(SourceToken(piece, token, self.config.pieces[token], span, known))
        if self.config.end:
            token = self.config.pieces.index(END)
            tokens.append(SourceToken(END, token, END, None))
        return Source(text, tuple(tokens))


class TargetTokens:
    """The target vocabulary: ids to pieces and back. Fulfils the contract's `TargetVocabulary`."""

    bos: int
    eos: int
    unknown: int | None

    def __init__(self, config: SideConfig) -> None:
        self.config = config
        self._index = _PieceIndex(config)
        self.pad = config.pieces.index(PAD)
        self.bos = config.pieces.index(BEGIN)
        self.eos = config.pieces.index(END)
        self.unknown = config.pieces.index(UNKNOWN)

    def __len__(self) -> int:
        return len(self.config.pieces)

    def piece(self, token: int, /) -> str:
        """How token `token` is written; an id outside the vocabulary is an `IndexError`."""
        if token < 0:
            raise IndexError(f"token {token} is not in the vocabulary")
        return self.config.pieces[token]

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        return self._index.exact(piece)

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text`, without begin and end symbols; unknown pieces become `unknown`."""
        return tuple(self._index[piece] for piece, _ in pieces_of(text, self.config.unit))

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, without begin and end symbols."""
        written = [self.piece(token) for token in tokens if token not in (self.bos, self.eos)]
        return ("" if self.config.unit == "character" else " ").join(written)
