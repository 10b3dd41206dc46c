"""Sessions with a server: tokens, its death, two at once; and the example that uses one."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from s2sdap.client import AsyncDebugger, Debugger, Refused, S2sdapError

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_a_wrong_token_over_tcp_is_told_at_the_launch(served, token):
    with (
        Debugger.connect_address(served.tcp, token=token) as debugger,
        pytest.raises(Refused) as caught,
    ):
        debugger.launch(source="March 3, 1999")
    assert caught.value.name == "bad_token"


@pytest.mark.parametrize("token", [None, "0" * 64])
def test_a_wrong_token_over_websocket_is_told_at_the_handshake(served, token):
    with pytest.raises(Refused) as caught:
        Debugger.connect_address(served.websocket, token=token)
    assert caught.value.name == "bad_token"


def test_a_token_file_that_cannot_be_read(served, tmp_path):
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(S2sdapError) as caught:
            Debugger.connect_address(served.tcp, token_file=path)
        assert caught.value.name == "token_unreadable"


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
def test_a_server_that_is_killed_ends_the_wait(tmp_path, serving, transport):
    with serving(tmp_path) as served:
        address = getattr(served, transport)
        with Debugger.connect_address(address, token_file=served.token_file) as debugger:
            debugger.launch(source="March 3, 1999")
            served.process.kill()
            with pytest.raises(S2sdapError) as caught:
                debugger.wait_for_stop()
            assert caught.value.number == 5202


def test_two_sessions_at_once_do_not_mix(served):
    async def decode(source):
        address, file = served.websocket, served.token_file
        async with await AsyncDebugger.connect_address(address, token_file=file) as debugger:
            await debugger.launch(source=source, stop_on_entry=False)
            return (await debugger.results())[0].outputs[0].text

    async def both():
        return await asyncio.gather(decode("March 3, 1999"), decode("May 4, 2001"))

    assert asyncio.run(both()) == ["1999-03-03", "2001-05-04"]


@pytest.mark.parametrize("connected", [False, True])
def test_the_example_forces_runners_up(request, connected):
    options = []
    if connected:
        served = request.getfixturevalue("served")
        options = ["--connect", served.websocket, "--token-file", str(served.token_file)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "scripted_session.py"), *options],
        capture_output=True,
        text=True,
        timeout=100,
        check=True,
    )
    assert "'March 3, 1999': 1999-03-03\n" in done.stdout
    assert "p < 0.5: " in done.stdout
    assert " became " in done.stdout
    assert done.stderr == ""
