"""`s2sdap serve`: its token is its owner's alone, and goes when it goes."""

import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from s2sdap.client import Debugger


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
def test_the_token_lives_as_long_as_the_server(tmp_path, warm, end):
    token = tmp_path / "token"
    token.write_text("0" * 64)
    token.chmod(0o644)
    with warm.start(["-m", "s2sdap", "serve", "--token-file", token]) as process:
        _, websocket, named = (process.stdout.readline().strip() for _ in range(3))
        assert named == f"token in {token}"
        assert stat.S_IMODE(token.stat().st_mode) == 0o600
        assert len(token.read_text()) == 64
        with Debugger.connect_address(websocket, token_file=token) as debugger:
            assert debugger.request("initialize", adapterID="s2sdap")["supportsStepBack"]
        process.send_signal(end)
        errors = process.stderr.read()
        process.wait(100)
    assert (process.returncode, errors) == (0, "")
    assert not token.exists()


def test_without_a_file_of_its_own_the_token_is_in_a_folder_that_goes(tmp_path):
    with subprocess.Popen(
        [sys.executable, "-m", "s2sdap", "serve"],
        stdout=subprocess.PIPE,
        text=True,
        env={"TMPDIR": str(tmp_path)},
    ) as process:
        token = Path([process.stdout.readline().strip() for _ in range(3)][2].removeprefix("token in "))
        assert token.is_relative_to(tmp_path)
        assert stat.S_IMODE(token.parent.stat().st_mode) == 0o700
        process.terminate()
        assert process.wait(100) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_port_that_is_taken_is_refused_in_one_line(s2sdap, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = s2sdap("serve", "--tcp-port", port, "--token-file", tmp_path / "token")
    assert (done.returncode, done.stdout) == (2, "")
    assert str(port) in done.stderr
    assert done.stderr.count("s2sdap:") == 1
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_origin_that_is_none_is_refused(s2sdap, tmp_path):
    for origin in ("foo", "http://localhost:8080/", "localhost:8080"):
        done = s2sdap("serve", "--allow-origin", origin, "--token-file", tmp_path / "token")
        assert (done.returncode, done.stdout) == (2, "")
        assert "is no origin" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_holds_no_token_is_left_alone(tmp_path, s2sdap):
    notes = tmp_path / "notes.txt"
    notes.write_text("mine")
    refused = s2sdap("serve", "--token-file", notes)
    assert refused.returncode == 2
    assert "S2S1010" in refused.stderr
    assert notes.read_text() == "mine"
