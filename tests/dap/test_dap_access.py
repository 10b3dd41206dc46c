"""Who may connect, and what is never written down."""

import contextlib
import json
import re
import socket
import stat
import subprocess
import sys

import pytest
from dap_patterns import Event, text_with
from dap_programs import DATES
from dap_wires import PATIENCE, TcpWire, WebSocketWire, serve
from harness import DebugSession
from websockets.exceptions import InvalidStatus

PAGE = "http://localhost:8000"
MAX_CONNECTIONS = 32


@pytest.fixture
def guarded(tmp_path, warm, environment):
    """A server of the test's own that lets one page in."""
    with serve(warm, tmp_path, environment, "--allow-origin", PAGE) as served:
        yield served


def answer_to(served, *lines, host=True):
    """The status and the text that a handshake gets, with these header lines beside the usual ones."""
    usual = [
        "GET / HTTP/1.1",
        *([f"Host: 127.0.0.1:{served.websocket_port}"] if host else []),
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    with socket.create_connection(("127.0.0.1", served.websocket_port), PATIENCE) as connection:
        connection.sendall("\r\n".join([*usual, *lines, "", ""]).encode())
        with connection.makefile("rb") as answer:
            status = int(answer.readline().split()[1])
            return status, "" if status == 101 else answer.read().decode()


@pytest.mark.parametrize("token", [None, "", "0" * 64, "ü", 5])
def test_over_tcp_nothing_but_initialize_is_answered_without_the_token(served, token):
    with DebugSession(TcpWire(served.tcp_port)) as session:
        session.initialize()
        arguments = {"source": DATES[0]} if token is None else {"source": DATES[0], "token": token}
        assert session.refused("launch", arguments).number == 5101
        assert session.refused("launch", {**arguments, "search": {"beamSize": 0}}).number == 5101
        for command in ("threads", "loadedSources", "setBreakpoints", "s2s/results", "restart"):
            assert session.refused(command, {"source": {}}).number == 4001
        session.launch(source=DATES[0], token=served.token)
        session.stopped("entry")


def test_the_handshake_of_a_websocket(guarded):
    bearer = f"Authorization: Bearer {guarded.token}"
    port = guarded.websocket_port
    for status, *lines in [
        (101, bearer),
        (101, bearer, f"Origin: {PAGE}"),
        (401,),
        (401, "Authorization: Bearer " + "0" * 64),
        (401, f"Authorization: Basic {guarded.token}x"),
        (401, bearer, bearer),
        (403, bearer, "Origin: http://evil.example"),
        (403, bearer, "Origin: null"),
        (403, bearer, f"Origin: {PAGE}", f"Origin: {PAGE}"),
        (403, bearer, f"Origin: {PAGE}.evil.example"),
        (403, bearer, f"Host: 127.0.0.1:{port}"),
    ]:
        found, text = answer_to(guarded, *lines)
        assert found == status, (lines, text)
        assert status == 101 or "S2S51" in text
        assert guarded.token not in text
    for host in ("evil.example", f"evil.example:{port}", "127.0.0.1", f"127.0.0.1:{port + 1}"):
        found, text = answer_to(guarded, f"Host: {host}", bearer, host=False)
        assert (found, "S2S5103" in text) == (403, True), host
    assert answer_to(guarded, f"Host: localhost:{port}", bearer, host=False)[0] == 101


def test_a_refused_websocket_and_one_that_is_let_in(served):
    with pytest.raises(InvalidStatus) as caught:
        WebSocketWire(served.websocket_port)
    assert caught.value.response.status_code == 401
    wire = WebSocketWire(served.websocket_port, {"Authorization": f"Bearer {served.token}"})
    with DebugSession(wire) as session:
        session.launch(source=DATES[0])
        session.stopped("entry")


def test_a_websocket_message_that_is_too_large(connect):
    with connect("websocket") as session:
        session.initialize()
        session.wire.send(b'"' + b"x" * (16 * 2**20) + b'"')
        session.wait_for_end()
    with connect("websocket") as session:
        session.initialize()
        session.wire.send(b'"' + b"x" * 2**20 + b'"')
        session.expect(Event("output", category="important", output=text_with("S2S5002")))


def test_too_many_connections(guarded):
    with contextlib.ExitStack() as stack:
        sessions = [
            stack.enter_context(DebugSession(TcpWire(guarded.tcp_port))) for _ in range(MAX_CONNECTIONS)
        ]
        for session in sessions:
            session.initialize()
        with DebugSession(TcpWire(guarded.tcp_port)) as more:
            text = text_with("S2S5105", f"{MAX_CONNECTIONS} connections")
            more.expect(Event("output", category="important", output=text))
            more.wait_for_end()
        sessions[0].goodbye()
        with DebugSession(TcpWire(guarded.tcp_port)) as again:
            again.initialize()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_only_loopback_is_served(environment, host):
    command = [sys.executable, "-m", "s2sdap", "serve", "--host", host]
    done = subprocess.run(
        command, check=False, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.returncode != 0
    assert "S2S5104" in done.stderr
    assert done.stdout == ""


def test_the_token_is_for_its_owner_and_in_no_log(guarded):
    assert re.fullmatch("[0-9a-f]{64}", guarded.token)
    assert stat.S_IMODE(guarded.token_file.stat().st_mode) == 0o600
    token = guarded.token
    escaped = "".join(f"\\u{ord(digit):04x}" for digit in token)
    with DebugSession(TcpWire(guarded.tcp_port), token) as session:
        session.initialize()
        assert session.refused("launch", {"source": "x", "token": [token]}).number == 5101
        session.wire.send(f'{{"seq": 0, "arguments": {{"token": "{token}'.encode())
        session.wire.send(f'{{"tok\\u0065n": "{escaped}", "token": "{escaped}"}}'.encode())
        session.launch(source=DATES[0])
        session.stopped("entry")
    with DebugSession(TcpWire(guarded.tcp_port)) as session:
        session.initialize()
        assert session.refused("launch", {"source": "x", "token": "g" * 64}).number == 5101
    log = guarded.log_file.read_text("utf-8")
    assert token not in log
    assert escaped not in log.replace(f'"tok\\u0065n": "{escaped}"', "")
    assert "g" * 64 not in log
    assert json.dumps("***") in log
    assert guarded.token not in guarded.stderr()
    assert any('"command":"launch"' in line for line in log.splitlines())
