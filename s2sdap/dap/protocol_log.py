"""A record of the protocol for bug reports: one line a message, with the token masked."""

import os
import re
import sys
import time
from pathlib import Path
from typing import Final

MASK: Final = "***"
FOLDER_VARIABLE: Final = "S2SDAP_LOG_DIR"
"""Names a folder in which every adapter keeps a log of its own, for want of a file named to it."""
# A server's token is long; a target token that a person forces is not, and should be read.
_TOKEN = re.compile(rb'("token"\s*:\s*)"(?:[^"\\]|\\.){16,}"')


def open_log(path: Path | None) -> "ProtocolLog | None":
    """The log at `path`, or in the folder that the environment names, or none."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if path is None and folder:
        path = Path(folder) / f"s2sdap-{os.getpid()}.log"
    return ProtocolLog(path) if path else None


class ProtocolLog:
    """Appends every message with its time (seconds since the start), connection and direction."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._start = time.monotonic()
        self._secret = b""
        self._failed = False

    def hide(self, token: str) -> None:
        """Mask this token wherever it stands, also where a message is not what it should be."""
        self._secret = token.encode()

    def write(self, connection: int, direction: str, body: bytes) -> None:
        """Write one message; `direction` is `->` for what comes in, `<-` for what goes out."""
        masked = _TOKEN.sub(rb'\1"%s"' % MASK.encode(), body).replace(b"\n", b" ")
        if self._secret:
            masked = masked.replace(self._secret, MASK.encode())
        head = f"{time.monotonic() - self._start:.6f} {connection} {direction} "
        try:
            self._file.write(head.encode() + masked + b"\n")
            self._file.flush()
        except (OSError, ValueError) as error:  # a full disk must not end the session; say it once
            if not self._failed:
                self._failed = True
                print(f"s2sdap: the protocol log ends here: {error}", file=sys.stderr)

    def close(self) -> None:
        """Close the file."""
        self._file.close()
