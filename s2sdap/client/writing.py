"""A request as the bytes of its message."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from s2sdap.protocol.envelopes import Request
from s2sdap.vocabulary.errors import S2sdapError


def written(request: Request) -> bytes:
    """The JSON of a request. Raises `bad_arguments` for what JSON has no way to write.

    msgspec writes NaN and infinity as `null`, which the adapter would take for an argument that is not
    there, and a lone surrogate has no bytes in UTF-8.
    """
    plain = msgspec.to_builtins(request.arguments)
    wrong = _not_a_number(plain)
    if wrong is not None:
        raise _refused(request, f"a message cannot hold {wrong}; give a finite number")
    try:
        return msgspec.json.encode(request)
    except UnicodeEncodeError as error:
        half = ascii(error.object[error.start])
        raise _refused(request, f"{half} is half of a character; a message holds whole ones") from None


def _refused(request: Request, reason: str) -> S2sdapError:
    return S2sdapError("bad_arguments", command=request.command, reason=reason)


def _not_a_number(value: Any) -> float | None:
    """The first float in it that is none of JSON's."""
    match value:
        case float():
            return None if math.isfinite(value) else value
        case str():
            return None
        case Mapping():
            parts: Sequence[Any] = list(value.values())
        case Sequence():
            parts = value
        case _:
            return None
    return next((wrong for wrong in map(_not_a_number, parts) if wrong is not None), None)
