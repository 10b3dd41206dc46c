"""How a token of a Hugging Face vocabulary is written for people.

A *piece* is the vocabulary's own spelling, written so that it can be read: see `spelling`.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from transformers import ByT5Tokenizer, PreTrainedTokenizerBase

from s2sdap.models.huggingface.spelling import numbered, text_of_bytes, text_of_spelling, visible


def is_byte_level(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the vocabulary spells bytes as stand-in letters, as GPT-2's does."""
    backend: Any = getattr(tokenizer, "backend_tokenizer", None)
    parts = (getattr(backend, "decoder", None), getattr(backend, "pre_tokenizer", None))
    return any("ByteLevel" in repr(part) for part in parts)


class Pieces:
    """The pieces of one side of a tokenizer's vocabulary, by id."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, target: bool) -> None:
        self._tokenizer = tokenizer
        self._target = target
        self._byte_level = is_byte_level(tokenizer)
        self._single_bytes = isinstance(tokenizer, ByT5Tokenizer)
        self._added = frozenset(tokenizer.added_tokens_decoder)

    def spelling(self, token: int) -> str | None:
        """The vocabulary's own spelling of `token`, or `None` where it has none."""
        return self.spellings.get(token)

    def piece(self, token: int) -> str:
        """How `token` is written for people; `#` and the id where the vocabulary does not know it."""
        spelling = self.spelling(token)
        return numbered(token) if spelling is None else self.shown(spelling, token)

    def shown(self, spelling: str, token: int) -> str:
        """How the spelling of `token` is written for people."""
        if token in self._added:
            return visible(spelling)
        if self._single_bytes and len(spelling) == 1:
            return visible(text_of_bytes(bytes([ord(spelling)])))
        return text_of_spelling(spelling) if self._byte_level else visible(spelling)

    def find(self, piece: str) -> int | None:
        """The token that is shown, or else spelt, as `piece`; the lowest where several are."""
        found = self._by_piece.get(piece)
        return self._by_spelling.get(piece) if found is None else found

    @cached_property
    def spellings(self) -> Mapping[int, str]:
        """Every id that the vocabulary knows, and its spelling."""
        return spellings_of(self._tokenizer, target=self._target)

    @cached_property
    def _by_spelling(self) -> dict[str, int]:
        return _lowest((spelling, token) for token, spelling in self.spellings.items())

    @cached_property
    def _by_piece(self) -> dict[str, int]:
        return _lowest((self.shown(spelling, token), token) for token, spelling in self.spellings.items())


def spellings_of(tokenizer: PreTrainedTokenizerBase, *, target: bool) -> dict[int, str]:
    """The vocabulary of one side, by id.

    Most tokenizers have one vocabulary. Those with two (FSMT, Marian with separate ones) tell the source's
    as `get_vocab` and keep the target's as a dictionary named `decoder`.
    """
    own: Any = getattr(tokenizer, "decoder", None)
    if target and isinstance(own, Mapping):
        spellings = {int(token): str(spelling) for token, spelling in own.items()}
    else:
        spellings = {token: spelling for spelling, token in tokenizer.get_vocab().items()}
    languages: Any = getattr(tokenizer, "id_to_lang_token", {})  # M2M100 counts them after its vocabulary
    added = {token: str(piece) for token, piece in tokenizer.added_tokens_decoder.items()}
    return spellings | dict(languages) | added


def _lowest(pairs: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, token in pairs:
        found[name] = min(token, found.get(name, token))
    return found
