"""The blocking debugger: in a notebook, under Ctrl-C, and when a script forgets to close it."""

import asyncio
import inspect
import signal
import subprocess
import sys
import threading

import pytest

from s2sdap.client import AsyncDebugger, Debugger, S2sdapError


@pytest.fixture
def peer_thread(listening):
    """Serve a conversation in a thread of its own; gives a function that returns the port."""
    ends = []

    def start(conversation):
        port, ended = [], threading.Event()
        ready = threading.Event()

        async def serve():
            async with listening(conversation) as number:
                port.append(number)
                ready.set()
                await asyncio.to_thread(ended.wait)

        thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
        thread.start()
        ends.append((ended, thread))
        assert ready.wait(100)
        return port[0]

    yield start
    for ended, thread in ends:
        ended.set()
        thread.join(100)


async def answer_all(peer):
    while True:
        request = await peer.request()
        peer.answer(request, {"threads": []} if request["command"] == "threads" else {})


def client_threads():
    return [thread for thread in threading.enumerate() if thread.name == "s2sdap client"]


def test_it_has_every_verb_of_the_async_one_with_its_signature():
    for name, verb in inspect.getmembers(AsyncDebugger, inspect.iscoroutinefunction):
        if name.startswith("_"):
            continue
        blocking = getattr(Debugger, name)
        assert not inspect.iscoroutinefunction(blocking), name
        assert inspect.signature(blocking) == inspect.signature(verb).replace(
            return_annotation=inspect.signature(blocking).return_annotation
        ), name
        assert blocking.__doc__ == verb.__doc__, name


def test_it_works_where_a_loop_runs_already(peer_thread):
    port = peer_thread(answer_all)

    async def cell():
        with Debugger.connect("127.0.0.1", port) as debugger:
            return debugger.threads()

    assert asyncio.run(cell()) == []
    assert client_threads() == []


@pytest.mark.parametrize("told", [threading.main_thread, threading.current_thread])
def test_ctrl_c_ends_the_wait_and_not_the_session(peer_thread, told):
    """Also where another thread than the one that waits is told of it, or the wait has not begun."""

    async def conversation(peer):
        request = await peer.request()
        assert request["command"] == "continue"
        peer.answer(request)
        signal.pthread_kill(told().ident, signal.SIGINT)
        request = await peer.request()
        assert request["command"] == "pause"
        peer.event("stopped", {"reason": "pause", "threadId": 1})
        peer.answer(request)
        await answer_all(peer)

    with Debugger.connect("127.0.0.1", peer_thread(conversation)) as debugger:
        with pytest.raises(KeyboardInterrupt):
            debugger.continue_()
        assert debugger.pause().reason == "pause"


def test_a_connection_that_fails_leaves_no_thread():
    with pytest.raises(S2sdapError):
        Debugger.connect_address("tcp://127.0.0.1:1")
    assert client_threads() == []


def test_disconnect_ends_the_thread_and_may_come_twice(peer_thread):
    debugger = Debugger.connect("127.0.0.1", peer_thread(answer_all))
    assert len(client_threads()) == 1
    debugger.disconnect()
    debugger.disconnect()
    assert client_threads() == []
    with pytest.raises(S2sdapError) as caught:
        debugger.threads()
    assert caught.value.number == 5202


def test_several_threads_may_use_one_debugger(peer_thread):
    with Debugger.connect("127.0.0.1", peer_thread(answer_all)) as debugger:
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(debugger.threads())) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
        assert answers == [[]] * 8


def test_a_script_that_forgets_to_close_it_ends_all_the_same():
    code = "from s2sdap.client import Debugger\ndebugger = Debugger.spawn()\nprint('done')\n"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=100, check=True
    )
    assert (done.stdout, done.stderr) == ("done\n", "")
