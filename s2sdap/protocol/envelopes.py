"""The three kinds of message: request, response, event. `seq` numbers them on each side."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta


class Request(msgspec.Struct, tag_field="type", tag="request", omit_defaults=True):
    """A request that goes out, from a client or in reverse."""

    seq: int
    command: str
    arguments: Any = None


class Response(msgspec.Struct, tag_field="type", tag="response", omit_defaults=True):
    """The answer to the request `request_seq`; where it failed, `message` says why in short."""

    seq: int
    request_seq: int
    success: bool
    command: str
    message: str | None = None
    body: Any = None


class Event(msgspec.Struct, tag_field="type", tag="event", omit_defaults=True):
    """Something that happened."""

    seq: int
    event: str
    body: Any = None


class Incoming(msgspec.Struct):
    """Any message as it comes in, with its inner parts left unread until their type is known."""

    seq: Annotated[int, Meta(ge=-(2**53), le=2**53)]
    type: Literal["request", "response", "event"]
    command: str = ""
    event: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"null")
    request_seq: int = 0
    success: bool = True
    message: str = ""
    body: msgspec.Raw = msgspec.Raw(b"null")


class ErrorMessage(msgspec.Struct, omit_defaults=True, rename="camel"):
    """The protocol's `Message`: `id` is the catalogue number, `format` the text with its details."""

    id: int
    format: str
    variables: dict[str, str] = {}
    show_user: bool = False


class ErrorBody(msgspec.Struct):
    """The body of a failed response."""

    error: ErrorMessage
