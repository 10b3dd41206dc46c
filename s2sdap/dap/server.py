"""The server: TCP and websocket on loopback, a session a connection, one model thread for all."""

import asyncio
import contextlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import count

import msgspec
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from s2sdap.dap.access import HANDSHAKE_SECONDS, MAX_CONNECTIONS, check_loopback
from s2sdap.dap.adapter import Adapter
from s2sdap.dap.attached import Process
from s2sdap.dap.channels import Channel, TcpChannel
from s2sdap.dap.connection import Connection
from s2sdap.dap.handlers import HANDLERS
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import ProtocolLog
from s2sdap.dap.returning import Arrivals, Waits
from s2sdap.dap.sharing import Shared
from s2sdap.dap.websocket import (
    Door,
    WebSocketChannel,
    agreed_subprotocol,
    watched_session,
    word_of_return,
)
from s2sdap.protocol import bodies
from s2sdap.protocol.envelopes import Event
from s2sdap.protocol.framing import MAX_BODY
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a server listens."""

    host: str
    tcp_port: int
    websocket_port: int


Handout = Callable[[str], Mapping[str, tuple[bytes, Mapping[str, str]]]]
"""What a browser may have, by path, with its headers, of a server that goes by this host and port."""


class Server:
    """Accepts connections until `close`. Runs on the protocol's loop."""

    def __init__(
        self,
        models: ModelThread,
        token: str,
        *,
        host: str = "127.0.0.1",
        tcp_port: int = 0,
        websocket_port: int = 0,
        origins: Collection[str] = (),
        log: ProtocolLog | None = None,
        process: Process | None = None,
        page: Handout | None = None,
    ) -> None:
        """A server of sessions; with `process` clients attach to that instead of launching.

        With a `page` browsers get it, and what comes from it may connect.
        """
        check_loopback(host)
        self._process = process
        self._models = models
        self._token = token
        self._host = host
        self._ports = (tcp_port, websocket_port)
        self._origins = frozenset(origins)
        self._page = page
        self._log = log
        if log is not None:
            log.hide(token)
        self._numbers = count(1)
        self._open = 0
        self._closing = asyncio.Event()
        self._staying: set[asyncio.Task[None]] = set()
        self._serving: dict[Connection, asyncio.Future[None]] = {}
        self._shared: dict[int, tuple[Shared, Adapter]] = {}
        self._returning: dict[str, Shared] = {}
        self._arrivals = Arrivals(Waits())

    async def run(self, ready: Callable[[Addresses], None]) -> None:
        """Listen; `ready` is told the addresses once both ports are open."""
        async with contextlib.AsyncExitStack() as stack:
            tcp = await asyncio.start_server(self._tcp, self._host, self._ports[0])
            await stack.enter_async_context(tcp)
            tcp_port = tcp.sockets[0].getsockname()[1]
            door: Door | None = None

            def check(connection: ServerConnection, request: Request) -> Response | None:
                if door is None:
                    raise AssertionError("a connection came before the server listened")
                return door.answer(connection, request)

            websocket = await stack.enter_async_context(
                serve(
                    self._websocket,
                    self._host,
                    self._ports[1],
                    process_request=check,
                    select_subprotocol=agreed_subprotocol,
                    max_size=MAX_BODY,
                    open_timeout=HANDSHAKE_SECONDS,
                    compression=None,  # loopback: it would cost time and save nothing
                )
            )
            websocket_port = next(iter(websocket.sockets)).getsockname()[1]
            door = self._door(websocket_port)
            ready(Addresses(self._host, tcp_port, websocket_port))
            await self._closing.wait()
            await self._hang_up()
            for task in list(self._staying):
                task.cancel()
            await asyncio.gather(*self._staying, return_exceptions=True)

    def _door(self, port: int) -> Door:
        """Who may come in at the websocket's port, now that it is known."""
        shown = f"[{self._host}]" if ":" in self._host else self._host
        page = None if self._page is None else self._page(f"{shown}:{port}")
        return Door(self._token, self._host, port, self._origins, page, self._listed, self._arrivals.fetched)

    def _listed(self) -> bytes:
        """The sessions that can be watched, as JSON."""
        listed = [
            {
                "session": number,
                "model": adapter.launch.model,
                "name": program.name,
                "phase": adapter.state.value,
            }
            for number, (_, adapter) in self._shared.items()
            if (program := adapter.program) is not None
        ]
        return msgspec.json.encode(listed)

    def close(self) -> None:
        """Stop listening and end every session, each with what it was told last."""
        self._closing.set()

    async def _hang_up(self) -> None:
        """End the connections that there are. Each takes a bounded time for it."""
        while self._serving:
            for connection in self._serving:
                connection.hang_up()
            await asyncio.wait(self._serving.values())

    async def _tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        channel = TcpChannel(reader, writer)
        await (self._serve(channel) if self._page is None else self._share(channel))

    async def _websocket(self, socket: ServerConnection) -> None:
        channel = WebSocketChannel(socket)
        request = socket.request
        if self._page is None or request is None:
            await self._serve(channel)
            return
        watched, word = watched_session(request), word_of_return(request)
        if word is not None:
            self._arrivals.connected()
        if watched is not None:
            await self._watch(channel, watched)
        elif word is not None and (waiting := self._returning.get(word)) and not waiting.over:
            await waiting.take(channel, channel.left)
        else:
            await self._share(channel, word, channel.left)

    async def _watch(self, channel: Channel, number: int) -> None:
        """Let a client observe a session; one that is not there is told so."""
        shared, _ = self._shared.get(number, (None, None))
        if shared is not None:
            await shared.watch(channel)
            return
        refusal = S2sdapError("no_session", number=number)
        text = f"{refusal}\n"
        event = Event(1, "output", bodies.Output(output=text, category="important"))
        with contextlib.suppress(OSError):
            await channel.send(msgspec.json.encode(event))
        await channel.close()

    async def _share(
        self, channel: Channel, word: str | None = None, left: Callable[[], bool] = lambda: False
    ) -> None:
        """A session that others may watch; by its word its owner finds it again for a while."""
        arrivals = None if word is None else self._arrivals
        shared = Shared(authenticated=channel.authenticated, arrivals=arrivals)
        serving = asyncio.create_task(self._serve(shared, shared))
        self._staying.add(serving)
        serving.add_done_callback(self._staying.discard)
        if word is not None:
            self._returning[word] = shared
            serving.add_done_callback(lambda _: self._forget(word, shared))
        await shared.take(channel, left)
        if word is None:
            await asyncio.shield(serving)

    def _forget(self, word: str, shared: Shared) -> None:
        """A session has ended; by its word another one may have begun already."""
        if self._returning.get(word) is shared:
            del self._returning[word]

    async def _serve(self, channel: Channel, shared: Shared | None = None) -> None:
        number = next(self._numbers)
        connection = Connection(
            channel,
            self._models,
            HANDLERS,
            token=self._token,
            log=self._log,
            number=number,
            process=self._process,
        )
        if shared is not None:
            self._shared[number] = (shared, connection.adapter)
        if self._open >= MAX_CONNECTIONS:
            connection.refuse_all(S2sdapError("too_many_connections", limit=MAX_CONNECTIONS))
        self._open += 1
        self._serving[connection] = asyncio.get_running_loop().create_future()
        patience = asyncio.get_running_loop().call_later(
            HANDSHAKE_SECONDS, connection.hang_up_unless_launched
        )
        try:
            await connection.serve()
        finally:
            patience.cancel()
            self._open -= 1
            self._serving.pop(connection).set_result(None)
            self._shared.pop(number, None)
