"""Channels: one message in, one message out, over stdio or TCP (`websocket` has the third).

`receive` gives the body of a message, or `None` once the other side is gone; a broken stream raises
`bad_framing`. `send` keeps the order of its calls.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Protocol

from s2sdap.protocol.framing import FrameReader, frame
from s2sdap.vocabulary.errors import S2sdapError


class Channel(Protocol):
    """What a connection reads from and writes to."""

    authenticated: bool
    """Whether the other side has shown by connecting that it may: it owns our stdin, or sent the token."""

    async def receive(self) -> bytes | None:
        """The next message, or `None` at the end."""
        ...

    async def send(self, body: bytes) -> None:
        """Send a message; returns when the transport has taken it."""
        ...

    async def close(self) -> None:
        """Close after what was sent."""
        ...


class TcpChannel:
    """Framed messages over a socket."""

    authenticated = False

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader()
        self._ready: list[bytes] = []
        self._broken: S2sdapError | None = None

    async def receive(self) -> bytes | None:
        """See `Channel`."""
        while not self._ready:
            if self._broken:  # what came before it has been handed out
                raise self._broken
            try:
                data = await self._reader.read(65536)
            except OSError:
                return None
            if not data:
                self._frames.finish()
                return None
            try:
                for body in self._frames.feed(data):
                    self._ready.append(body)
            except S2sdapError as error:
                self._broken = error
        return self._ready.pop(0)

    async def send(self, body: bytes) -> None:
        """See `Channel`."""
        self._writer.write(frame(body))
        await self._writer.drain()

    async def close(self) -> None:
        """See `Channel`."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:  # the other side was faster
            return


class StdioChannel:
    """Framed messages over two file descriptors.

    Reading and writing block on threads of their own: pipes, files and consoles all work so, on
    every platform.
    """

    authenticated = True

    def __init__(self, reading: int, writing: int, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._bodies: asyncio.Queue[bytes | S2sdapError | None] = asyncio.Queue()
        self._outgoing: SimpleQueue[tuple[bytes, asyncio.Future[None]] | None] = SimpleQueue()
        self._reading = reading
        self._writing = writing
        _protocol_thread(self._read, "s2sdap reading")
        _protocol_thread(self._write, "s2sdap writing")

    async def receive(self) -> bytes | None:
        """See `Channel`."""
        body = await self._bodies.get()
        if isinstance(body, S2sdapError):
            raise body
        return body

    async def send(self, body: bytes) -> None:
        """See `Channel`."""
        done: asyncio.Future[None] = self._loop.create_future()
        self._outgoing.put((frame(body), done))
        await done

    async def close(self) -> None:
        """See `Channel`."""
        self._outgoing.put(None)

    def _read(self) -> None:
        frames = FrameReader()
        try:
            while data := os.read(self._reading, 65536):
                for body in frames.feed(data):
                    self._hand_over(body)
            frames.finish()
        except S2sdapError as error:
            self._hand_over(error)
        except OSError:
            pass  # the descriptor was closed under us: the same as its end
        self._hand_over(None)

    def _hand_over(self, item: bytes | S2sdapError | None) -> None:
        try:
            self._loop.call_soon_threadsafe(self._bodies.put_nowait, item)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return

    def _write(self) -> None:
        while (item := self._outgoing.get()) is not None:
            data, done = item
            view = memoryview(data)
            try:
                while view:
                    view = view[os.write(self._writing, view) :]
                outcome = None
            except OSError as error:
                outcome = ConnectionResetError(str(error))
            self._loop.call_soon_threadsafe(_settle, done, outcome)


def _settle(done: "asyncio.Future[None]", outcome: Exception | None) -> None:
    if done.done():
        return
    if outcome is None:
        done.set_result(None)
    else:
        done.set_exception(outcome)


def _protocol_thread(run: Callable[[], None], name: str) -> threading.Thread:
    """Start a daemon thread that a Python debugger in this process leaves alone."""
    thread = threading.Thread(target=run, name=name, daemon=True)
    mark_untraced(thread)
    thread.start()
    return thread


def mark_untraced(thread: threading.Thread) -> None:
    """Debugpy freezes the threads it traces; these marks keep it off the protocol's own."""
    thread.pydev_do_not_trace = True  # type: ignore[attr-defined]  # pydevd reads it off the object
    thread.is_pydev_daemon_thread = True  # type: ignore[attr-defined]  # likewise
