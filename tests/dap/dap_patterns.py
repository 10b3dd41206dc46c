"""Patterns for messages, and for the order in which they come.

`Response("next") >> (Event("thread") & Event("stopped"))` is a partial order: what stands left of
`>>` comes before what stands right of it, the two sides of `&` come in any order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]


class containing:  # noqa: N801 - reads as a word in `==`
    """Equal to every mapping that has at least these entries; the values may be patterns again."""

    def __init__(self, entries: Mapping[str, Any] | None = None, /, **more: Any) -> None:
        self.entries = {**(entries or {}), **more}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Mapping) and all(
            key in other and value == other[key] for key, value in self.entries.items()
        )

    __hash__ = None

    def __repr__(self) -> str:
        return f"containing({self.entries!r})"


class text_with:  # noqa: N801 - likewise
    """Equal to every string in which all of these stand, in this order."""

    def __init__(self, *parts: str) -> None:
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, str):
            return False
        at = 0
        for part in self.parts:
            at = other.find(part, at)
            if at < 0:
                return False
            at += len(part)
        return True

    __hash__ = None

    def __repr__(self) -> str:
        return f"text_with{self.parts!r}"


class Expectation:
    """Something that is to come. `find` looks for it from `start` on."""

    def find(self, messages: Sequence[Message], start: int, taken: frozenset[int]) -> list[int] | None:
        """The places of the messages that fulfil it, in the order of its parts; `None` if not yet."""
        raise NotImplementedError

    def __rshift__(self, later: "Expectation") -> "Expectation":
        return _Sequence(self, later)

    def __and__(self, other: "Expectation") -> "Expectation":
        return _Group(self, other)


@dataclass(frozen=True)
class Pattern(Expectation):
    """One message that equals `wanted`."""

    wanted: Any

    def find(self, messages, start, taken):
        for place in range(start, len(messages)):
            if place not in taken and self.wanted == messages[place]:
                return [place]
        return None

    def __repr__(self) -> str:
        return repr(self.wanted)


@dataclass(frozen=True)
class _Sequence(Expectation):
    first: Expectation
    later: Expectation

    def find(self, messages, start, taken):
        before = self.first.find(messages, start, taken)
        if before is None:
            return None
        after = self.later.find(messages, max(before) + 1, taken)
        return None if after is None else before + after


@dataclass(frozen=True)
class _Group(Expectation):
    one: Expectation
    other: Expectation

    def find(self, messages, start, taken):
        found = self.one.find(messages, start, taken)
        if found is None:
            return None
        rest = self.other.find(messages, start, taken | set(found))
        return None if rest is None else found + rest


def Event(name: str, body: Any = None, **fields: Any) -> Pattern:
    """An event; with a body or fields, one whose body has them."""
    if fields:
        body = containing(fields)
    entries: dict[str, Any] = {"type": "event", "event": name}
    return Pattern(containing(entries if body is None else entries | {"body": body}))


def Response(command: str, *, success: bool = True, seq: int | None = None) -> Pattern:
    """The answer to a request."""
    entries: dict[str, Any] = {"type": "response", "command": command, "success": success}
    return Pattern(containing(entries if seq is None else entries | {"request_seq": seq}))
