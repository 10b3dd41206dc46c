"""Numbers of bytes as people write and read them."""

import re
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

_BYTES: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?", re.IGNORECASE)


def bytes_of(written: str | None) -> int | None:
    """A number of bytes as people write it: 5000, 500MB, 1.5GiB. Raises `bad_setting`."""
    if written is None:
        return None
    match = _BYTES.fullmatch(written.strip())
    if match is None:
        expected = "a number of bytes, such as 500MB or 2GiB"
        raise S2sdapError("bad_setting", setting="--budget", value=written, expected=expected)
    number, prefix, binary = match.groups()
    power = " KMGT".index(prefix.upper() or " ")
    return int(float(number) * (1024 if binary else 1000) ** power)


def size_of(count: int) -> str:
    """A number of bytes for people: 47.2 MB."""
    value, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if value < 1000:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}" if unit != "B" else f"{count} B"
