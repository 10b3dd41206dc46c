"""Wires: how a test's own bytes reach an adapter. Nothing of the package's framing is used here.

Each wire sends one message, gives the next one (`None` at the end), can send raw bytes where the
transport has them, and can vanish without goodbye. Over stdio the adapter is a process of its own;
`WarmWire` has it forked from a process that has torch already, so that a test need not wait for it.
"""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

import websockets.sync.client
from warm_processes import HUGGING_FACE, PATIENCE, ColdProcesses, Forked, WarmProcesses
from websockets.exceptions import ConnectionClosed


class Wire(Protocol):
    """One connection to an adapter."""

    def send(self, body: bytes) -> None:
        """Send one message."""

    def receive(self) -> bytes | None:
        """The next message; blocks."""

    def vanish(self) -> None:
        """Go away without a word."""

    def close(self) -> str:
        """Let go of everything; gives what the adapter wrote to standard error, where it is ours."""


def framed(body: bytes) -> bytes:
    return b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body


def read_framed(stream: IO[bytes]) -> bytes | None:
    """The next body of a stream of framed messages."""
    length = None
    while line := stream.readline():
        if line == b"\r\n":
            assert length is not None, "a header without a length"
            body = stream.read(length)
            assert len(body) == length, "the stream ended inside a message"
            return body
        name, _, value = line.decode("ascii").partition(":")
        if name == "Content-Length":
            length = int(value)
    return None


class StreamWire:
    """Framed messages over a pair of streams."""

    def __init__(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        self._reading, self._writing = reading, writing

    def send(self, body: bytes) -> None:
        self.raw(framed(body))

    def raw(self, data: bytes) -> None:
        self._writing.write(data)
        self._writing.flush()

    def receive(self) -> bytes | None:
        try:
            return read_framed(self._reading)
        except (ConnectionError, ValueError):  # ValueError: closed by `vanish`
            return None


class TcpWire(StreamWire):
    """A socket of a server."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self._socket = socket.create_connection((host, port))
        super().__init__(self._socket.makefile("rb"), self._socket.makefile("wb"))

    def vanish(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def finish(self) -> None:
        """Say that nothing more will be sent; what comes is still read."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> str:
        self.vanish()
        for stream in (self._writing, self._reading, self._socket):
            with contextlib.suppress(OSError):
                stream.close()
        return ""


class WebSocketWire:
    """A websocket of a server; one message a frame."""

    def __init__(self, port: int, headers: dict[str, str] | None = None) -> None:
        opening = websockets.sync.client.connect(
            f"ws://127.0.0.1:{port}",
            additional_headers=headers,
            compression=None,
            max_size=None,
            proxy=None,
            open_timeout=PATIENCE,
        )
        self._open = contextlib.ExitStack()
        self._socket = self._open.enter_context(opening)

    def send(self, body: bytes) -> None:
        self._socket.send(body.decode())

    def receive(self) -> bytes | None:
        try:
            return self._socket.recv(decode=False)
        except ConnectionClosed:
            return None

    def vanish(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> str:
        self._open.close()
        return ""


class ProcessWire(StreamWire):
    """Standard input and output of `python -m s2sdap adapter`."""

    def __init__(self, environment: dict[str, str], *options: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the wire
        self.process = subprocess.Popen(
            [sys.executable, "-m", "s2sdap", "adapter", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env=environment,
        )
        super().__init__(self.process.stdout, self.process.stdin)

    def vanish(self) -> None:
        self._writing.close()

    finish = vanish

    def close(self) -> str:
        with contextlib.suppress(BrokenPipeError):
            self.vanish()
        self.process.wait(PATIENCE)
        self._reading.close()
        return _all_of(self._errors)


class WarmWire(StreamWire):
    """Standard input and output of an adapter that was forked where torch was imported already."""

    def __init__(self, warm: WarmProcesses, environment: dict[str, str], imports: Sequence[str] = ()) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the wire
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        standard = [theirs_in, theirs_out, self._errors.fileno()]
        self.process = warm.fork(
            ["-m", "s2sdap", "adapter"], standard, environment=environment, imports=imports
        )
        os.close(theirs_in)
        os.close(theirs_out)
        super().__init__(os.fdopen(ours_in, "rb"), os.fdopen(ours_out, "wb"))

    def vanish(self) -> None:
        self._writing.close()

    finish = vanish

    def close(self) -> str:
        with contextlib.suppress(BrokenPipeError):
            self.vanish()
        while self._reading.read(65536):  # to the end: then it has nothing more to say
            pass
        self.process.wait(PATIENCE)
        self._reading.close()
        return _all_of(self._errors)


def _all_of(file: IO[bytes]) -> str:
    file.seek(0)
    text = file.read().decode(errors="replace")
    file.close()
    return text


@dataclass(frozen=True)
class Served:
    """A running `s2sdap serve`: where it listens, its token, its log and its errors."""

    process: subprocess.Popen[str] | Forked
    tcp_port: int
    websocket_port: int
    token: str
    token_file: Path
    log_file: Path
    errors: IO[bytes]

    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        size = os.fstat(self.errors.fileno()).st_size
        return os.pread(self.errors.fileno(), size, 0).decode(errors="replace")


@contextlib.contextmanager
def serve(
    warm: WarmProcesses | ColdProcesses, folder: Path, environment: dict[str, str], *options: str
) -> Iterator[Served]:
    """Start a server whose files are in `folder`; it is asked to leave at the end."""
    token_file, log_file = folder / "token", folder / "protocol.log"
    files = ["--token-file", str(token_file), "--log-file", str(log_file)]
    with (
        tempfile.TemporaryFile() as errors,
        warm.start(
            ["-m", "s2sdap", "serve", *files, *options],
            errors=errors,
            environment=environment,
            imports=HUGGING_FACE,
        ) as process,
    ):
        try:
            tcp, websocket, _ = (process.stdout.readline().strip() for _ in range(3))
            ports = [int(address.rsplit(":", 1)[1]) for address in (tcp, websocket)]
            yield Served(process, *ports, token_file.read_text(), token_file, log_file, errors)
        finally:
            process.terminate()
            process.wait(PATIENCE)


def environment_with(*folders: Path, **more: Any) -> dict[str, str]:
    """This process's environment, with folders to import from and one thread for torch."""
    path = os.pathsep.join([*map(str, folders), os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    return {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", **more}
