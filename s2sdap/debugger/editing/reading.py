"""What a person typed, read from left to right: pieces, numbers, words with weights, origins of a copy.

A refusal points at the column, 1 for the first character of the whole line.
"""

import ast
import json
import math
import re
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.vocabulary.errors import S2sdapError

MOST_NUMBERS: Final = 100_000
"""Numbers that one value may have."""
LONGEST: Final = 2_000_000
"""Characters of one value at most: a row of numbers for every source token fits."""
_NUMBER: Final = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_QUOTED: Final = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"")


@dataclass(frozen=True, slots=True)
class Word:
    """A word or piece of the source as it is named: `heute`, `heute#2` for the second, or a position."""

    text: str = ""
    occurrence: int | None = None
    position: int | None = None

    def __str__(self) -> str:
        if self.position is not None:
            return f"[{self.position}]"
        return self.text if self.occurrence is None else f"{self.text}#{self.occurrence}"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where numbers are copied from; what it leaves out is as at the frame."""

    sentence: int | None = None
    step: int | None = None
    hypothesis: int | None = None
    token: int | None = None
    neighbor: int | None = None
    """A training state: which of the nearest, 0 for the first."""


class Written:
    """A text and how far it has been read."""

    __slots__ = ("at", "text")

    def __init__(self, text: str, at: int = 0) -> None:
        self.text = text
        self.at = at

    @property
    def ended(self) -> bool:
        """Whether nothing but blanks is left."""
        self.blanks()
        return self.at >= len(self.text)

    def blanks(self) -> None:
        """Read over blanks."""
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def take(self, pattern: str) -> str | None:
        """What the pattern matches here, after blanks; `None` where it does not."""
        self.blanks()
        found = re.compile(pattern).match(self.text, self.at)
        if found is None:
            return None
        self.at = found.end()
        return found.group()

    def quoted(self) -> str | None:
        """A text in quotes, with Python's escapes; `None` where none begins here."""
        self.blanks()
        if self.text[self.at : self.at + 1] not in ("'", '"'):
            return None
        found = _QUOTED.match(self.text, self.at)
        if found is None:
            raise self.refusal("the quote is not closed")
        try:
            value = str(ast.literal_eval(found.group()))
        except (ValueError, SyntaxError):
            raise self.refusal("this cannot be read as a text in quotes") from None
        self.at = found.end()
        return value

    def number(self, what: str) -> float:
        """A finite number."""
        found = self.take(_NUMBER + r"(?![^\s,\]])")
        value = math.nan if found is None else float(found)
        if not math.isfinite(value):
            raise self.refusal(f"{what} is wanted here")
        return value

    def whole(self, what: str) -> int:
        """A whole number from 0."""
        found = self.take(r"\d{1,9}(?![^\s,\]).:=#])")
        if found is None:
            raise self.refusal(f"{what} is wanted here")
        return int(found)

    def token(self) -> str | int:
        """A target token: in quotes, as `#id`, or bare up to the next blank."""
        quoted = self.quoted()
        if quoted is not None:
            return quoted
        found = self.take(r"[^\s,]+") or self.take(r",")
        if found is None:
            raise self.refusal(
                "a token is wanted here: a piece, in quotes if it has blanks, or # and its number"
            )
        return found

    def rest(self) -> str:
        """All that is left, without the blanks around it."""
        self.blanks()
        found = self.text[self.at :].rstrip()
        self.at = len(self.text)
        return found

    def end(self) -> None:
        """Refuse what is left."""
        if not self.ended:
            raise self.refusal("nothing more is wanted here")

    def refusal(self, reason: str) -> S2sdapError:
        """The error that points here."""
        return S2sdapError("edit_syntax", column=self.at + 1, reason=reason)


def parse_piece(written: str) -> str:
    """A piece, with or without quotes around it; quotes allow for blanks and escapes."""
    text = written.strip()
    if 1 < len(text) < 10_000 and text[0] == text[-1] and text[0] in "'\"":
        try:
            piece = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return str(piece)
    return text or written


def parse_weight(written: str) -> float:
    """One number."""
    if not re.fullmatch(_NUMBER, written.strip()):
        raise S2sdapError("bad_attention", value=written[:80], reason="it is no number")
    return float(written)


