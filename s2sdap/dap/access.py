"""Who may connect: loopback only, with a token of this run, and no web page that was not invited."""

import hmac
import ipaddress
import os
import secrets
from collections.abc import Collection
from http import HTTPStatus
from pathlib import Path
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.http11 import Request, Response

from s2sdap.vocabulary.errors import S2sdapError

MAX_CONNECTIONS: Final = 16
HANDSHAKE_SECONDS: Final = 30.0


def new_token() -> str:
    """256 random bits, as 64 hexadecimal digits."""
    return secrets.token_hex(32)


def write_token(token: str, path: Path) -> None:
    """Write the token to a file that only its owner can read; an old file is replaced, not reused."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(token)


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


def refusal(
    connection: ServerConnection, request: Request, token: str, port: int, origins: Collection[str]
) -> Response | None:
    """The answer to a websocket handshake that must not go on: 403 or 401, or `None` to let it.

    The Host is checked against DNS rebinding, the Origin against pages; a client that is no browser
    sends no Origin. Headers that come twice are refused, since proxies disagree on which one counts.
    """
    hosts = request.headers.get_all("Host")
    allowed = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
    if len(hosts) != 1 or hosts[0].lower() not in allowed:
        return _refuse(connection, HTTPStatus.FORBIDDEN, S2sdapError("bad_host", host=", ".join(hosts)))
    sent = request.headers.get_all("Origin")
    if len(sent) > 1 or (sent and sent[0] not in origins):
        return _refuse(connection, HTTPStatus.FORBIDDEN, S2sdapError("bad_origin", origin=", ".join(sent)))
    given = request.headers.get_all("Authorization")
    bearer = given[0].removeprefix("Bearer ") if len(given) == 1 else None
    if not token_matches(bearer, token):
        return _refuse(connection, HTTPStatus.UNAUTHORIZED, S2sdapError("bad_token"))
    return None


def _refuse(connection: ServerConnection, status: HTTPStatus, error: S2sdapError) -> Response:
    return connection.respond(status, f"{error}\n")
