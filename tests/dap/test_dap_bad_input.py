"""What cannot be honoured is refused with a number and a way out, and the session goes on."""

import json
import os
import shutil
from pathlib import Path

import pytest
from dap_patterns import Event, Response, text_with
from dap_programs import DATES, write

import s2sdap.models


def still_works(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.go("next")
    assert session.run_to_end() == ["1999-03-03"]


def damaged(folder: Path, change) -> str:
    bundled = Path(s2sdap.models.__file__).parent / "bundled" / "dates"
    shutil.copytree(bundled, folder)
    change(folder)
    return str(folder)


BAD_LAUNCHES = {
    "no program": ({}, 1007, ("program", "source")),
    "both": ({"program": "a", "source": "b"}, 1008, ("Give only one",)),
    "missing": ({"program": "/nowhere/dates.txt"}, 1001, ("/nowhere/dates.txt", "No such file")),
    "a folder": ({"program": os.curdir}, 1001, (os.curdir,)),
    "a device": ({"program": "/dev/zero"}, 1001, ("/dev/zero", "no regular file")),
    "nul in the path": ({"program": "a\0b"}, 1001, ("Give `program`",)),
    "empty source": ({"source": ""}, 1002, ("Write at least one line",)),
    "reference": ({"source": "a\nb", "reference": "a"}, 1006, ("1 lines", "has 2")),
    "unknown model": ({"source": "a", "model": "datse"}, 2001, ("'datse'", "known are dates")),
    "missing checkpoint": (
        {"source": "a", "model": "/nowhere/model"},
        2002,
        ("/nowhere/model", "config.json"),
    ),
    "unknown scheme": ({"source": "a", "model": "hff:x"}, 2008, ("'hff'", "Install")),
    "bad device": ({"source": "a", "device": "warp:9"}, 2006, ("'warp:9'",)),
    "beam of 0": ({"source": "a", "search": {"beamSize": 0}}, 3001, ("search.beamSize", "0", ">= 1")),
    "negative temperature": ({"source": "a", "search": {"temperature": -1}}, 3001, ("temperature", "-1")),
    "text for a number": ({"source": "a", "search": {"beamSize": "5"}}, 3001, ("beamSize", "'5'", "int")),
    "clash": ({"source": "a", "search": {"temperature": 0.5}}, 3002, ("temperature", "sample")),
    "unknown setting": ({"source": "a", "search": {"beemSize": 2}}, 3003, ("beemSize", "`beamSize`")),
    "unknown rule": ({"source": "a", "watchRules": ["low"]}, 3004, ("'low'", "lowConfidence")),
    "bad rule": ({"source": "a", "watchRules": ["lowConfidence(p <)"]}, 4201, ("Column",)),
    "number for a path": ({"program": 5}, 3001, ("program", "5")),
    "null for a flag": ({"source": "a", "stopOnEntry": None}, 3001, ("stopOnEntry", "None", "bool")),
}


@pytest.mark.parametrize("name", BAD_LAUNCHES)
def test_a_launch_that_is_refused(tcp, name):
    arguments, number, parts = BAD_LAUNCHES[name]
    tcp.initialize()
    answer = tcp.expect(Response("launch", success=False, seq=tcp.launch_only(**arguments)))
    error = answer["body"]["error"]
    assert error["id"] == number, error
    assert error["format"].startswith(f"S2S{number}: ")
    for part in parts:
        assert part in error["format"]
    still_works(tcp)


BAD_CHECKPOINTS = {
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), 2002),
    "half the weights": (lambda folder: os.truncate(folder / "model.safetensors", 1000), None),
    "no configuration": (lambda folder: (folder / "config.json").unlink(), 2002),
    "not JSON": (lambda folder: (folder / "config.json").write_text("{"), 2003),
}


@pytest.mark.parametrize("name", BAD_CHECKPOINTS)
def test_a_damaged_checkpoint(tcp, tmp_path, name):
    change, number = BAD_CHECKPOINTS[name]
    tcp.initialize()
    seq = tcp.launch_only(source="a", model=damaged(tmp_path / "model", change))
    error = tcp.expect(Response("launch", success=False, seq=seq))["body"]["error"]
    assert error["id"] == number if number else 2000 < error["id"] < 2006
    assert str(tmp_path) in error["format"]
    still_works(tcp)


