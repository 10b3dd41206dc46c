"""The channel over a websocket, and who may open one.

A file of its own, so that the adapter over stdio does not import what it needs.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol

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

    def left(self) -> bool:
        """Whether the other side is gone because its page was put away, as that said itself."""
        return self._socket.close_code == LEFT


SUBPROTOCOL: Final = Subprotocol("s2sdap")
"""What the page asks to speak; beside it, it names the token, since a browser sets no headers."""
_SHOWN: Final = "s2sdap.token."
_RETURN: Final = "s2sdap.return."
"""Beside them a word of its own by which a page that is loaded again finds its session."""
PAGE: Final = frozenset({"/", "/index.html"})
"""The page itself; what it is made of comes after it."""
LEFT: Final = 4001
"""The code with which a page that is put away closes its websocket."""
SESSIONS: Final = "/sessions"
"""Where the sessions are listed; below it each can be watched by its number."""


def agreed_subprotocol(_connection: ServerConnection, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Only what was asked for: other clients ask for none."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


@dataclass(frozen=True, slots=True)
class Door:
    """Who may come in at the websocket's port.

    Attributes:
        token: what a client must show.
        host: the address that is listened at.
        port: the port of it.
        origins: of web pages that were invited.
        page: what is handed out to a browser: content and headers by path; `None` hands out nothing.
        sessions: the list of the sessions, as JSON, for who shows the token.
        fetched: is told when a browser gets the page itself.
    """

    token: str
    host: str
    port: int
    origins: Collection[str]
    page: "Mapping[str, tuple[bytes, Mapping[str, str]]] | None" = None
    sessions: Callable[[], bytes] = lambda: b"[]"
    fetched: Callable[[], None] = lambda: None

    @property
    def hosts(self) -> frozenset[str]:
        """The names by which this server may be called."""
        own = f"[{self.host}]" if ":" in self.host else self.host
        return frozenset(f"{name}:{self.port}" for name in (own, "127.0.0.1", "localhost", "[::1]"))

    def answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """What a request gets that is not to become a websocket; `None` lets it become one.

        The Host is checked against DNS rebinding, the Origin against pages; a client that is no browser
        sends no Origin. Headers that come twice are refused, since proxies disagree on which one counts.
        """
        hosts = request.headers.get_all("Host")
        if len(hosts) != 1 or hosts[0].lower() not in self.hosts:
            return _refuse(connection, HTTPStatus.FORBIDDEN, S2sdapError("bad_host", host=", ".join(hosts)))
        path = request.path.split("?", 1)[0]
        if self.page is not None and "Upgrade" not in request.headers and path != SESSIONS:
            return self._file(connection, path)
        sent = request.headers.get_all("Origin")
        own = {f"http://{host}" for host in self.hosts} if self.page is not None else frozenset()
        if len(sent) > 1 or (sent and sent[0] not in self.origins and sent[0] not in own):
            return _refuse(
                connection, HTTPStatus.FORBIDDEN, S2sdapError("bad_origin", origin=", ".join(sent))
            )
        if not token_matches(_token_in(request.headers), self.token):
            return _refuse(connection, HTTPStatus.UNAUTHORIZED, S2sdapError("bad_token"))
        if self.page is not None and "Upgrade" not in request.headers:
            return _sent(self.sessions(), {"Content-Type": "application/json", "Cache-Control": "no-store"})
        return None

    def _file(self, connection: ServerConnection, path: str) -> Response:
        content, headers = (self.page or {}).get(path, (None, {}))
        if content is None:
            return connection.respond(HTTPStatus.NOT_FOUND, "There is no such file.\n")
        if path in PAGE:
            self.fetched()
        return _sent(content, headers)


def _sent(content: bytes, headers: Mapping[str, str]) -> Response:
    every = Headers([("Connection", "close"), ("Content-Length", str(len(content))), *headers.items()])
    return Response(HTTPStatus.OK.value, HTTPStatus.OK.phrase, every, content)


def word_of_return(request: Request) -> str | None:
    """The word by which a page finds its session again; `None` for who brings none."""
    return _offered(request.headers, _RETURN)


def watched_session(request: Request) -> int | None:
    """The number of the session that is to be watched, `None` where a new one is wanted."""
    number = request.path.split("?", 1)[0].removeprefix(f"{SESSIONS}/")
    return int(number) if number.isdecimal() and len(number) < 10 else None


def _token_in(headers: Headers) -> str | None:
    """The token that a handshake shows: as a bearer, or from a page as a subprotocol."""
    given = headers.get_all("Authorization")
    if given:
        return given[0].removeprefix("Bearer ") if len(given) == 1 else None
    return _offered(headers, _SHOWN)


def _offered(headers: Headers, prefix: str) -> str | None:
    """What stands behind a prefix among the subprotocols that are offered, if it stands there once."""
    offered = [each.strip() for line in headers.get_all("Sec-WebSocket-Protocol") for each in line.split(",")]
    found = [each.removeprefix(prefix) for each in offered if each.startswith(prefix)]
    return found[0] if len(found) == 1 else None


def _refuse(connection: ServerConnection, status: HTTPStatus, error: S2sdapError) -> Response:
    return connection.respond(status, f"{error}\n")
