"""Requests, answers and events over a socket whose other end behaves well, badly or not at all."""

import asyncio

import pytest

from s2sdap.client import AsyncDebugger, Refused, S2sdapError
from s2sdap.protocol.bodies import Stopped, Threads
from s2sdap.protocol.framing import MAX_BODY, frame


async def silence(peer):
    """Read and never answer, until the client leaves."""
    while True:
        await peer.request()


async def error_of(awaitable) -> S2sdapError:
    with pytest.raises(S2sdapError) as caught:
        await awaitable
    return caught.value


def test_answers_out_of_order_reach_who_asked(converse):
    async def conversation(peer):
        requests = [await peer.request() for _ in range(3)]
        for request in reversed(requests):
            peer.answer(request, {"of": request["command"]})

    async def script(connection):
        answers = await asyncio.gather(*(connection.request(name) for name in ("one", "two", "three")))
        assert answers == [b'{"of": "one"}', b'{"of": "two"}', b'{"of": "three"}']

    converse(conversation, script)


def test_requests_are_numbered_in_order_and_carry_their_arguments(converse):
    seen = []

    async def conversation(peer):
        for _ in range(2):
            seen.append(await peer.request())
            peer.answer(seen[-1])

    async def script(connection):
        assert await connection.request("threads") == b"null"
        await connection.request("next", {"threadId": 7})

    converse(conversation, script)
    assert seen == [
        {"type": "request", "seq": 1, "command": "threads"},
        {"type": "request", "seq": 2, "command": "next", "arguments": {"threadId": 7}},
    ]


def test_a_refusal_carries_number_name_and_text(converse):
    async def conversation(peer):
        peer.refuse(await peer.request(), 4103, "S2S4103: {token} is not there. Try another.", token="'x'")

    async def script(connection):
        error = await error_of(connection.request("s2s/edit"))
        assert isinstance(error, Refused)
        assert (error.number, error.name, error.command) == (4103, "unknown_token", "s2s/edit")
        assert str(error) == error.what == "S2S4103: 'x' is not there. Try another."

    converse(conversation, script)


def test_a_refusal_without_a_body_still_says_why(converse):
    async def conversation(peer):
        seq = (await peer.request())["seq"]
        peer.send(type="response", request_seq=seq, success=False, command="next", message="cancelled")

    async def script(connection):
        error = await error_of(connection.request("next"))
        assert isinstance(error, Refused)
        assert (error.number, error.name, str(error)) == (0, "refused", "`next` was refused: cancelled")

    converse(conversation, script)


def test_a_peer_that_never_answers_is_waited_for_no_longer_than_the_timeout(converse):
    async def script(connection):
        error = await error_of(connection.request("threads"))
        assert (error.number, error.what) == (5203, "No answer to `threads` came within 0.05 s")
        error = await error_of(connection.wait_for("stopped", "terminated", since=0, timeout=0.01))
        assert error.what == "No `stopped` event or `terminated` event came within 0.01 s"

    converse(silence, script, timeout=0.05)


def test_an_answer_after_the_timeout_is_dropped_and_the_next_one_fits(converse):
    timed_out = asyncio.Event()

    async def conversation(peer):
        late = await peer.request()
        await timed_out.wait()
        peer.answer(late, {"threads": [{"id": 1, "name": "late"}]})
        peer.answer(await peer.request(), {"threads": [{"id": 2, "name": "in time"}]})

    async def script(connection):
        await error_of(connection.request("threads", timeout=0.01))
        timed_out.set()
        threads = (await connection.ask("threads", None, Threads)).threads
        assert [thread.name for thread in threads] == ["in time"]

    converse(conversation, script)


def test_a_stop_that_came_before_the_wait_is_found(converse):
    async def conversation(peer):
        request = await peer.request()
        peer.event("stopped", {"reason": "step", "threadId": 3})
        peer.answer(request)
        await silence(peer)

    async def script(connection):
        mark = connection.mark
        await connection.request("next")
        assert connection.mark == mark + 1
        event = await connection.wait_for("stopped", since=mark)
        assert event.read(Stopped).thread_id == 3
        assert (
            await error_of(connection.wait_for("stopped", since=connection.mark, timeout=0.01))
        ).number == 5203

    converse(conversation, script)


