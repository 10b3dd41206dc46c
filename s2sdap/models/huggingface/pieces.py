"""How a token of a Hugging Face vocabulary is written for people.

A *piece* is the vocabulary's own spelling. Byte-level vocabularies spell bytes as stand-in letters:
those are turned back to text, and bytes that are no UTF-8 are shown as `<0xE2>`. SentencePiece's `▁`
stays as it is.
"""

import unicodedata
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from transformers import ByT5Tokenizer, PreTrainedTokenizerBase
from transformers.convert_slow_tokenizer import bytes_to_unicode

_BYTE_OF: Final[dict[str, int]] = {
    letter: byte
    for byte, letter in bytes_to_unicode().items()  # type: ignore[no-untyped-call]
}
_SHORT: Final = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}
_FIRST_STRAY: Final = 0xDC80  # where Python's `surrogateescape` puts byte 0x80
_LAST_STRAY: Final = 0xDCFF


def numbered(token: int) -> str:
    """How a token that has no piece is written: `#` and its id."""
    return f"#{token}"


def text_of_bytes(data: bytes) -> str:
    """`data` as UTF-8, and each byte that is none as `<0xE2>`."""
    return "".join(
        f"<0x{ord(letter) - 0xDC00:02X}>" if _FIRST_STRAY <= ord(letter) <= _LAST_STRAY else letter
        for letter in data.decode("utf-8", errors="surrogateescape")
    )


def visible(text: str) -> str:
    r"""`text` with control characters escaped, so that a piece is one line: `\n`, `\x1b`."""
    if text.isprintable():  # nearly all are, and there may be a quarter of a million of them
        return text
    return "".join(
        _SHORT.get(letter, f"\\x{ord(letter):02x}") if unicodedata.category(letter) == "Cc" else letter
        for letter in text
    )


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
        if self._byte_level and all(letter in _BYTE_OF for letter in spelling):
            return visible(text_of_bytes(bytes(_BYTE_OF[letter] for letter in spelling)))
        return visible(spelling)

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
