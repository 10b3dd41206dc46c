"""What may come next in a line of the console."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from s2sdap.debugger.editing.commands import COMMANDS
from s2sdap.debugger.editing.left_sides import NAMES
from s2sdap.debugger.editing.words import word_names
from s2sdap.debugger.frames import Frame
from s2sdap.vocabulary import sites

TOKENS = 10
"""Likeliest tokens that are offered."""
_WORDLIKE = r"\S*$"


@dataclass(frozen=True, slots=True)
class Completion:
    """A text that may stand in the place of the last `length` characters, and what it is."""

    text: str
    detail: str
    length: int


def complete(before: str, frame: Frame | None) -> list[Completion]:
    """What may stand at the end of `before`, which begins with a command or with a part of one.

    Tokens, words and settings are those of the frame; without one only words of the language come.
    """
    found = re.match(r"\s*([a-z]*)", before)
    word = found[1] if found is not None else ""
    if found is not None and found.end() == len(before):
        return [
            Completion(kind.word, kind.meaning, len(word))
            for kind in COMMANDS.values()
            if kind.word.startswith(word)
        ]
    if word not in COMMANDS:
        return []
    last = re.search(_WORDLIKE, before)
    typed = "" if last is None else last.group()
    return [
        Completion(text, detail, len(typed))
        for text, detail in _arguments(word, frame)
        if text.startswith(typed) and text != typed
    ]


def _arguments(word: str, frame: Frame | None) -> Iterator[tuple[str, str]]:
    if word == "help":
        yield from ((kind.word, kind.meaning) for kind in COMMANDS.values())
    elif word in ("zero", "copy"):
        yield from ((name, "a place") for name in NAMES)
    elif frame is None:
        return
    elif word in ("force", "ban", "boost", "revive") and frame.has(sites.PREDICTION_LOGPROBS):
        for token, _ in frame.top_tokens(TOKENS):
            piece = frame.piece(token)
            plain = re.fullmatch(r"[^\s\"'#,\[\]=]+", piece) is not None
            yield (piece if plain else quoted(piece)), f"token #{token}"
    elif word == "attend":
        for name in word_names(frame.source.text, frame.attended):
            plain = re.fullmatch(r"[^\s\"'#,\[\]=]+", name) is not None
            yield f"{name if plain else quoted(name)}=", "a word of the source"
    elif word == "set":
        yield from ((f"{each.name}=", f"now {each.value!r}") for each in frame.decode.settings_shown())


def quoted(text: str) -> str:
    """A text in double quotes, as the console reads it again."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r")
    return f'"{escaped}"'
