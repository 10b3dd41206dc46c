"""Channels: one message in, one message out, over TCP, a websocket or a spawned adapter's stdio.

A channel carries whole JSON bodies and knows nothing of what they say. `receive` gives `None` once
the other side has closed; `last_words` is what the transport itself knows of why it did.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import urlsplit

from s2sdap.client.refusals import refusal_written
from s2sdap.protocol.framing import MAX_BODY, FrameReader, frame
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

READ_SIZE: Final = 64 * 1024
CLOSE_SECONDS: Final = 5.0
"""How long an adapter gets to leave by itself before it is made to."""
STDERR_KEPT: Final = 8 * 1024


class Channel(Protocol):
    """A connection that carries messages."""

    async def send(self, message: bytes) -> None:
        """Write one message; returns when the transport has room again."""

    async def receive(self) -> bytes | None:
        """The next message, or `None` at a clean end. Raises `bad_framing` at a broken one."""

    async def close(self) -> None:
        """Close, and wait a bounded time for it."""

    async def last_words(self) -> str:
        """What the transport knows of why it closed; empty where it knows nothing."""


class StreamChannel:
    """Messages with a `Content-Length` over a byte stream."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._bodies: deque[bytes] = deque()
        self._fault: S2sdapError | None = None

    async def send(self, message: bytes) -> None:
        """Write one message; returns when the transport has room again."""
        self._writer.write(frame(message))
        await self._writer.drain()

    async def receive(self) -> bytes | None:
        """The next message, or `None` at a clean end. Raises `bad_framing` at a broken one."""
        while not self._bodies:
            if self._fault is not None:
                raise self._fault
            data = await self._reader.read(READ_SIZE)
            if not data:
                self._frames.finish()
                return None
            try:
                self._bodies.extend(self._frames.feed(data))
            except S2sdapError as fault:  # the whole messages before the fault still count
                self._fault = fault
        return self._bodies.popleft()

    async def close(self) -> None:
        """Close, and wait a bounded time for it."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            pass  # the other side was gone already: closed is closed

    async def last_words(self) -> str:
        """A byte stream says nothing of why it closed."""
        return ""


class ProcessChannel(StreamChannel):
    """An adapter that this client started, on its standard input and output."""

    def __init__(
        self, process: asyncio.subprocess.Process, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(reader, writer)
        self._process = process
        self._stderr = bytearray()
        self._drain = asyncio.create_task(self._keep_stderr())

    async def close(self) -> None:
        """Close its input, which asks it to leave; then make it."""
        await super().close()
        for insist in (None, self._process.terminate, self._process.kill):
            try:
                if insist is not None:
                    insist()
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._process.wait()
                break
            except ProcessLookupError:
                break
            except TimeoutError:
                continue
        await asyncio.wait({self._drain}, timeout=CLOSE_SECONDS)
        self._drain.cancel()

    async def last_words(self) -> str:
        """The exit status, and the end of what it wrote to standard error."""
        await asyncio.wait({self._drain}, timeout=CLOSE_SECONDS)
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                status = await self._process.wait()
        except TimeoutError:
            return "it closed its output but still runs"
        lines = self._stderr.decode(errors="replace").strip().splitlines()
        return f"it left with status {status}" + (f" and wrote {lines[-1]!r}" if lines else "")

    async def _keep_stderr(self) -> None:
        """Read it all, so that the adapter never waits for a reader; keep the end."""
        stderr = self._process.stderr
        while stderr is not None and (data := await stderr.read(READ_SIZE)):
            self._stderr += data
            del self._stderr[:-STDERR_KEPT]


class WebsocketChannel:
    """One message a frame."""

    def __init__(self, socket: "ClientConnection") -> None:
        self._socket = socket

    async def send(self, message: bytes) -> None:
        """Write one message; returns when the transport has room again."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - slow to import

        try:
            await self._socket.send(message, text=True)
        except ConnectionClosed as closed:
            raise ConnectionResetError("the websocket is closed") from closed

    async def receive(self) -> bytes | None:
        """The next message, or `None` once the websocket is closed."""
        from websockets.exceptions import ConnectionClosed  # noqa: PLC0415 - slow to import

        try:
            return await self._socket.recv(decode=False)
        except ConnectionClosed:
            return None

    async def close(self) -> None:
        """Close, and wait a bounded time for it."""
        await self._socket.close()

    async def last_words(self) -> str:
        """The reason in the closing frame."""
        return self._socket.close_reason or ""


async def connect_tcp(host: str, port: int, seconds: float) -> Channel:
    """A channel to a TCP server. Raises `connection_refused`."""
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        raise _unreachable(f"{host}:{port}", error, seconds) from error
    return StreamChannel(reader, writer)


async def connect_websocket(uri: str, token: str | None, seconds: float) -> Channel:
    """A channel to a websocket server. Raises `connection_refused`, `handshake_refused` or `Refused`."""
    # Slow to import, and a session over stdio or TCP never needs it.
    from websockets.asyncio.client import connect  # noqa: PLC0415
    from websockets.exceptions import InvalidHandshake, InvalidStatus, InvalidURI  # noqa: PLC0415

    try:
        socket = await connect(
            uri,
            additional_headers={"Authorization": f"Bearer {token}"} if token else None,
            max_size=MAX_BODY,
            open_timeout=seconds,
            close_timeout=CLOSE_SECONDS,
            # No pings: a client that a Python debugger holds still must not lose its session by it.
            ping_interval=None,
            compression=None,
            proxy=None,
        )
    except InvalidStatus as error:
        said = (error.response.body or b"").decode(errors="replace").strip()
        if refusal := refusal_written(said, "connect"):
            raise refusal from error
        reason = f"status {error.response.status_code} {error.response.reason_phrase}"
        raise S2sdapError("handshake_refused", address=uri, reason=reason) from error
    except InvalidURI as error:
        raise S2sdapError("bad_address", address=uri, reason=error.msg) from error
    except (InvalidHandshake, EOFError) as error:
        raise S2sdapError("handshake_refused", address=uri, reason=error) from error
    except (OSError, TimeoutError) as error:
        raise _unreachable(uri, error, seconds) from error
    return WebsocketChannel(socket)


async def spawn_adapter(command: Sequence[str] | None = None) -> Channel:
    """A channel to an adapter of our own, by default this Python's. Raises `connection_refused`."""
    words = [*command] if command is not None else [sys.executable, "-m", "s2sdap", "adapter"]
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            start_new_session=True,  # Ctrl-C is for the script; it then chooses what to ask of the adapter
        )
    except (OSError, ValueError) as error:
        raise S2sdapError("connection_refused", address=" ".join(words), reason=error) from error
    if process.stdout is None or process.stdin is None:
        raise AssertionError("a process that was given pipes has none")
    return ProcessChannel(process, process.stdout, process.stdin)


def split_address(address: str) -> tuple[str, str, int]:
    """Scheme, host and port of `tcp://host:port` or `ws://host:port`. Raises `bad_address`."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise S2sdapError("bad_address", address=address, reason=error) from error
    if parts.scheme not in ("tcp", "ws"):
        raise S2sdapError("bad_address", address=address, reason="the scheme is neither tcp nor ws")
    if not host or not port:
        raise S2sdapError("bad_address", address=address, reason="it lacks a host or a port")
    return parts.scheme, host, port


def _unreachable(address: str, error: Exception, seconds: float) -> S2sdapError:
    late = isinstance(error, TimeoutError) and not error.args
    reason = f"no answer within {seconds:g} s" if late else error
    return S2sdapError("connection_refused", address=address, reason=reason)
