"""A small protocol client over stdio, the same for our adapter and for its peer."""

import json
import os
import subprocess
from collections.abc import Sequence
from typing import Any


class Wire:
    """Starts an adapter as a subprocess and talks to it, blocking. Use it with `with`."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._seq = 0

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self._in.close()
        self._process.terminate()
        self._process.wait(10)
        self._out.close()

    def send(self, command: str, **arguments: Any) -> int:
        """Send a request; returns its number."""
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._in.write(b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
        self._in.flush()
        return self._seq

    def receive(self) -> dict[str, Any]:
        """The next message; a request from the adapter is refused and passed over."""
        while True:
            length = 0
            while (line := self._out.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
            if not length:
                raise EOFError(f"the adapter {self._process.args} has gone")
            message: dict[str, Any] = json.loads(self._out.read(length))
            if message["type"] != "request":
                return message

    def answer(self, seq: int) -> dict[str, Any]:
        """The body of the answer to request `seq`."""
        while True:
            message = self.receive()
            if message["type"] == "response" and message["request_seq"] == seq:
                if not message["success"]:
                    raise RuntimeError(message)
                body: dict[str, Any] = message.get("body", {})
                return body

    def event(self, name: str) -> dict[str, Any]:
        """The body of the next event of that name."""
        while True:
            message = self.receive()
            if message["type"] == "event" and message["event"] == name:
                body: dict[str, Any] = message.get("body", {})
                return body

    def request(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        return self.answer(self.send(command, **arguments))


def hello(wire: Wire) -> None:
    """`initialize`, as an editor does it."""
    wire.request(
        "initialize",
        clientID="bench",
        adapterID="bench",
        linesStartAt1=True,
        columnsStartAt1=True,
        pathFormat="path",
    )


def look(wire: Wire, thread: int) -> None:
    """What an editor asks at every stop: stack, scopes, and the variables of each scope."""
    frames = wire.request("stackTrace", threadId=thread, startFrame=0, levels=20)["stackFrames"]
    for scope in wire.request("scopes", frameId=frames[0]["id"])["scopes"]:
        if not scope["expensive"]:
            wire.request("variables", variablesReference=scope["variablesReference"])


def quiet() -> None:
    """One torch thread for this process and those it starts."""
    os.environ["OMP_NUM_THREADS"] = "1"
