"""A record of the protocol for bug reports: one line a message, with the token masked."""

import re
import time
from pathlib import Path
from typing import Final

MASK: Final = "***"
_TOKEN = re.compile(rb'("token"\s*:\s*)"(?:[^"\\]|\\.)*"')


class ProtocolLog:
    """Appends every message with its time (seconds since the start), connection and direction."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._start = time.monotonic()

    def write(self, connection: int, direction: str, body: bytes) -> None:
        """Write one message; `direction` is `->` for what comes in, `<-` for what goes out."""
        masked = _TOKEN.sub(rb'\1"%s"' % MASK.encode(), body).replace(b"\n", b" ")
        head = f"{time.monotonic() - self._start:.6f} {connection} {direction} "
        self._file.write(head.encode() + masked + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
