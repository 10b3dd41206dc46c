"""Requests and what answers them: a handler is a function with its arguments' type and a promise.

The promise is the capability that `initialize` announces for it, so that the list of capabilities
is computed from the handlers that exist and cannot say more than they do.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from s2sdap.protocol.arguments import Arguments

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter

A = TypeVar("A", bound=Arguments)


class RawArguments(Arguments):
    """Arguments that their handler reads itself."""

    raw: bytes


class When(Enum):
    """What must have come before a request, so that refusals are the same everywhere."""

    ALWAYS = "always"
    """at any time, even before `initialize`"""
    INITIALIZED = "initialized"
    LAUNCHED = "launched"
    """a launch was accepted; the model may still load or run"""
    STOPPED = "stopped"
    """the decode is paused"""
    BEGUN = "begun"
    """the decode is paused, or has come to its end, from which it can go back"""


@dataclass(frozen=True, slots=True)
class Reply:
    """A body, and what to do once the response has been written."""

    body: Any = None
    then: Callable[[], None] | None = None


Answer = Reply | Awaitable[Reply]


@dataclass(frozen=True, slots=True)
class Handler:
    """What answers one request."""

    command: str
    arguments: type[Arguments]
    when: When
    run: "Callable[[Adapter, Any], Answer]"
    capabilities: Mapping[str, Any] = field(default_factory=dict)


def handles(
    command: str, arguments: type[A], when: When, **capabilities: Any
) -> "Callable[[Callable[[Adapter, A], Answer]], Handler]":
    """Make a function the handler of `command`."""

    def decorate(run: "Callable[[Adapter, A], Answer]") -> Handler:
        return Handler(command, arguments, when, run, capabilities)

    return decorate


def capabilities_of(handlers: Iterable[Handler]) -> dict[str, Any]:
    """The capabilities that these handlers promise together."""
    together: dict[str, Any] = {}
    for handler in handlers:
        together.update(handler.capabilities)
    return together
