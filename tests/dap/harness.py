"""A debug session as a context manager: start, break, step, expect.

    with DebugSession(wire) as session:
        session.launch(source="March 3, 1999")
        session.stopped("entry")
        session.request("next", threadId=1)
        session.expect(Event("stopped", reason="step"))

Every message of both sides is recorded in order; `expect` looks for a partial order of messages
after those of the last `expect`. At the end the laws of `dap_laws` are checked over the whole.
"""

import json
import threading
import time
from typing import Any

from dap_laws import check_session
from dap_patterns import Event, Expectation, Message, Response
from dap_wires import PATIENCE, Wire

ABSENT = object()
EDITOR = {
    "adapterID": "s2sdap",
    "clientID": "tests",
    "supportsVariableType": True,
    "supportsVariablePaging": True,
    "supportsInvalidatedEvent": True,
    "supportsProgressReporting": True,
}
"""What a client says of itself that can do everything we can."""


class Refusal(AssertionError):  # noqa: N818 - a refusal is an answer, not an error of the test
    """A request that failed: its catalogue number and text."""

    def __init__(self, message: Message) -> None:
        error = message["body"]["error"]
        self.number: int = error["id"]
        self.text: str = error["format"]
        self.message: str = message["message"]
        super().__init__(f"{message['command']}: {self.text}")


