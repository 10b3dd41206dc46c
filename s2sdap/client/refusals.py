"""Refusals: an error of the adapter's catalogue, as it comes over the wire."""

import re
from typing import Final

import msgspec

from s2sdap.protocol.envelopes import ErrorBody, Incoming
from s2sdap.vocabulary.errors import CATALOGUE, ErrorKind, S2sdapError

_WRITTEN: Final = re.compile(r"S2S(?P<number>\d{1,9}): ", re.ASCII)


class Refused(S2sdapError):  # noqa: N818 - reads as what happened
    """The adapter refused `command`: `number` and `name` are the catalogue's, `what` says why.

    The number is 0 and the name `refused` where the adapter gave none.
    """

    def __init__(self, command: str, number: int, what: str) -> None:
        known = [kind for kind in CATALOGUE.values() if kind.number == number]
        self.command = command
        self.kind = known[0] if known else ErrorKind(number, "refused", what, "")
        self.details = {"command": command}
        self.what = what
        self.remedy = ""  # the adapter has put it into the text, with its details
        # Not the parent's: that fills the catalogue's text with details, which stayed at the adapter.
        Exception.__init__(self, what if _WRITTEN.match(what) else f"`{command}` was refused: {what}")


def refusal_in(response: Incoming) -> Refused:
    """The refusal that a failed response holds."""
    try:
        error = msgspec.json.decode(response.body, type=ErrorBody).error
    except msgspec.DecodeError:
        return Refused(response.command, 0, response.message or "without a reason")
    text = error.format
    for name, value in error.variables.items():
        text = text.replace(f"{{{name}}}", value)
    return Refused(response.command, error.id, text)


def refusal_written(text: str, command: str) -> Refused | None:
    """The refusal that is written out as text, as in the answer to a websocket handshake."""
    match = _WRITTEN.match(text)
    return Refused(command, int(match["number"]), text) if match else None