def test_a_stop_survives_a_flood_of_other_events(converse, monkeypatch):
    monkeypatch.setattr("s2sdap.client.connection.EVENTS_KEPT", 5)

    async def conversation(peer):
        peer.event("stopped", {"reason": "pause"})
        for number in range(20):
            peer.event("output", {"output": f"{number}\n", "category": "stdout"})
        peer.answer(await peer.request())
        await silence(peer)

    async def script(connection):
        await connection.request("threads")
        names = [event.name for event in connection.events()]
        assert names == ["stopped"] + ["output"] * 5
        assert (await connection.wait_for("stopped", since=0)).index == 0

    converse(conversation, script)


def test_events_are_kept_in_their_order_across_names(converse):
    async def conversation(peer):
        for name in ("output", "exited", "output", "terminated"):
            peer.event(name, {"output": ""} if name == "output" else None)
        peer.answer(await peer.request())
        await silence(peer)

    async def script(connection):
        await connection.request("threads")
        assert [event.name for event in connection.events()] == ["output", "exited", "output", "terminated"]
        assert [event.index for event in connection.events("terminated", "output")] == [0, 2, 3]
        assert [event.index for event in connection.events(since=2)] == [2, 3]

    converse(conversation, script)


def test_a_launch_refused_before_initialized_ends_the_wait_for_it(converse):
    async def conversation(peer):
        peer.refuse(await peer.request(), 5101, "S2S5101: The token is missing or wrong.")
        await silence(peer)

    async def script(connection):
        pending = await connection.send("launch", {"token": "wrong"})
        error = await error_of(connection.wait_for("initialized", since=0, unless=pending))
        assert (error.name, error.number) == ("bad_token", 5101)

    converse(conversation, script)


def test_a_refusal_that_is_there_already_ends_the_wait_too(converse):
    async def conversation(peer):
        launch = await peer.request()
        peer.refuse(launch, 1007, "S2S1007: nothing to decode.")
        peer.answer(await peer.request())
        await silence(peer)

    async def script(connection):
        pending = await connection.send("launch")
        await connection.request("threads")
        error = await error_of(connection.wait_for("initialized", since=0, unless=pending))
        assert error.name == "no_program"

    converse(conversation, script)


