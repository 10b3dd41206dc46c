"""What holds in every session, whatever it did: checked when a test lets go of it.

Every message is valid under the protocol's JSON schema; every request is answered once; numbers
grow; a stop comes after the answer to what caused it; progress and threads begin before they end.
"""

import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Any

from protocol_schema import schemas

Message = dict[str, Any]
MOTIONS = ("continue", "next", "stepIn", "stepOut", "stepBack", "reverseContinue")
STOPPING = (
    *MOTIONS,
    "launch",
    "restart",
    "terminate",
    "setVariable",
    "s2s/edit",
    "goto",
    "restartFrame",
    "s2s/goto",
    "s2s/undo",
    "s2s/redo",
    "s2s/switchBranch",
)
"""Requests whose answers may be followed by one stop each; others say first that the run has continued."""


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
            allowed += name == "continued"
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
