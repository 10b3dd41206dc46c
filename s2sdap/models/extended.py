"""A target vocabulary that one sentence extends: behind its tokens come the source's own words.

A model that copies can write a word that its vocabulary lacks. Such a word has an id from V on, in the order
in which the source has them; the same id is another word in another sentence.
"""

from collections.abc import Sequence

from s2sdap.models.tokenizers import SPECIAL_PIECES, TargetTokens, pieces_of
from s2sdap.models.tokens import Source


class ExtendedTokens:
    """The tokens that can be written for `source`. Fulfils the contract's `TargetVocabulary`.

    `copies` has the token that each source token is copied as. The source's end symbol is copied as the
    end of the output, and what is spelt like a special token as the unknown one.
    """

    bos: int
    eos: int
    unknown: int | None

    def __init__(self, target: TargetTokens, source: Source) -> None:
        self._target = target
        self.bos, self.eos, self.unknown = target.bos, target.eos, target.unknown
        self._added: dict[str, int] = {}
        self.copies: tuple[int, ...] = tuple(
            target.eos if token.span is None else self._copied(token.piece) for token in source.tokens
        )
        self.added = tuple(self._added)

    def _copied(self, piece: str) -> int:
        (token,) = self._target.encode(piece)
        word = self._folded(piece)
        if token != self.unknown or word in SPECIAL_PIECES:
            return token
        return self._added.setdefault(word, len(self._target) + len(self._added))

    def _folded(self, piece: str) -> str:
        return piece.lower() if self._target.config.lowercase else piece

    def __len__(self) -> int:
        return len(self._target) + len(self.added)

    def piece(self, token: int, /) -> str:
        """How token `token` is written; an id that this sentence does not have is an `IndexError`."""
        beyond = token - len(self._target)
        return self._target.piece(token) if beyond < 0 else self.added[beyond]

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        found = self._target.find(piece)
        return self._added.get(piece) if found is None else found

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text`, without begin and end symbols; what the source lacks too becomes `unknown`."""
        known = self._target.encode(text)
        pieces = (self._folded(piece) for piece, _ in pieces_of(text, self._target.config.unit))
        return tuple(
            self._added.get(piece, token) if token == self.unknown else token
            for piece, token in zip(pieces, known, strict=True)
        )

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, without begin and end symbols."""
        written = [self.piece(token) for token in tokens if token not in (self.bos, self.eos)]
        return ("" if self._target.config.unit == "character" else " ").join(written)
