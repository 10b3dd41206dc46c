"""Log points: a message with expressions in braces, written each time instead of stopping.

    {token} has p = {p:.2f}, from {tokens[-3:]}

A brace is written by doubling it. What comes after a colon says how to write the value: width,
precision and type of a number, or the width of a text; nothing else of Python's formatting is there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.debugger.expressions import Expression, compile_expression
from s2sdap.debugger.fields import FIELDS
from s2sdap.vocabulary.errors import S2sdapError

LONGEST: Final = 2000
_SPEC: Final = re.compile(r"[<>^]?[+-]?0?\d{0,3}(?:\.\d{1,2})?[defgs%]?")


@dataclass(frozen=True, slots=True)
class LogMessage:
    """A message in parts: text as it stands, and expressions with how to write them."""

    written: str
    parts: tuple[str | tuple[Expression, str], ...]

    @property
    def names(self) -> frozenset[str]:
        """The fields that its expressions look at."""
        return frozenset[str]().union(*(part[0].names for part in self.parts if not isinstance(part, str)))

    def text(self, fields: Mapping[str, Any]) -> str:
        """The message with its values; one that cannot be told says why in its place."""
        out = "".join(part if isinstance(part, str) else _value(*part, fields) for part in self.parts)
        return out if len(out) <= LONGEST else out[:LONGEST] + "…"


def _value(expression: Expression, spec: str, fields: Mapping[str, Any]) -> str:
    try:
        value = expression(fields)
    except S2sdapError as error:
        return f"<{error.what}>"
    try:
        return format(value, spec) if spec else str(value)
    except (ValueError, TypeError) as error:
        return f"<{value!r}: {error}>"


def parse_log_message(written: str) -> LogMessage:
    """A message as people type it. Raises the errors of expressions, with the column in the message."""
    parts: list[str | tuple[Expression, str]] = []
    text, at = "", 0
    while at < len(written):
        character = written[at]
        if written[at : at + 2] in ("{{", "}}"):
            text, at = text + character, at + 2
        elif character == "{":
            if text:
                parts.append(text)
            end = _closing(written, at)
            parts.append(_part(written[at + 1 : end], at + 1))
            text, at = "", end + 1
        elif character == "}":
            raise S2sdapError(
                "expression_syntax", column=at + 1, reason="write }} for a brace that stands alone"
            )
        else:
            text, at = text + character, at + 1
    if text:
        parts.append(text)
    return LogMessage(written, tuple(parts))


def _closing(written: str, start: int) -> int:
    """Where the expression that begins at a brace ends: quotes are passed over."""
    quote = ""
    for at in range(start + 1, len(written)):
        character = written[at]
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character == "}":
            return at
    raise S2sdapError("expression_syntax", column=start + 1, reason="the brace is not closed")


def _part(inner: str, column: int) -> tuple[Expression, str]:
    text, spec = _split(inner)
    if not _SPEC.fullmatch(spec):
        raise S2sdapError(
            "expression_syntax",
            column=column + len(text) + 2,
            reason=f"{spec!r} does not say how to write a value",
        )
    try:
        return compile_expression(text, FIELDS), spec
    except S2sdapError as error:
        if "column" not in error.details:
            raise
        details = {**error.details, "column": error.details["column"] + column}
        raise S2sdapError(error.name, **details) from None


def _split(inner: str) -> tuple[str, str]:
    """At the colon outside of brackets and quotes."""
    depth, quote = 0, ""
    for at, character in enumerate(inner):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character in "([":
            depth += 1
        elif character in ")]":
            depth -= 1
        elif character == ":" and depth == 0:
            return inner[:at], inner[at + 1 :].strip()
    return inner, ""
