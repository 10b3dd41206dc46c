"""The language server: how long until it is there, and how soon it answers on a file of 100,000 lines.

The time to `initialize` is held against a pygls server that does nothing. Hover and hints are held against a
goal, once the model is loaded: hovers at sentences that were not decoded before, each of which is decoded
for it (one that the model is too slow for is answered without it after a quarter of a second, and so has
missed the goal); hints at lines that are decoded, and at lines that are not, whose decoding then goes on
while others are asked for.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.measuring import Row, milliseconds, paired
from s2sdap.neighbors.bundled import bundled_index

OURS = [sys.executable, "-m", "s2sdap", "lsp"]
EMPTY = [
    sys.executable,
    "-c",
    "from pygls.lsp.server import LanguageServer; LanguageServer('empty', '1').start_io()",
]
LINES = 100_000
SHOWN = 50
"""Lines that an editor shows."""
GOAL = 0.050
"""Seconds in which an answer is there."""


class Wire:
    """The protocol as a client writes it."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self.number = 0

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def send(self, method: str, params: Any, number: int | None = None) -> None:
        """A notification, or with a number a request."""
        message = {"jsonrpc": "2.0", "method": method, "params": params}
        body = json.dumps(message if number is None else {**message, "id": number}).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        """The next message."""
        assert self.process.stdout is not None
        length = 0
        while (line := self.process.stdout.readline()) != b"\r\n":
            if not line:
                raise EOFError("the server has ended")
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        message: dict[str, Any] = json.loads(self.process.stdout.read(length))
        return message

    def request(self, method: str, **params: Any) -> Any:
        """The answer to a request."""
        self.number += 1
        self.send(method, params, self.number)
        while True:
            message = self.receive()
            if message.get("id") == self.number and "method" not in message:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message.get("result")

    def hello(self, **options: Any) -> None:
        """Introduce the client."""
        self.request(
            "initialize", processId=None, rootUri=None, capabilities={}, initializationOptions=options
        )


def _start(command: list[str]) -> float:
    begin = time.perf_counter()
    with Wire(command) as wire:
        wire.hello()
        return time.perf_counter() - begin


def _timed(wire: Wire, method: str, **params: Any) -> tuple[float, Any]:
    begin = time.perf_counter()
    answer = wire.request(method, **params)
    return time.perf_counter() - begin, answer


def _row(what: str, taken: list[float]) -> Row:
    slowest = max(taken)
    told = f"{milliseconds(statistics.median(taken))}, slowest {milliseconds(slowest)}"
    return Row(
        f"{what}, slowest of {len(taken)}, peer the goal", told, milliseconds(GOAL), slowest / GOAL, 1.0
    )


def _opened(wire: Wire, uri: str) -> float:
    """Open the long file; seconds until a request about it is answered."""
    months = ("January", "March", "May", "July", "August", "October", "December")
    lines = (f"{months[n % 7]} {1 + n // 7 % 28}, {1500 + n // 196}" for n in range(LINES))
    document = {"uri": uri, "languageId": "s2sdap", "version": 1, "text": "\n".join(lines)}
    begin = time.perf_counter()
    wire.send("textDocument/didOpen", {"textDocument": document})
    wire.request("textDocument/foldingRange", textDocument={"uri": uri})
    return time.perf_counter() - begin


def rows(starts: int = 9, asked: int = 60) -> list[Row]:
    """The start, and the answers."""
    ours, peer, ratio = paired(lambda: _start(OURS), lambda: _start(EMPTY), starts)
    start = "language server: start to `initialize` answered, peer an empty pygls server"
    out = [Row(start, milliseconds(ours), milliseconds(peer), ratio, 1.5)]
    bundled_index()  # whose neighbours a hover tells
    with tempfile.TemporaryDirectory() as folder, Wire(OURS) as wire:
        wire.hello(configuration={"watchRules": ["lowConfidence(p < 0.5)"]})
        uri = (Path(folder) / "long.src").as_uri()
        document = {"uri": uri}
        opened = _opened(wire, uri)
        wire.request("workspace/executeCommand", command="s2sdap.source.decodeLine", arguments=[uri, 0])

        def hover(line: int) -> tuple[float, bool]:
            taken, answer = _timed(
                wire, "textDocument/hover", textDocument=document, position={"line": line, "character": 0}
            )
            return taken, "Nearest training states" in answer["contents"]["value"]

        while not hover(0)[1]:  # the index is being opened, of which the server says nothing: ask again
            time.sleep(0.1)

        def hints(line: int) -> tuple[float, int]:
            span = {
                "start": {"line": line, "character": 0},
                "end": {"line": line + SHOWN - 1, "character": 0},
            }
            taken, answer = _timed(wire, "textDocument/inlayHint", textDocument=document, range=span)
            return taken, len(answer)

        out.append(
            _row(
                "  hover on 100,000 lines, its sentence decoded for it",
                [hover(997 * n)[0] for n in range(1, asked)],
            )
        )
        out.append(
            _row(
                f"  hints of {SHOWN} new lines, others being decoded",
                [hints(1009 * n)[0] for n in range(asked)],
            )
        )
        while hints(0)[1] < SHOWN:  # these lines are being decoded: an editor, too, asks again
            time.sleep(0.1)
        out.append(_row(f"  hints of {SHOWN} decoded lines", [hints(0)[0] for _ in range(asked)]))
        out.append(Row("  opening them, until a request is answered", milliseconds(opened), ""))
    return out