@pytest.mark.parametrize(
    ("content", "number", "part"),
    [("", 1002, "no sentence"), ("\n\n\r\n", 1002, "no sentence"), (b"ab\nc\xff\n", 1003, "line 2, is 0xff")],
)
def test_a_program_that_cannot_be_read(tcp, tmp_path, content, number, part):
    tcp.initialize()
    seq = tcp.launch_only(program=write(tmp_path, content))
    error = tcp.expect(Response("launch", success=False, seq=seq))["body"]["error"]
    assert error["id"] == number
    assert error["format"] == text_with("dates.txt", part)
    still_works(tcp)


def test_an_unknown_field_of_a_launch_is_told_and_let_be(tcp):
    tcp.launch(source=DATES[0], modle="x", cwd="/", __sessionId="1")
    tcp.expect(Event("output", category="console", output=text_with("S2S3003", "modle", "`model`")))
    assert sum("S2S3003" in each["output"] for each in tcp.events("output")) == 1


def test_requests_that_come_too_early(session):
    for command in ("launch", "threads", "setBreakpoints", "configurationDone", "cancel"):
        refusal = session.refused(command, {"threadId": 1})
        assert refusal.number == 5009, refusal.text
    session.initialize()
    for command in ("threads", "next", "configurationDone", "s2s/results", "terminate", "restart"):
        assert session.refused(command, {"threadId": 1}).number == 4001
    still_works(session)


def test_requests_that_there_are_not(session):
    session.initialize()
    assert session.refused("stackTrac").text == text_with("S2S5004", "stackTrac", "`stackTrace`")
    assert session.refused("").number == 5004
    assert session.refused("x" * 5000).number == 5004
    still_works(session)


WRONG = [
    ("next", 5),
    ("next", []),
    ("next", "text"),
    ("next", None),
    ("next", {}),
    ("next", {"threadId": "1"}),
    ("next", {"threadId": None}),
    ("next", {"threadId": 1.5}),
    ("next", {"threadId": True}),
    ("stackTrace", {"threadId": 1, "levels": "all"}),
    ("scopes", {"frameId": {}}),
    ("variables", {"variablesReference": [1]}),
    ("evaluate", {"expression": 5}),
    ("evaluate", {"expression": "p", "frameId": "x"}),
    ("setBreakpoints", {"source": "dates.txt"}),
    ("setBreakpoints", {"source": {}, "breakpoints": [{"line": "1"}]}),
    ("setExceptionBreakpoints", {"filters": "lowConfidence"}),
    ("setVariable", {"variablesReference": 1, "name": "token"}),
    ("completions", {"text": "p", "column": "1"}),
    ("restart", {"arguments": 5}),
    ("restart", 5),
    ("s2s/edit", {}),
    ("s2s/edit", {"token": "1", "position": 2}),
    ("s2s/edit", {"position": 2}),
    ("initialize", None),
]


