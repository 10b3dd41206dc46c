"""Settings as the command line gives them: `num_beams=4`, again and again."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from s2sdap.vocabulary.errors import S2sdapError

EXAMPLES: Final = {
    "--search": "beamSize=4",
    "--with-search": "beamSize=4",
    "--storage": "aws_region=eu-central-1",
}
"""What a value of an option looks like, where it is no setting of `generate`."""


def named_values(option: str, written: Sequence[str]) -> dict[str, Any]:
    """`num_beams=4` and the like: values are read as JSON where they are, else as text."""
    given: dict[str, Any] = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not equals or not name:
            expected = f"NAME=VALUE, as in {EXAMPLES.get(option, 'num_beams=4')}"
            raise S2sdapError("bad_setting", setting=option, value=each, expected=expected)
        try:
            given[name] = msgspec.json.decode(value.encode())
        except msgspec.DecodeError:
            given[name] = value
    return given
