"""The adapter over standard input and output, as editors start it.

The protocol owns the real standard output. Whatever the model's code prints, from Python or from C,
goes into a pipe instead and comes out as `output` events. The main thread is the model's.
"""

import asyncio
import codecs
import os
import sys
import threading
from pathlib import Path
from typing import Final

from s2sdap.dap.channels import StdioChannel, mark_untraced
from s2sdap.dap.connection import Connection
from s2sdap.dap.handlers import HANDLERS
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import open_log
from s2sdap.protocol import bodies

GRACE_SECONDS: Final = 0.8
"""How long the process may outlive its last words while a forward pass ends."""


def run_adapter(log_file: Path | None = None) -> None:
    """Serve one client on standard input and output; returns when it is gone."""
    models = ModelThread()
    protocol_out = os.dup(1)
    captured, printed = os.pipe()
    os.dup2(printed, 1)
    os.close(printed)
    log = open_log(log_file)

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        channel = StdioChannel(0, protocol_out, loop)
        connection = Connection(channel, models, HANDLERS, log=log)
        _forward_prints(captured, connection)
        await connection.serve()
        _leave_soon()

    def protocol() -> None:
        try:
            asyncio.run(serve())
        finally:
            models.close()

    thread = threading.Thread(target=protocol, name="s2sdap protocol", daemon=True)
    mark_untraced(thread)
    thread.start()
    models.serve()
    thread.join(GRACE_SECONDS)
    if log:
        log.close()
    sys.stderr.flush()
    os._exit(0)  # torch's own threads take their time to leave, and nobody waits for anything


def _leave_soon() -> None:
    """The client is gone, and was told all: neither a forward pass nor a slow file may keep the process."""
    last = threading.Timer(GRACE_SECONDS, os._exit, (0,))
    last.daemon = True
    last.start()


def _forward_prints(captured: int, connection: Connection) -> None:
    """Turn what is printed below Python into output events."""

    def read() -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        while data := os.read(captured, 8192):
            text = decoder.decode(data)
            connection.later(connection.emit, "output", bodies.Output(output=text, category="stdout"))

    thread = threading.Thread(target=read, name="s2sdap prints", daemon=True)
    mark_untraced(thread)
    thread.start()
