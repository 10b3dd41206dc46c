"""A client that is led on: the child session of an editor that connects it to us, not to where it belongs.

We have answered its `initialize` by then, so it is said once more to the debugger of the child, whose
capabilities follow as an event; from then on every message is handed on as it is, both ways.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from s2sdap.dap.access import check_loopback
from s2sdap.dap.python_debugger import CHILD
from s2sdap.protocol import bodies
from s2sdap.protocol.envelopes import Event, Incoming, Request
from s2sdap.protocol.framing import FrameReader, frame
from s2sdap.vocabulary.errors import S2sdapError

HELLO: Final = 2**40
"""The number of the `initialize` that we say: no client counts so far."""
PATIENCE: Final = 20.0

Send = Callable[[bytes], Awaitable[None]]


def child_address(raw: bytes) -> tuple[str, int] | None:
    """Where the debugger of a child session listens, by its attach arguments; `None` where it is none.

    Raises `not_loopback` and `bad_setting`.
    """
    try:
        given = msgspec.json.decode(raw, type=dict[str, Any])
    except msgspec.DecodeError:
        return None
    written = given.get(CHILD)
    if written is None:
        return None
    host, _, port = str(written).rpartition(":")
    if not port.isdecimal() or not 0 < int(port) < 2**16:
        raise S2sdapError("bad_setting", setting=CHILD, value=written, expected="host:port")
    check_loopback(host)
    return host, int(port)


class Relay:
    """One client and the debugger that it was led to."""

    def __init__(self, writer: asyncio.StreamWriter, pump: "asyncio.Task[None]") -> None:
        self._writer = writer
        self._pump = pump

    @classmethod
    async def open(
        cls, address: tuple[str, int], hello: bytes, send: Send, gone: Callable[[], None]
    ) -> "Relay":
        """Connect, and say hello with the arguments of the client's own `initialize`.

        `send` writes a message to the client, `gone` hears that the debugger has left. Raises
        `child_unreachable`.
        """
        try:
            reader, writer = await asyncio.wait_for(asyncio.open_connection(*address), PATIENCE)
        except (OSError, TimeoutError) as error:
            raise S2sdapError(
                "child_unreachable", address=f"{address[0]}:{address[1]}", reason=error
            ) from error
        arguments = msgspec.Raw(hello)
        writer.write(frame(msgspec.json.encode(Request(HELLO, "initialize", arguments))))
        greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def pump() -> None:
            frames = FrameReader()
            with contextlib.suppress(OSError, S2sdapError):
                while data := await reader.read(65536):
                    for body in frames.feed(data):
                        if not greeted.done() and (told := _greeting(body)) is not None:
                            await send(told)
                            greeted.set_result(None)
                        else:
                            await send(body)
            if not greeted.done():
                greeted.set_exception(ConnectionResetError("it closed the connection"))
            gone()

        relay = cls(writer, asyncio.create_task(pump()))
        try:
            await asyncio.wait_for(greeted, PATIENCE)
        except (OSError, TimeoutError) as error:
            relay.close()
            raise S2sdapError(
                "child_unreachable", address=f"{address[0]}:{address[1]}", reason=error
            ) from error
        return relay

    async def forward(self, body: bytes) -> None:
        """A message of the client's."""
        self._writer.write(frame(body))
        with contextlib.suppress(OSError):
            await self._writer.drain()

    def close(self) -> None:
        """The client is gone."""
        self._pump.cancel()
        self._writer.close()


def _greeting(body: bytes) -> bytes | None:
    """The answer to our hello as the event that tells the client what can be done there."""
    told = msgspec.json.decode(body, type=Incoming)
    if told.type != "response" or told.request_seq != HELLO:
        return None
    capabilities = msgspec.json.decode(told.body)
    return msgspec.json.encode(
        Event(HELLO, "capabilities", bodies.Capabilities(capabilities=capabilities or {}))
    )
