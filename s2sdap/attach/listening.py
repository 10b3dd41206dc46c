"""Listening for a client: the server on a thread of its own, beside the program."""

import asyncio
import atexit
import contextlib
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from s2sdap.attach.process import HERE
from s2sdap.dap.access import check_loopback, new_token, write_token
from s2sdap.dap.channels import mark_untraced
from s2sdap.dap.model_thread import ModelThread
from s2sdap.dap.protocol_log import open_log
from s2sdap.dap.server import Addresses, Server
from s2sdap.vocabulary.errors import S2sdapError

LEAVING_SECONDS: Final = 10.0
"""How long sessions may take to end when the process does: on a busy machine longer than it takes them."""


class _Listening:
    """The server's thread. Made by `listen`, ended by `close` or with the process."""

    def __init__(
        self,
        host: str,
        port: int,
        websocket_port: int,
        origins: Sequence[str],
        token_file: Path | None,
        log_file: Path | None,
    ) -> None:
        self.owner = os.getpid()
        self.addresses: Addresses | None = None
        self._failure: BaseException | None = None
        self._started = threading.Event()
        self._server: Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._folder = None if token_file is not None else tempfile.mkdtemp(prefix="s2sdap-")
        self.token_file = token_file or Path(str(self._folder)) / "token"
        self._log = open_log(log_file)
        token = new_token()

        async def run() -> None:
            self._server = Server(
                ModelThread(),  # never served: nothing is launched here
                token,
                host=host,
                tcp_port=port,
                websocket_port=websocket_port,
                origins=origins,
                log=self._log,
                process=HERE,
            )
            self._loop = asyncio.get_running_loop()
            await self._server.run(self._ready)

        def protocol() -> None:
            try:
                asyncio.run(run())
            except BaseException as failure:  # told by whoever waits for it to begin
                self._failure = failure
            finally:
                self._started.set()

        try:
            write_token(token, self.token_file)
        except BaseException:
            self._remove_token(written=False)
            raise
        self._thread = threading.Thread(target=protocol, name="s2sdap protocol", daemon=True)
        mark_untraced(self._thread)
        self._thread.start()
        self._started.wait()
        self._check_begun(host, port)
        atexit.register(self.close)

    def _check_begun(self, host: str, port: int) -> None:
        if self.addresses is not None:
            return
        self.close()
        if isinstance(self._failure, OSError):
            reason = self._failure.strerror or self._failure
            raise S2sdapError("port_taken", host=host, port=port, reason=reason) from self._failure
        raise self._failure or AssertionError("the server ended before it began")

    def _ready(self, addresses: Addresses) -> None:
        self.addresses = addresses
        self._started.set()

    def close(self) -> None:
        """End the sessions and stop listening. The program and its calls go on."""
        if os.getpid() != self.owner:  # a forked child: thread, socket and token are the parent's
            return
        atexit.unregister(self.close)
        if self._server is not None and self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended already
                self._loop.call_soon_threadsafe(self._say_goodbye, self._server)
        self._thread.join(LEAVING_SECONDS)
        self._remove_token(written=True)
        if self._log is not None:
            self._log.close()

    def _say_goodbye(self, server: Server) -> None:
        client = HERE.client
        if client is not None:
            HERE.detach(client)
            client.end()
            client.outlet.hang_up()
        server.close()

    def _remove_token(self, *, written: bool) -> None:
        if written:
            self.token_file.unlink(missing_ok=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


_lock = threading.Lock()
_listening: list[_Listening] = []


def listen(
    address: int | tuple[str, int] = 5680,
    *,
    websocket_port: int = 0,
    token_file: str | os.PathLike[str] | None = None,
    origins: Sequence[str] = (),
    log_file: str | os.PathLike[str] | None = None,
    quiet: bool = False,
) -> Addresses:
    """Let a client attach to this process, from this machine and with the token only.

    Says on standard error where it listens and how to attach, unless `quiet`. Imports no tensor library.

    Args:
        address: a port, or host and port; the host must be a loopback address, port 0 picks a free one.
        websocket_port: the port for pages, 0 picks one.
        token_file: where the token is written; by default into a folder that goes with the process.
        origins: pages that may connect over the websocket.
        log_file: a record of the protocol, for bug reports.
        quiet: say nothing.

    Returns:
        Host and ports.

    Raises:
        S2sdapError: `listening_already`, `not_loopback`, `port_taken` or `file_refused`.
    """
    host, port = ("127.0.0.1", address) if isinstance(address, int) else address
    check_loopback(host)
    with _lock:
        if _current() is not None:
            shown = _current_addresses()
            raise S2sdapError("listening_already", address=f"{_host(shown)}:{shown.tcp_port}")
        begun = _Listening(
            host,
            port,
            websocket_port,
            origins,
            None if token_file is None else Path(token_file),
            None if log_file is None else Path(log_file),
        )
        _listening[:] = [begun]
    addresses = _current_addresses()
    if not quiet:
        print(_how_to_attach(addresses, begun.token_file), file=sys.stderr, flush=True)
    return addresses


def stop_listening() -> None:
    """Let the client go and listen no more. The program goes on; `listen` may begin again."""
    with _lock:
        current = _current()
        _listening.clear()
    if current is not None:
        current.close()


def token_file() -> Path:
    """The file that holds the token. Raises `not_listening`."""
    current = _current()
    if current is None:
        raise S2sdapError("not_listening")
    return current.token_file


def wait_for_client(timeout: float | None = None) -> bool:
    """Wait until a client has attached and set its breakpoints; at most `timeout` seconds.

    Returns whether one has. Raises `not_listening` where none ever could.
    """
    if _current() is None:
        raise S2sdapError("not_listening")
    return HERE.wait(timeout)


def is_client_connected() -> bool:
    """Whether a client has attached and is shown the calls."""
    return HERE.client is not None


def breakpoint() -> None:  # noqa: A001 - as `debugpy.breakpoint`
    """Pause at the next step of a debugged call, this one or the next; without a client do nothing."""
    HERE.pause_next("s2sdap.breakpoint()")


def _current() -> _Listening | None:
    """What this process listens with; a forked child does not."""
    return next((each for each in _listening if each.owner == os.getpid()), None)


def _current_addresses() -> Addresses:
    current = _current()
    if current is None or current.addresses is None:
        raise S2sdapError("not_listening")
    return current.addresses


def _host(addresses: Addresses) -> str:
    return f"[{addresses.host}]" if ":" in addresses.host else addresses.host


def _how_to_attach(addresses: Addresses, token_file: Path) -> str:
    tcp = f"tcp://{_host(addresses)}:{addresses.tcp_port}"
    return f"""\
s2sdap listens on {tcp} and ws://{_host(addresses)}:{addresses.websocket_port}
token in {token_file}
VS Code:  {{"type": "s2sdap", "request": "attach", "name": "attach",
           "connect": {{"host": "{addresses.host}", "port": {addresses.tcp_port}}},
           "token": "<the text of the token file>"}}
script:   Debugger.connect_address("{tcp}", token_file="{token_file}").attach()"""
