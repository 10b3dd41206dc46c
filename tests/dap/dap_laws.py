"""What holds in every session, whatever it did: checked when a test lets go of it.

Every message is valid under the protocol's JSON schema; every request is answered once; numbers
grow; a stop comes after the answer to what caused it; progress and threads begin before they end.
"""

import functools
import itertools
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import debugpy
import jsonschema

Message = dict[str, Any]
ROOT = Path(__file__).parents[2]
NEWEST = ROOT.parent / "shared" / "data" / "debug-adapter-protocol" / "debugAdapterProtocol.json"

MOTIONS = ("continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue")
STOPPING = (*MOTIONS, "launch", "restart", "terminate", "setVariable", "s2s/edit")
"""Requests whose answers may be followed by one stop each."""


class Schema:
    """A schema of the protocol, with a validator for each kind of message."""

    def __init__(self, path: Path) -> None:
        self._schema = json.loads(path.read_text("utf-8"))
        self.definitions: dict[str, Any] = self._schema["definitions"]

    @functools.cache  # noqa: B019 - there are two schemas, and they live as long as the tests
    def validator(self, definition: str) -> jsonschema.Draft4Validator:
        """What checks a message against one definition."""
        return jsonschema.Draft4Validator({**self._schema, "$ref": f"#/definitions/{definition}"})

    def definition_of(self, message: Message) -> str:
        """The definition that a message from the adapter has to fulfil; our own have the general one."""
        if message["type"] == "event":
            name = _upper(message["event"]) + "Event"
            general = "Event"
        elif not message["success"]:
            return "ErrorResponse"
        else:
            name = _upper(message["command"]) + "Response"
            general = "Response"
        if name in self.definitions:
            return name
        own = (message.get("event") or message.get("command", "")).startswith("s2s/")
        assert own, f"the protocol has no {name}"
        return general

    def arguments_of(self, command: str) -> dict[str, Any]:
        """The schema of a request's arguments, with the definitions that it refers to."""
        name = _upper(command) + "Arguments"
        return {**self.definitions.get(name, {"type": "object"}), "definitions": self.definitions}

    def check(self, message: Message) -> None:
        """Raise unless the message is valid."""
        name = self.definition_of(message)
        for fault in self.validator(name).iter_errors(message):
            raise AssertionError(f"{name}: {fault.json_path}: {fault.message}\n{message}")


def _upper(name: str) -> str:
    return name[:1].upper() + name[1:]


def _carried() -> Path:
    vendored = Path(debugpy.__file__).parent / "_vendored" / "pydevd"
    return vendored / "_pydevd_bundle" / "_debug_adapter" / "debugProtocol.json"


@functools.cache
def schemas() -> tuple[Schema, ...]:
    """The schema that debugpy carries, and the newest where it is at hand (`test_dap_laws` says if not)."""
    return tuple(Schema(path) for path in (_carried(), NEWEST) if path.is_file())


def check_session(
    sent: Sequence[Message], received: Sequence[Message], *, complete: bool, progress: bool
) -> None:
    """Check a whole session. `complete` says that it ended with the answer to `disconnect`."""
    for message in received:
        for schema in schemas():
            schema.check(message)
    check_answers(sent, received, complete=complete)
    check_order(received)
    check_pairs(received, complete=complete, progress=progress)


def check_answers(sent: Sequence[Message], received: Sequence[Message], *, complete: bool) -> None:
    """Every request has one answer, under its own name; none comes unasked; none is our defect."""
    asked = {each["seq"]: each for each in sent}
    answers = Counter(each["request_seq"] for each in received if each["type"] == "response")
    for message in received:
        if message["type"] != "response":
            continue
        seq = message["request_seq"]
        assert seq in asked, f"nobody asked: {message}"
        command = asked[seq].get("command")
        assert message["command"] in (command, str(command)[:100]), message
        error = (message.get("body") or {}).get("error") if not message["success"] else None
        assert message["success"] or error["id"] > 1000, message
        assert error is None or error["id"] != 5007, f"a defect: {error['format']}"
    assert max(answers.values(), default=0) <= 1, f"answered more than once: {answers.most_common(3)}"
    missing = [each for each in sent if each["seq"] not in answers]
    assert not (complete and missing), f"not answered: {missing[:3]}"


def check_order(received: Sequence[Message]) -> None:
    """Numbers grow, and no stop comes before the answer to what caused it."""
    numbers = [message["seq"] for message in received]
    assert all(one < two for one, two in itertools.pairwise(numbers)), numbers
    allowed = 0
    hello = False
    for message in received:
        if message["type"] == "response" and message["success"]:
            hello = hello or message["command"] == "initialize"
            allowed += message["command"] in STOPPING
        elif message["type"] == "event":
            name = message["event"]
            assert hello or name == "output", f"{name} before the answer to initialize"
            if name in ("stopped", "terminated"):
                allowed -= 1
                assert allowed >= 0, f"a stop that nothing caused: {message}"


def check_pairs(received: Sequence[Message], *, complete: bool, progress: bool) -> None:
    """Threads and progress reports begin before they end, and end."""
    threads: set[int] = set()
    reports: set[str] = set()
    for message in received:
        if message["type"] != "event":
            continue
        body = message.get("body", {})
        match message["event"]:
            case "thread" if body["reason"] == "started":
                assert body["threadId"] not in threads
                threads.add(body["threadId"])
            case "thread":
                threads.remove(body["threadId"])
            case "progressStart":
                assert progress, "progress for a client that shows none"
                assert body["progressId"] not in reports
                reports.add(body["progressId"])
            case "progressUpdate":
                assert body["progressId"] in reports
            case "progressEnd":
                reports.remove(body["progressId"])
    assert not (complete and reports), f"reports without an end: {reports}"