def parse_row(written: str) -> list[float]:
    """Numbers between brackets or bare, separated by commas or blanks."""
    parts = _parts(written)
    if not parts or len(parts) > MOST_NUMBERS:
        raise S2sdapError("bad_attention", value=written[:80], reason="write one number a source token")
    return [parse_weight(part) for part in parts]


def parse_numbers(written: str, name: str) -> list[float]:
    """The same for any site."""
    parts = _parts(written)
    wrong = next((part for part in parts if not re.fullmatch(_NUMBER, part)), None)
    if not parts or len(parts) > MOST_NUMBERS or wrong is not None:
        raise S2sdapError(
            "bad_value",
            value=(written if wrong is None else wrong)[:80],
            name=name,
            reason="it is no number",
            expected="numbers between brackets, `zero`, or the place to copy from, as `step 3`",
        )
    return [float(part) for part in parts]


def parse_tokens(written: Written) -> list[str | int] | None:
    """Tokens between brackets, each as `Written.token` reads it; `None` where no bracket begins."""
    if written.take(r"\[") is None:
        return None
    tokens: list[str | int] = []
    while written.take(r"\]") is None:
        quoted = written.quoted()
        if quoted is None:
            quoted = written.take(r"[^\s,\]]+")
        if quoted is None:
            raise written.refusal("a token or the closing bracket is wanted here")
        tokens.append(quoted)
        written.take(",")
    return tokens


def names_words(written: str) -> bool:
    """Whether an attention row is written as words and weights, and not as numbers."""
    return "=" in written


def parse_words(written: Written) -> list[tuple[Word, float]]:
    """`heute=0.7 morgen#2=0.2 [5]=0.1`, with blanks or commas between."""
    shares: list[tuple[Word, float]] = []
    while not written.ended:
        word = parse_word(written)
        if written.take("=") is None:
            raise written.refusal("`=` and a weight are wanted here, as in heute=0.7")
        shares.append((word, written.number("a weight in 0..1")))
        written.take(",")
    if not shares:
        raise written.refusal("a word and its weight are wanted here, as in heute=0.7")
    return shares


def parse_word(written: Written) -> Word:
    """How one word of the source is named."""
    if written.take(r"\[") is not None:
        position = written.whole("a position, 0 for the first source token,")
        if written.take(r"\]") is None:
            raise written.refusal("the bracket is not closed")
        return Word(position=position)
    text = written.quoted()
    if text is None:
        bare = written.take(r"[^\s=]+")
        if bare is None:
            raise written.refusal("a word of the source is wanted here")
        return named_word(bare)
    return Word(text, written.whole("a number") if written.take("#") else None)


def named_word(name: str) -> Word:
    """The word of a bare name: `heute`, `heute#2`, `[3]`."""
    if (position := re.fullmatch(r"\[(\d{1,9})\]", name)) is not None:
        return Word(position=int(position[1]))
    counted = re.fullmatch(r"(.+)#(\d{1,9})", name, re.DOTALL)
    return Word(name) if counted is None else Word(counted[1], int(counted[2]))


def parse_origin(written: Written) -> Origin | None:
    """`from sentence 2 step 3`, `neighbor 0`, with or without `from`; `None` where it is no such thing."""
    begun = written.at
    written.take(r"from\b")
    parts: dict[str, int] = {}
    while (name := written.take(r"(?:sentence|step|hypothesis|token|neighbor)\b")) is not None:
        if name in parts:
            raise written.refusal(f"the {name} is named twice")
        parts[name] = written.whole(f"the number of the {name}")
    if not parts:
        written.at = begun
        return None
    written.end()
    return Origin(**parts)


def parse_setting(written: str) -> Any:
    """The value of a setting: JSON, Python's `True`, `False` and `None`, or a bare text."""
    text = written.strip()
    constants: dict[str, Any] = {"True": True, "False": False, "None": None}
    if text in constants:
        return constants[text]
    try:
        return _frozen(json.loads(text, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return parse_piece(text)


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


def _parts(written: str) -> list[str]:
    inner = written.strip().removeprefix("[").removesuffix("]")
    return [part for part in re.split(r"[,\s]+", inner) if part]
