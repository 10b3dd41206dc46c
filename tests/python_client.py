"""A client of debugpy over a socket, as an editor is one. It is held to no law of ours."""

import json
import socket
import threading

PATIENCE = 100.0
"""Nothing takes this long."""


class PythonClient:
    """A client of debugpy, which is held to no law of ours."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), timeout=PATIENCE)
        self.stream = self.socket.makefile("rwb")
        self.received = []
        self.changed = threading.Condition()
        self.seq = 0
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        try:
            while (message := self._message()) is not None:
                with self.changed:
                    self.received.append(message)
                    self.changed.notify_all()
        except (OSError, ValueError):
            return

    def _message(self):
        """The next message, `None` at the end."""
        length = 0
        while (line := self.stream.readline()) != b"\r\n":
            if not line:
                return None
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        return json.loads(self.stream.read(length))

    def send(self, command, **arguments):
        self.seq += 1
        message = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self.stream.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.stream.flush()
        return self.seq

    def until(self, kind, **wanted):
        def look():
            found = (each for each in self.received if each["type"] == kind)
            return next((each for each in found if wanted.items() <= each.items()), None)

        with self.changed:
            assert self.changed.wait_for(look, PATIENCE), f"no {kind} {wanted}: {self.received[-3:]}"
            return look()

    def request(self, command, **arguments):
        answer = self.until("response", request_seq=self.send(command, **arguments))
        assert answer["success"], answer
        return answer.get("body")

    def attach(self, configuration, path, lines):
        """Initialize, attach, break at these lines of a file."""
        self.request("initialize", adapterID="python", clientID="tests", pathFormat="path")
        seq = self.send("attach", **configuration)
        self.until("event", event="initialized")
        self.break_at(path, lines)
        self.request("configurationDone")
        assert self.until("response", request_seq=seq)["success"]

    def break_at(self, path, lines):
        breakpoints = [{"line": line} for line in lines]
        self.request("setBreakpoints", source={"path": path}, breakpoints=breakpoints)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.reader.join(PATIENCE)
