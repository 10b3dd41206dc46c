"""How a token of a text is written for people. Free of transformers and torch.

Byte-level vocabularies spell bytes as stand-in letters: those are turned back to text, and bytes that are no
UTF-8 are shown as `<0xE2>`. SentencePiece's `▁` stays as it is.
"""

import unicodedata
from typing import Final

from s2sdap.models.tokens import SourceToken
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

_PRINTED: Final = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
"""The bytes that GPT-2's vocabulary spells as the letters of their own number; others come after 255."""
BYTE_OF: Final[dict[str, int]] = {chr(byte): byte for byte in _PRINTED} | {
    chr(256 + place): byte for place, byte in enumerate(sorted(set(range(256)) - set(_PRINTED)))
}
"""The byte that a letter of a byte-level vocabulary stands for."""
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


def text_of_spelling(spelling: str) -> str:
    """A byte-level vocabulary's spelling as text; as it stands where it is none."""
    if all(letter in BYTE_OF for letter in spelling):
        return visible(text_of_bytes(bytes(BYTE_OF[letter] for letter in spelling)))
    return visible(spelling)


def source_token(line: str, token: int, seen: str, span: Span | None, unknown: str | None) -> SourceToken:
    """A token of a line that the model sees as `seen`, or `unknown` where it is the unknown token."""
    if unknown is None:
        return SourceToken(seen, token, seen, span)
    written = visible(line[slice(*span)]) if span else seen
    return SourceToken(written, token, unknown, span, known=False)


def check_whole(line: str) -> None:
    """Raise `half_character` for a lone surrogate, which tokenizers refuse, each in its way."""
    half = next((at for at, letter in enumerate(line) if 0xD800 <= ord(letter) <= 0xDFFF), None)
    if half is not None:
        raise S2sdapError("half_character", position=half, code=f"U+{ord(line[half]):04X}")