class DebugSession:
    """One client of one adapter."""

    def __init__(self, wire: Wire, token: str | None = None) -> None:
        self.wire = wire
        self.token = token
        self.sent: list[Message] = []
        self.received: list[Message] = []
        self.client: dict[str, Any] = {}
        self.capabilities: dict[str, Any] = {}
        self.ended = False
        """Whether the adapter has closed the connection."""
        self._gone = False
        self._mark = 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> "DebugSession":
        self._reader.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        complete = False
        try:
            if kind is None and not self._gone and not self.ended:
                self.goodbye()
            complete = any(each.get("command") == "disconnect" for each in self.received)
        finally:
            errors = self.wire.close()
            self._reader.join(PATIENCE)
        if kind is None:
            progress = bool(self.client.get("supportsProgressReporting"))
            check_session(self.sent, self.received, complete=complete, progress=progress)
            assert "Traceback" not in errors, errors

    def _read(self) -> None:
        while (body := self.wire.receive()) is not None:
            message = json.loads(body)
            with self._changed:
                self.received.append(message)
                self._changed.notify_all()
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    # ---- words -------------------------------------------------------------------------------

    def send(self, command: str, arguments: Any = ABSENT) -> int:
        """Send a request and wait for nothing. Returns its number."""
        message: Message = {"seq": len(self.sent) + 1, "type": "request", "command": command}
        if arguments is not ABSENT:
            message["arguments"] = arguments
        self.sent.append(message)
        self.wire.send(json.dumps(message).encode())
        return message["seq"]

    def answer(self, seq: int, timeout: float = PATIENCE) -> Message:
        """The answer to a request."""

        def look() -> Message | None:
            for message in self.received:
                if message["type"] == "response" and message["request_seq"] == seq:
                    return message
            return None

        return self._wait(look, f"answer to {self.sent[seq - 1]}", timeout)

    def request(self, command: str, _arguments: Any = ABSENT, /, **arguments: Any) -> Any:
        """Send a request; its answer's body. Raises `Refusal` where it fails."""
        given = arguments if _arguments is ABSENT and arguments else _arguments
        answer = self.answer(self.send(command, given))
        if not answer["success"]:
            raise Refusal(answer)
        return answer.get("body")

    def refused(self, command: str, _arguments: Any = ABSENT, /, **arguments: Any) -> Refusal:
        """Send a request that must fail; why it did."""
        try:
            body = self.request(command, _arguments, **arguments)
        except Refusal as refusal:
            return refusal
        raise AssertionError(f"{command} was answered: {body}")

    def expect(self, expectation: Expectation, timeout: float = PATIENCE) -> Any:
        """Wait for messages after those of the last `expect`; one message, or a list of several."""

        def look() -> list[int] | None:
            return expectation.find(self.received, self._mark, frozenset())

        found = self._wait(look, repr(expectation), timeout)
        self._mark = max(found) + 1
        messages = [self.received[place] for place in found]
        return messages[0] if len(messages) == 1 else messages

    def events(self, name: str) -> list[Message]:
        """The bodies of all events of a name so far."""
        return [each.get("body") for each in self.received if each.get("event") == name]

    def wait_for_end(self, timeout: float = PATIENCE) -> None:
        """Wait until the adapter has closed the connection."""
        self._wait(lambda: self.ended or None, "end of the connection", timeout)

    def _wait(self, look: Any, what: str, timeout: float) -> Any:
        deadline = time.monotonic() + timeout
        with self._changed:
            while (found := look()) is None:
                last = [str(message)[:300] for message in self.received[-8:]]
                assert not self.ended, f"no {what} before the end; the last were {last}"
                left = deadline - time.monotonic()
                assert left > 0, f"no {what} within {timeout} s; the last were {last}"
                self._changed.wait(left)
            return found

    # ---- sentences ---------------------------------------------------------------------------

    def initialize(self, **client: Any) -> dict[str, Any]:
        """Say hello as `EDITOR` with these changes; the capabilities."""
        self.client = {**EDITOR, **client}
        self.capabilities = self.request("initialize", self.client)
        return self.capabilities

    def begin_launch(self, **arguments: Any) -> int:
        """Send the launch and wait until breakpoints may be set. Returns the launch's number."""
        if not self.client:
            self.initialize()
        seq = self.launch_only(**arguments)
        self.expect(Event("initialized"))
        return seq

    def launch_only(self, **arguments: Any) -> int:
        """Send the launch, with the token where one is needed. Returns its number."""
        if self.token is not None:
            arguments.setdefault("token", self.token)
        return self.send("launch", arguments)

    def launch(self, **arguments: Any) -> None:
        """Say hello if that was not done, launch and run."""
        seq = self.begin_launch(**arguments)
        self.finish_launch(seq)

    def finish_launch(self, seq: int) -> None:
        """Say that breakpoints are set; wait for the launch's answer."""
        self.request("configurationDone")
        answer = self.answer(seq)
        if not answer["success"]:
            raise Refusal(answer)

    def stopped(self, reason: str | None = None) -> dict[str, Any]:
        """Wait for the next stop."""
        body = self.expect(Event("stopped"))["body"]
        assert reason in (None, body["reason"]), body
        return body

    def go(self, motion: str, **arguments: Any) -> dict[str, Any]:
        """Set off and wait for the stop."""
        arguments.setdefault("threadId", self.thread)
        seq = self.send(motion, arguments)
        _, stop = self.expect(Response(motion, seq=seq) >> Event("stopped"))
        return stop["body"]

    def run_to_end(self) -> list[str]:
        """Continue to the end; the best output of each sentence."""
        seq = self.send("continue", {"threadId": self.thread})
        self.expect(Response("continue", seq=seq) >> Event("exited", exitCode=0) >> Event("terminated"))
        return self.outputs()

    def outputs(self) -> list[str]:
        """The best output of each sentence that is done."""
        results = self.request("s2s/results")["results"]
        return [each["outputs"][0]["text"] if each["outputs"] else "" for each in results]

    @property
    def thread(self) -> int:
        """The hypothesis of the last stop."""
        return next(
            (each["body"]["threadId"] for each in reversed(self.received) if each.get("event") == "stopped"),
            1,
        )

    def frames(self, **arguments: Any) -> list[dict[str, Any]]:
        """The call stack of the hypothesis at the cursor."""
        arguments.setdefault("threadId", self.thread)
        return self.request("stackTrace", arguments)["stackFrames"]

    def scopes(self, frame: int | None = None) -> dict[str, int]:
        """The scopes of a frame, by default the top one, with their references."""
        frame = self.frames(levels=1)[0]["id"] if frame is None else frame
        return {
            each["name"]: each["variablesReference"]
            for each in self.request("scopes", frameId=frame)["scopes"]
        }

    def variables(self, reference: int, **page: Any) -> dict[str, dict[str, Any]]:
        """A page of variables, by name."""
        found = self.request("variables", variablesReference=reference, **page)["variables"]
        return {each["name"]: each for each in found}

    def scope(self, name: str) -> dict[str, dict[str, Any]]:
        """The variables of a scope of the top frame."""
        return self.variables(self.scopes()[name])

    def value(self, expression: str, **arguments: Any) -> str:
        """What an expression evaluates to."""
        return self.request("evaluate", expression=expression, **arguments)["result"]

    def goodbye(self) -> None:
        """Disconnect and see the connection close."""
        self.expect(Response("disconnect", seq=self.send("disconnect", {})))
        self.wait_for_end()

    def vanish(self) -> None:
        """Be gone without goodbye."""
        self._gone = True
        self.wire.vanish()
