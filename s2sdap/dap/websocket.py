"""The channel over a websocket, and who may open one.

A file of its own, so that the adapter over stdio does not import what it needs.
"""

from collections.abc import Collection
from http import HTTPStatus

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from s2sdap.dap.access import token_matches
from s2sdap.vocabulary.errors import S2sdapError


class WebSocketChannel:
    """One message a frame; the handshake has checked the token."""

    authenticated = True

    def __init__(self, socket: ServerConnection) -> None:
        self._socket = socket

    async def receive(self) -> bytes | None:
        """See `Channel`."""
        try:
            data = await self._socket.recv()
        except ConnectionClosed:
            return None
        return data.encode() if isinstance(data, str) else data

    async def send(self, body: bytes) -> None:
        """See `Channel`."""
        try:
            await self._socket.send(body.decode())
        except ConnectionClosed as error:
            raise ConnectionResetError(str(error)) from None

    async def close(self) -> None:
        """See `Channel`."""
        await self._socket.close()


def refusal(
    connection: ServerConnection, request: Request, token: str, host: str, port: int, origins: Collection[str]
) -> Response | None:
    """The answer to a websocket handshake that must not go on: 403 or 401, or `None` to let it.

    The Host is checked against DNS rebinding, the Origin against pages; a client that is no browser
    sends no Origin. Headers that come twice are refused, since proxies disagree on which one counts.
    """
    hosts = request.headers.get_all("Host")
    own = f"[{host}]" if ":" in host else host
    allowed = {f"{name}:{port}" for name in (own, "127.0.0.1", "localhost", "[::1]")}
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
