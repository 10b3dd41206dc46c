"""Ways to an adapter: addresses, handshakes, processes; and what each says when it does not work."""

import asyncio
import sys

import pytest

from s2sdap.client import S2sdapError
from s2sdap.client.connection import Connection
from s2sdap.client.transports import connect_tcp, connect_websocket, spawn_adapter, split_address
from s2sdap.protocol.framing import frame


async def error_of(awaitable) -> S2sdapError:
    with pytest.raises(S2sdapError) as caught:
        await awaitable
    return caught.value


async def leave(peer):
    """Close at once."""


def test_nobody_at_the_address(listening):
    async def script():
        async with listening(leave) as port:
            pass
        for connecting in (
            connect_tcp("127.0.0.1", port, 60.0),
            connect_websocket(f"ws://127.0.0.1:{port}/", None, 60.0),
        ):
            assert (await error_of(connecting)).name == "connection_refused"

    asyncio.run(script())


@pytest.mark.parametrize("address", ["127.0.0.1:80", "http://x:1", "tcp://x", "tcp://x:99999", "ws://:5", ""])
def test_what_is_no_address(address):
    with pytest.raises(S2sdapError, match="S2S5206"):
        split_address(address)


def test_addresses():
    assert split_address("tcp://127.0.0.1:80") == ("tcp", "127.0.0.1", 80)
    assert split_address("ws://[::1]:80/") == ("ws", "::1", 80)


@pytest.mark.parametrize(
    ("status", "text", "number"),
    [
        (401, "S2S5101: The token is missing or wrong. Take it from the file.\n", 5101),
        (403, "S2S5103: The host 'x' is not this server.\n", 5103),
        (404, "nothing here", 5204),
    ],
)
def test_a_handshake_that_is_refused_says_why(status, text, number):
    from websockets.asyncio.server import serve

    async def script():
        async with serve(
            lambda socket: socket.wait_closed(),
            "127.0.0.1",
            0,
            process_request=lambda connection, request: connection.respond(status, text),
        ) as server:
            port = server.sockets[0].getsockname()[1]
            error = await error_of(connect_websocket(f"ws://127.0.0.1:{port}/", "x", 60.0))
            assert error.number == number
            assert text.strip() in str(error) or str(status) in str(error)

    asyncio.run(script())


def test_a_websocket_carries_the_token_and_one_message_a_frame():
    from websockets.asyncio.server import serve

    headers = []

    async def conversation(socket):
        headers.append(socket.request.headers["Authorization"])
        await socket.recv()
        await socket.send('{"seq":1,"type":"response","request_seq":1,"success":true,"command":"x","body":2}')
        await socket.close(1011, "the house is on fire")

    async def script():
        async with serve(conversation, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            connection = Connection(await connect_websocket(f"ws://127.0.0.1:{port}/", "secret", 60.0))
            assert await connection.request("x") == b"2"
            error = await error_of(connection.wait_for("stopped", since=0))
            assert error.what == "The adapter closed the connection: the house is on fire"
            await connection.close()

    asyncio.run(script())
    assert headers == ["Bearer secret"]


def test_an_adapter_that_cannot_be_started():
    error = asyncio.run(error_of(spawn_adapter(["/nonexistent/adapter"])))
    assert error.name == "connection_refused"


def test_an_adapter_that_dies_tells_its_last_words():
    async def script():
        code = "import sys; sys.stdin.buffer.read(1); sys.exit('no more memory')"
        connection = Connection(await spawn_adapter([sys.executable, "-c", code]))
        error = await error_of(connection.request("initialize"))
        assert error.what.endswith(": it left with status 1 and wrote 'no more memory'")
        await connection.close()

    asyncio.run(script())


def test_an_adapter_that_will_not_leave_is_made_to(monkeypatch):
    monkeypatch.setattr("s2sdap.client.transports.CLOSE_SECONDS", 0.2)
    message = frame(b'{"seq":1,"type":"event","event":"initialized"}')
    code = (
        "import signal, sys, threading\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"sys.stdout.buffer.write({message!r})\n"
        "sys.stdout.flush()\n"
        "threading.Event().wait()\n"
    )

    async def script():
        channel = await spawn_adapter([sys.executable, "-c", code])
        connection = Connection(channel)
        await connection.wait_for("initialized", since=0)
        await connection.close()
        return channel

    channel = asyncio.run(script())
    assert channel._process.returncode == -9
