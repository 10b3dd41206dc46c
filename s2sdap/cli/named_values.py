"""Settings as the command line gives them: `num_beams=4`, again and again."""

from collections.abc import Sequence
from typing import Any

import msgspec

from s2sdap.vocabulary.errors import S2sdapError


def named_values(option: str, written: Sequence[str]) -> dict[str, Any]:
    """`num_beams=4` and the like: values are read as JSON where they are, else as text."""
    given: dict[str, Any] = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise S2sdapError(
                "bad_setting", setting=option, value=each, expected="NAME=VALUE, as in num_beams=4"
            )
        try:
            given[name] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            given[name] = value
    return given
