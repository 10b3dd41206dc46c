"""`s2sdap serve`: TCP and websocket on loopback, until it is interrupted."""

import asyncio
import contextlib
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from s2sdap.dap.access import new_token, write_token
from s2sdap.dap.channels import mark_untraced
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import ProtocolLog
from s2sdap.dap.server import Addresses, Server
from s2sdap.vocabulary.errors import S2sdapError

LEAVING_SECONDS: Final = 2.0
"""How long sessions may take to end when the server is interrupted."""


def serve(
    host: str,
    tcp_port: int,
    websocket_port: int,
    token_file: Path | None,
    origins: Sequence[str],
    log_file: Path | None,
) -> None:
    """Serve on the protocol's thread, with the models on this one. Returns when interrupted."""
    models = ModelThread()
    token = new_token()
    folder = None
    if token_file is None:
        folder = tempfile.TemporaryDirectory(prefix="s2sdap-")
        token_file = Path(folder.name) / "token"
    write_token(token, token_file)
    log = ProtocolLog(log_file) if log_file else None
    failure: list[BaseException] = []
    running: list[tuple[Server, asyncio.AbstractEventLoop]] = []

    def announce(addresses: Addresses) -> None:
        shown = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
        print(f"tcp://{shown}:{addresses.tcp_port}")
        print(f"ws://{shown}:{addresses.websocket_port}")
        print(f"token in {token_file}", flush=True)

    async def run() -> None:
        server = Server(
            models,
            token,
            host=host,
            tcp_port=tcp_port,
            websocket_port=websocket_port,
            origins=origins,
            log=log,
        )
        running.append((server, asyncio.get_running_loop()))
        await server.run(announce)

    def protocol() -> None:
        try:
            asyncio.run(run())
        except (S2sdapError, OSError) as error:
            failure.append(error)
        finally:
            models.close()

    thread = threading.Thread(target=protocol, name="s2sdap protocol", daemon=True)
    mark_untraced(thread)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    thread.start()
    with contextlib.suppress(KeyboardInterrupt):
        models.serve()
    for server, loop in running:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(server.close)
    thread.join(LEAVING_SECONDS)
    token_file.unlink(missing_ok=True)
    if folder is not None:
        folder.cleanup()
    if log:
        log.close()
    if failure:
        print(failure[0], file=sys.stderr)
        raise SystemExit(2)
