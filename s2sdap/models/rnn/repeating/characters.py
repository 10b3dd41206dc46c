"""Lines and answers of a fixed width, character by character, filled up with spaces."""

from collections.abc import Sequence

from s2sdap.models.rnn.repeating.config import PADDING, RepeatingConfig
from s2sdap.models.tokenizers import UNKNOWN
from s2sdap.models.tokens import Source, SourceToken
from s2sdap.vocabulary.positions import Span


def source_of(config: RepeatingConfig, text: str) -> Source:
    """The characters of a line in its own order, filled up to the width; an empty line has none.

    A longer line keeps all of its characters: whoever decodes refuses it. A character that is not known
    has the id after the last one, and is read as a vector of zeros.
    """
    tokens = []
    for position, character in enumerate(text):
        known = character in config.characters
        number = config.characters.index(character) if known else len(config.characters)
        seen = character if known else UNKNOWN
        tokens.append(SourceToken(character, number, seen, Span(position, position + 1), known))
    if tokens:
        filling = SourceToken(PADDING, config.characters.index(PADDING), PADDING, None)
        tokens += [filling] * (config.source_length - len(tokens))
    return Source(text, tuple(tokens))


class AnswerTokens:
    """The characters of an answer as target tokens. Fulfils the contract's `TargetVocabulary`.

    Nothing begins or ends an answer. The unknown token comes last and has no logit: no answer can have it.
    """

    bos = -1
    eos = -1
    unknown: int | None

    def __init__(self, config: RepeatingConfig) -> None:
        self._pieces: tuple[str, ...] = (*config.characters, UNKNOWN)
        self._ids = {piece: number for number, piece in enumerate(self._pieces)}
        self._length = config.target_length
        self.unknown = len(config.characters)

    def __len__(self) -> int:
        return len(self._pieces)

    def piece(self, token: int, /) -> str:
        """How token `token` is written, -1 (nothing) included; any other is an `IndexError`."""
        if token == self.bos:
            return ""
        if token < 0:
            raise IndexError(f"token {token} is not in the vocabulary")
        return self._pieces[token]

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        return self._ids.get(piece)

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text`; unknown characters become `unknown`."""
        return tuple(self._ids.get(character, len(self._pieces) - 1) for character in text)

    def filled(self, tokens: Sequence[int], /) -> tuple[int, ...]:
        """The tokens of an answer with the padding after it."""
        missing = self._length - len(tokens)
        return (*tokens, *[self._ids[PADDING]] * missing)

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, without the padding at its end."""
        return "".join(self.piece(token) for token in tokens).rstrip(PADDING)
