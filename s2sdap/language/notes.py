"""What is said of a place in a text: a note, in code points. `lowering` makes a diagnostic of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

UNKNOWN_SOURCE: Final = "unknownSource"
DROPPED: Final = "droppedCharacter"
TOO_LONG: Final = "tooLong"
NO_TOKENS: Final = "noTokens"
NOT_DECODED: Final = "notDecoded"
"""Codes of what is found without decoding; a finding's code is the id of its rule, a refusal's its
number."""


class Level(Enum):
    """How much a note asks for."""

    ERROR = 1
    WARNING = 2
    INFORMATION = 3


@dataclass(frozen=True, slots=True)
class Note:
    """Something to say of `span` of a 0-based line. `code` stays the same from release to release.

    `step` is that of a finding of a decode, 0-based.
    """

    line: int
    span: Span
    code: str
    text: str
    level: Level = Level.WARNING
    step: int | None = None


def refusal(line: int, span: Span, error: S2sdapError, level: Level = Level.ERROR) -> Note:
    """A row of the error catalogue as a note; its code is `S2S` and its number."""
    text = f"{_sentence(error.what)} {_sentence(error.remedy)}"
    return Note(line, span, f"S2S{error.number}", text, level)


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."
