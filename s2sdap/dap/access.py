"""Who may connect: loopback only, with a token of this run, and no web page that was not invited."""

import hmac
import ipaddress
import os
import re
import secrets
from pathlib import Path
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

MAX_CONNECTIONS: Final = 32
HANDSHAKE_SECONDS: Final = 30.0


def new_token() -> str:
    """256 random bits, as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def write_token(token: str, path: Path) -> None:
    """Write the token to a file that only its owner can read; an old file is replaced, not reused."""
    if path.exists() and not _holds_token(path):
        raise S2sdapError("file_refused", path=path, reason="it is there already and holds no token")
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)


def _holds_token(path: Path) -> bool:
    """Whether a file looks like one of ours, left by a run that was killed."""
    return (
        path.is_file()
        and path.stat().st_size == 64
        and re.fullmatch(b"[0-9a-f]{64}", path.read_bytes()) is not None
    )


def token_matches(given: str | None, token: str) -> bool:
    """Compare in constant time."""
    return given is not None and hmac.compare_digest(given.encode(), token.encode())


def check_loopback(host: str) -> None:
    """Refuse to serve on anything but a loopback address."""
    if host == "localhost":
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise S2sdapError("not_loopback", host=host)