def test_arguments_of_the_wrong_type(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.go("next")
    for command, arguments in WRONG:
        refusal = session.refused(command, arguments)
        assert refusal.number == 5005, f"{command} {arguments}: {refusal.text}"
        assert refusal.text == text_with(f"`{command}`")
    for command, arguments, number in [
        ("scopes", {"frameId": 10**6}, 4005),
        ("variables", {"variablesReference": -1}, 4006),
        ("variables", {"variablesReference": 10**30}, 4006),
        ("next", {"threadId": -(10**30)}, 4007),
        ("source", {"sourceReference": 0}, 4008),
        ("s2s/edit", {"site": "nowhere", "values": [1]}, 4106),
        ("s2s/attention", {"layer": 7}, 4107),
    ]:
        assert session.refused(command, arguments).number == number
    assert session.run_to_end() == ["1999-03-03"]


def test_a_launch_whose_arguments_are_no_object(session):
    session.initialize()
    for arguments in (5, [], "text", True):
        assert session.refused("launch", arguments).number == 5005
    still_works(session)


def test_bad_json_in_a_good_frame(session):
    session.initialize()
    bodies = [
        b"",
        b"{",
        b"nonsense",
        b"5",
        b"[]",
        b"null",
        b'{"seq":1',
        b'{"type":"request"}',
        b"[" * 100_000,
    ]
    for body in bodies:
        session.wire.send(body)
        told = session.expect(Event("output", category="important"))["body"]["output"]
        assert told.startswith(("S2S5001", "S2S5002")), told
    still_works(session)


def test_bytes_that_are_no_text(tcp):
    tcp.initialize()
    tcp.wire.send(b'{"seq":2,"type":"request","command":"\xff\xfe"}')
    tcp.expect(Event("output", category="important", output=text_with("S2S5001")))
    still_works(tcp)


@pytest.mark.parametrize("seq", [10**30, -(10**30), 2**63, 1.5, "1", None, True])
def test_a_number_that_is_none(tcp, seq):
    tcp.initialize()
    tcp.wire.send(json.dumps({"seq": seq, "type": "request", "command": "threads"}).encode())
    tcp.expect(Event("output", category="important", output=text_with("S2S5002")))
    still_works(tcp)


def test_a_message_of_a_kind_that_there_is_not_is_answered_by_its_number(tcp):
    tcp.initialize()
    tcp.sent.append({"seq": 2, "type": "question", "command": "threads"})
    tcp.wire.send(json.dumps(tcp.sent[-1]).encode())
    answer = tcp.answer(2)
    assert (answer["success"], answer["body"]["error"]["id"]) == (False, 5002)
    tcp.wire.send(b'{"seq":3,"type":"event","event":"stopped"}')
    tcp.sent.append({"seq": 3, "type": "request", "command": "threads"})
    tcp.wire.send(json.dumps(tcp.sent[-1]).encode())
    assert tcp.answer(3)["body"]["error"]["id"] == 4001


BAD_FRAMES = {
    "no header": b"hello there, this is no debugger but something else altogether, a long line\r\n",
    "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "line feeds": b"Content-Length: 2\n\n{}",
    "no length": b"Content-Type: text\r\n\r\n{}",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
    "negative": b"Content-Length: -2\r\n\r\n{}",
    "no number": b"Content-Length: two\r\n\r\n{}",
    "a huge header": b"X-Filler: " + b"x" * 5000,
}


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_framing_ends_with_a_word(connect, transport, name):
    with connect(transport) as session:
        session.initialize()
        session.wire.raw(BAD_FRAMES[name])
        session.expect(
            Event("output", category="important", output=text_with("S2S5003", "connection closes"))
        )
        session.wait_for_end()


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
@pytest.mark.parametrize("size", [16 * 2**20 + 1, 10**11])
def test_a_message_that_is_too_large_is_not_read(connect, transport, size):
    with connect(transport) as session:
        session.initialize()
        session.wire.raw(b"Content-Length: %d\r\n\r\n" % size)
        session.expect(
            Event("output", category="important", output=text_with("S2S5006", str(size), "16777216"))
        )
        session.wait_for_end()


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
def test_half_a_message_and_then_the_end(connect, transport):
    with connect(transport) as session:
        session.initialize()
        session.wire.raw(b'Content-Length: 100\r\n\r\n{"seq": 2')
        session.wire.finish()
        session.expect(Event("output", category="important", output=text_with("S2S5003", "inside a message")))
        session.wait_for_end()


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
def test_a_good_request_before_a_broken_frame_is_answered(connect, transport):
    with connect(transport) as session:
        session.initialize()
        session.sent.append({"seq": 2, "type": "request", "command": "threads"})
        body = json.dumps(session.sent[-1]).encode()
        session.wire.raw(b"Content-Length: %d\r\n\r\n%s" % (len(body), body) + BAD_FRAMES["no length"])
        session.expect(Response("threads", success=False) >> Event("output", output=text_with("S2S5003")))
        session.wait_for_end()


@pytest.mark.parametrize("transport", ["stdio", "tcp"])
def test_a_message_may_come_byte_by_byte_and_many_at_once(connect, transport):
    with connect(transport) as session:
        session.initialize()
        for seq in (2, 3, 4):
            session.sent.append({"seq": seq, "type": "request", "command": "cancel", "note": "é" * seq})
        data = b""
        for message in session.sent[1:]:
            body = json.dumps(message, ensure_ascii=False).encode()
            data += b"content-length:%d\r\nX: y\r\n\r\n%s" % (len(body), body)
        for byte in data[:200]:
            session.wire.raw(bytes([byte]))
        session.wire.raw(data[200:])
        for seq in (2, 3, 4):
            assert session.answer(seq)["success"]
