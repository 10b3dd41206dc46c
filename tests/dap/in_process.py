"""An adapter in this very process, over a real socket: a test can hold its records against others."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator

from dap_wires import TcpWire
from harness import DebugSession
from warm_processes import PATIENCE

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.channels import TcpChannel
from s2sdap.dap.connection import Connection
from s2sdap.dap.handlers import HANDLERS
from s2sdap.dap.model_thread import ModelThread

TOKEN = "in this process"


class Served(DebugSession):
    """A client, with the adapter at the other end."""

    def __init__(self, port: int, adapters: list[Adapter]) -> None:
        super().__init__(TcpWire(port), TOKEN)
        self._adapters = adapters

    @property
    def debugged(self):
        """The debugger's own session."""
        return self._adapters[-1].need_session()


@contextlib.contextmanager
def adapter_in_process() -> Iterator[Served]:
    """A session with an adapter whose protocol and models have a thread each."""
    models, adapters, ready = ModelThread(), [], threading.Event()
    where: list[int] = []
    over: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(TcpChannel(reader, writer), models, HANDLERS, token=TOKEN)
        adapters.append(connection.adapter)
        await connection.serve()

    async def serve() -> None:
        end = asyncio.Event()
        async with await asyncio.start_server(connected, "127.0.0.1", 0) as server:
            where.append(server.sockets[0].getsockname()[1])
            over.append((asyncio.get_running_loop(), end))
            ready.set()
            await end.wait()

    threads = [threading.Thread(target=models.serve), threading.Thread(target=lambda: asyncio.run(serve()))]
    for thread in threads:
        thread.start()
    try:
        assert ready.wait(PATIENCE)
        with Served(where[0], adapters) as session:
            yield session
    finally:
        loop, end = over[0]
        loop.call_soon_threadsafe(end.set)
        models.close()
        for thread in threads:
            thread.join(PATIENCE)
