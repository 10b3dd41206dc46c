"""Whatever comes in, the adapter answers once and lives on."""

import json

import msgspec
import pytest
from dap_patterns import Event
from dap_programs import DATES
from dap_schema_values import values_of
from dap_wires import TcpWire
from harness import DebugSession
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from protocol_schema import schemas

from s2sdap.dap.handlers import HANDLERS
from s2sdap.protocol.framing import FrameReader, frame
from s2sdap.vocabulary.errors import S2sdapError

LIVE = settings(
    max_examples=12,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
QUICK = settings(max_examples=200, deadline=None)
WRITING = "s2s/save"
"""It would write a file to whatever path is drawn; its own tests try odd ones."""
DEBUGPY = "s2s/python"
"""It would start a debugger in the server that all tests share."""
LASTING = sorted(HANDLERS.keys() - {"disconnect", "launch", "restart", "terminate", WRITING, DEBUGPY})
"""Requests after which there is still something to look at."""

numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def arguments_of(command):
    """Arguments that are right by their schema: the protocol's, or the declared type of our own."""
    if command.startswith("s2s/"):
        schema = msgspec.json.schema(HANDLERS[command].arguments)
    else:
        schema = schemas()[0].arguments_of(command)
    return values_of(schema, schema)


@pytest.fixture
def stopped(tcp, date_index):
    tcp.launch(source="\n".join(DATES), search={"beamSize": 2}, index=date_index.path)
    tcp.stopped("entry")
    tcp.go("next")
    return tcp


def works(session):
    """A session goes on from wherever it is."""
    session.request("restart", arguments={"source": DATES[0], "noDebug": True})
    session.expect(Event("s2s/result", source=DATES[0]) >> Event("terminated"))


@pytest.mark.parametrize("command", LASTING)
def test_arguments_that_fit_the_schema(stopped, command):
    @LIVE
    @given(arguments_of(command))
    def fuzz(arguments):
        stopped.answer(stopped.send(command, arguments))

    fuzz()
    works(stopped)


@pytest.mark.parametrize("state", ["fresh", "stopped", "running", "ended"])
def test_arguments_of_any_shape(request, tcp, corpus, state):
    if state == "fresh":
        tcp.initialize()
    else:
        tcp.launch(program=corpus, stopOnEntry=state == "stopped")
        tcp.expect(Event("stopped") if state == "stopped" else Event("s2s/result"))
    if state == "ended":
        tcp.request("terminate")
        tcp.expect(Event("terminated"))

    @settings(LIVE, max_examples=60)
    @given(st.sampled_from(sorted(HANDLERS.keys() - {"disconnect", WRITING})), values)
    def fuzz(command, arguments):
        tcp.answer(tcp.send(command, arguments))

    fuzz()
    if state == "fresh":
        tcp.launch(source=DATES[0])
        tcp.stopped("entry")
    else:
        works(tcp)


@LIVE
@given(st.text(max_size=60))
def test_expressions_of_any_text(stopped, expression):
    stopped.answer(stopped.send("evaluate", {"expression": expression}))


@settings(LIVE, max_examples=60)
@given(st.binary(max_size=80) | values.map(lambda value: json.dumps(value).encode()))
def test_bodies_of_any_bytes(tcp, body):
    if not tcp.client:
        tcp.initialize()
    tcp.wire.send(body)
    tcp.request("cancel")


@pytest.mark.parametrize(
    "body", [rb'"\ud800"', rb'"\ud800x"', rb'"\uDFFF\uD800"', b'"\x00"', b'"\xed\xa0\x80"']
)
def test_text_that_unicode_does_not_have(stopped, body):
    for field in (b"command", b"note", b"type"):
        stopped.wire.send(b'{"type":"request","command":"x",%s:%s}' % (b'"%s"' % field, body))
    for place in (b'{"expression":%s}', b'{"expression":"p","context":%s}', b"%s"):
        stopped.sent.append({"seq": len(stopped.sent) + 1, "type": "request", "command": "evaluate"})
        head = b'{"seq":%d,"type":"request","command":"evaluate","arguments":' % len(stopped.sent)
        stopped.wire.send(head + place % body + b"}")
    stopped.request("cancel")
    answered = {each["request_seq"] for each in stopped.received if each["type"] == "response"}
    stopped.sent[:] = [each for each in stopped.sent if each["seq"] in answered]


@settings(LIVE, max_examples=25)
@given(
    st.binary(min_size=1, max_size=200) | st.binary(max_size=60).map(lambda tail: b"Content-Length: " + tail)
)
def test_streams_of_any_bytes(served, data):
    wire = TcpWire(served.tcp_port)
    with DebugSession(wire, served.token) as session:
        wire.raw(data)
        wire.finish()
        session.wait_for_end()


def test_a_session_after_all_that(tcp):
    tcp.launch(source=DATES[0])
    tcp.stopped("entry")
    assert tcp.run_to_end() == ["1999-03-03"]


@QUICK
@given(st.lists(st.binary(max_size=50), max_size=6), st.data())
def test_frames_come_out_however_they_are_cut(bodies, data):
    stream = b"".join(map(frame, bodies))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=8).map(sorted))
    reader = FrameReader()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += reader.feed(stream[start:end])
    reader.finish()
    assert found == bodies


@QUICK
@given(st.lists(st.binary(max_size=80), max_size=5))
def test_a_broken_stream_is_told_by_number(pieces):
    reader = FrameReader()
    told = set()
    try:
        for piece in pieces:
            for _body in reader.feed(piece):
                pass
        reader.finish()
    except S2sdapError as error:
        told = {error.number}
    assert told <= {5003, 5006}