@pytest.mark.parametrize(
    ("ending", "word"),
    [
        (b"", ""),
        (b"Content-Length: 100\r\n\r\n{", ": The framing is broken: the stream ended inside a message"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", ": The framing is broken: a header line without a colon"),
        (frame(b"{"), ": it sent what is no message of the protocol"),
        (frame(b'{"seq": 1, "type": "gossip"}'), ": it sent what is no message of the protocol"),
        (b"Content-Length: 99999999\r\n\r\n", ": The message has 99999999 bytes"),
    ],
)
def test_a_broken_connection_ends_every_wait(converse, ending, word):
    async def conversation(peer):
        await peer.request()
        peer.raw(ending)

    async def script(connection):
        waits = (connection.request("threads"), connection.wait_for("stopped", since=0))
        for error in await asyncio.gather(*(error_of(wait) for wait in waits)):
            assert error.number == 5202
            assert error.what.startswith(f"The adapter closed the connection{word}")
        assert connection.lost
        assert (await error_of(connection.request("threads"))).number == 5202

    converse(conversation, script)


@pytest.mark.parametrize("last", ["output", "error"])
def test_the_closing_word_is_told(converse, last):
    async def conversation(peer):
        request = await peer.request()
        peer.event("output", {"output": "ordinary\n", "category": "stdout"})
        if last == "output":
            peer.event("output", {"output": "The disk is full.\n", "category": "important"})
            peer.event("terminated")
        else:
            peer.refuse({"seq": 0, "command": ""}, 5003, "The disk is full.")
        assert request["command"] == "next"

    async def script(connection):
        error = await error_of(connection.request("next"))
        assert error.what == "The adapter closed the connection: The disk is full"

    converse(conversation, script)


def test_whole_messages_before_broken_framing_still_count(converse):
    async def conversation(peer):
        request = await peer.request()
        body = b'{"seq":1,"type":"response","request_seq":%d,"success":true,"command":"x"}' % request["seq"]
        peer.raw(frame(body) + b"nonsense\n\n")

    async def script(connection):
        assert await connection.request("x") == b"null"
        assert (await error_of(connection.request("x"))).number == 5202

    converse(conversation, script)


def test_a_message_in_single_bytes_is_read(converse):
    async def conversation(peer):
        request = await peer.request()
        body = b'{"seq":1,"type":"response","request_seq":%d,"success":true,"command":"x","body":5}'
        for byte in frame(body % request["seq"]):
            peer.raw(bytes([byte]))
            await peer.writer.drain()
        await silence(peer)

    async def script(connection):
        assert await connection.request("x") == b"5"

    converse(conversation, script)


def test_a_stage_that_the_loaded_model_lacks_is_told_at_the_launch(listening):
    async def conversation(peer):
        peer.answer(await peer.request(), {})
        launch = await peer.request()
        peer.event("initialized")
        peer.answer(await peer.request(), {"breakpoints": [{"verified": True, "id": 1}]})
        message = "S2S4301: There is no stage 'encoder'; this model has decoder. Name one of its stages."
        changed = {"verified": False, "id": 1, "message": message}
        peer.event("breakpoint", {"reason": "changed", "breakpoint": changed})
        peer.answer(launch)
        peer.answer(await peer.request())
        await silence(peer)

    async def script():
        async with listening(conversation) as port:
            debugger = await AsyncDebugger.connect("127.0.0.1", port, timeout=60.0)
            error = await error_of(debugger.launch(source="x", stages=["encoder"]))
            assert (error.name, isinstance(error, Refused)) == ("unknown_stage", True)
            await debugger.connection.close()

    asyncio.run(script())


def test_a_request_of_the_adapter_is_declined(converse):
    replies = []

    async def conversation(peer):
        peer.send(type="request", command="startDebugging", arguments={"request": "attach"})
        messages = {message["type"]: message for message in [await peer.request(), await peer.request()]}
        replies.append(messages["response"])
        peer.answer(messages["request"])
        await silence(peer)

    async def script(connection):
        await connection.request("threads")

    converse(conversation, script)
    (reply,) = replies
    assert (reply["type"], reply["request_seq"], reply["command"]) == ("response", 1, "startDebugging")
    assert reply["success"] is False
    assert reply["body"]["error"]["id"] == 5205


def test_an_answer_of_another_shape_is_an_error_and_not_a_crash(converse):
    async def conversation(peer):
        peer.answer(await peer.request(), {"threads": "many"})
        await silence(peer)

    async def script(connection):
        assert (await error_of(connection.ask("threads", None, Threads))).name == "unreadable"

    converse(conversation, script)


def test_too_large_a_request_is_refused_here(converse):
    async def script(connection):
        error = await error_of(connection.request("launch", {"source": "x" * MAX_BODY}))
        assert error.name == "too_large"
        assert not connection.lost

    converse(silence, script)


def test_a_peer_that_stops_reading_does_not_hang_the_client(converse):
    left = asyncio.Event()

    async def conversation(peer):
        await left.wait()

    async def script(connection):
        text = "x" * (MAX_BODY - 1000)
        error = await error_of(connection.request("launch", {"source": text}))
        assert error.number == 5203
        left.set()

    converse(conversation, script, timeout=0.2)


def test_closing_ends_what_still_waits(converse):
    async def script(connection):
        wait = asyncio.ensure_future(connection.wait_for("stopped", since=0))
        asked = await connection.send("next")
        await connection.close()
        for error in (await error_of(wait), await error_of(connection.answer(asked))):
            assert error.number == 5202

    converse(silence, script)


def test_a_cancelled_wait_leaves_the_connection_as_it_was(converse):
    asked = asyncio.Event()

    async def conversation(peer):
        await peer.request()
        asked.set()
        peer.answer(await peer.request(), 1)
        await silence(peer)

    async def script(connection):
        wait = asyncio.ensure_future(connection.request("never"))
        await asked.wait()
        wait.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wait
        assert await connection.request("threads") == b"1"

    converse(conversation, script)
