"""What the client talks to: a peer that speaks bytes as a test tells it to, and a real server."""

import asyncio
import contextlib
import json
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from warm_processes import Forked

from s2sdap.client.connection import Connection
from s2sdap.client.transports import connect_tcp
from s2sdap.protocol.framing import FrameReader, frame


class Peer:
    """The other end of a connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._frames = FrameReader()
        self._bodies: list[bytes] = []
        self._seq = 0

    async def request(self) -> dict[str, Any]:
        """The next message that the client sent."""
        while not self._bodies:
            data = await self.reader.read(65536)
            if not data:
                raise ConnectionResetError("the client has left")
            self._bodies += self._frames.feed(data)
        return json.loads(self._bodies.pop(0))

    def send(self, **message: Any) -> None:
        self._seq += 1
        self.raw(frame(json.dumps({"seq": self._seq, **message}).encode()))

    def answer(self, request: dict[str, Any], body: Any = None) -> None:
        command, seq = request["command"], request["seq"]
        self.send(type="response", request_seq=seq, success=True, command=command, body=body)

    def refuse(self, request: dict[str, Any], number: int, text: str, **variables: str) -> None:
        error = {"id": number, "format": text, "variables": variables}
        command, seq = request["command"], request["seq"]
        self.send(
            type="response",
            request_seq=seq,
            success=False,
            command=command,
            message="no",
            body={"error": error},
        )

    def event(self, name: str, body: Any = None) -> None:
        self.send(type="event", event=name, body=body)

    def raw(self, data: bytes) -> None:
        self.writer.write(data)


Conversation = Callable[[Peer], Awaitable[None]]
Script = Callable[[Connection], Awaitable[None]]


@pytest.fixture
def listening():
    """Serve a conversation on a port of the loopback address; it closes when the conversation ends."""

    @contextlib.asynccontextmanager
    async def serve(conversation: Conversation):
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError):
                await conversation(Peer(reader, writer))
                await writer.drain()
            writer.close()

        async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]

    return serve


@pytest.fixture
def converse(listening):
    """Run a script over a connection against a conversation of the peer's."""

    def run(conversation: Conversation, script: Script, *, timeout: float = 60.0) -> None:
        async def both() -> None:
            async with listening(conversation) as port:
                connection = Connection(await connect_tcp("127.0.0.1", port, 60.0), timeout=timeout)
                try:
                    await script(connection)
                finally:
                    await connection.close()

        asyncio.run(both())

    return run


@dataclass(frozen=True)
class Served:
    """A running `s2sdap serve`."""

    process: subprocess.Popen[str] | Forked
    tcp: str
    websocket: str
    token_file: Path


@contextlib.contextmanager
def serve(warm, folder: Path) -> Iterator[Served]:
    """Start a server that writes its token into `folder`; it ends with the context."""
    token_file = folder / "token"
    with (
        (folder / "stderr").open("w") as errors,
        warm.start(["-m", "s2sdap", "serve", "--token-file", token_file], errors=errors) as process,
    ):
        try:
            tcp, websocket, token = (process.stdout.readline().strip() for _ in range(3))
            assert token == f"token in {token_file}"
            yield Served(process, tcp, websocket, token_file)
        finally:
            process.terminate()


@pytest.fixture
def serving(warm):
    """Start a server of the test's own."""
    return lambda folder: serve(warm, folder)


@pytest.fixture(scope="session")
def served(tmp_path_factory, warm):
    """A server that many tests share."""
    with serve(warm, tmp_path_factory.mktemp("served")) as served:
        yield served
