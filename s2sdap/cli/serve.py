"""`s2sdap serve`: TCP and websocket on loopback, until it is interrupted."""

import asyncio
import contextlib
import signal
import tempfile
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from s2sdap.cli.outcomes import REFUSED, in_words, say
from s2sdap.dap.access import check_loopback, new_token, write_token
from s2sdap.dap.channels import mark_untraced
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import open_log
from s2sdap.dap.server import Addresses, Server
from s2sdap.page.files import handout, read_page
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
    *,
    page: bool = False,
) -> None:
    """Serve on the protocol's thread, with the models on this one. Returns when interrupted.

    With `page` the last line that is printed is a link with the token, to open in a browser.
    """
    check_loopback(host)
    handed_out = partial(handout, read_page()) if page else None
    models = ModelThread()
    failure: list[S2sdapError | OSError] = []
    running: list[tuple[Server, asyncio.AbstractEventLoop]] = []

    with contextlib.ExitStack() as stack:
        log = open_log(log_file)
        if log:
            stack.callback(log.close)
        # From here on an end that is asked for, by Ctrl-C or by SIGTERM, takes the token away again.
        for number in (signal.SIGTERM, signal.SIGINT):  # SIGINT too: a script's background ignores it
            signal.signal(number, signal.default_int_handler)
        stack.enter_context(contextlib.suppress(KeyboardInterrupt))
        if token_file is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="s2sdap-"))
            token_file = Path(folder) / "token"
        token = new_token()
        write_token(token, token_file)  # refused where the file is somebody's: it is not ours to remove
        stack.callback(token_file.unlink, missing_ok=True)

        def announce(addresses: Addresses) -> None:
            shown = f"[{addresses.host}]" if ":" in addresses.host else addresses.host
            print(f"tcp://{shown}:{addresses.tcp_port}")
            print(f"ws://{shown}:{addresses.websocket_port}")
            print(f"token in {token_file}", flush=True)
            if page:
                print(f"page http://{shown}:{addresses.websocket_port}/#{token}", flush=True)

        async def run() -> None:
            server = Server(
                models,
                token,
                host=host,
                tcp_port=tcp_port,
                websocket_port=websocket_port,
                origins=origins,
                log=log,
                page=handed_out,
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
        with contextlib.suppress(KeyboardInterrupt):  # also where it comes as soon as the addresses are told
            thread.start()
            models.serve()
        for server, loop in running:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(server.close)
        if thread.ident is not None:
            thread.join(LEAVING_SECONDS)
    for error in failure:
        say(error if isinstance(error, S2sdapError) else in_words(error))
        raise SystemExit(REFUSED)
