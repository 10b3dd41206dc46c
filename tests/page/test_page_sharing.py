"""A session with an owner who may come back, and with those who watch it: over the very websocket."""

import contextlib
import json
import re
import socket
import urllib.error
import urllib.request

import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.sync.client import connect
from websockets.uri import parse_uri

WORD = "0123456789abcdef0123456789abcdef"


class Client:
    """A client at the page's websocket."""

    def __init__(self, paged, *, word=None, path="/"):
        protocols = ["s2sdap", f"s2sdap.token.{paged.token}"]
        if word is not None:
            protocols.append(f"s2sdap.return.{word}")
        self._stack = contextlib.ExitStack()
        opened = connect(f"{paged.websocket}{path}", subprotocols=protocols, close_timeout=5)
        self.socket = self._stack.enter_context(opened)
        self.events = []
        self._seq = 0

    def send(self, command, **arguments):
        self._seq += 1
        message = {"seq": self._seq, "type": "request", "command": command, "arguments": arguments}
        self.socket.send(json.dumps(message))
        return self._seq

    def ask(self, command, **arguments):
        """The answer to a request, whole."""
        seq = self.send(command, **arguments)
        while True:
            message = json.loads(self.socket.recv(60))
            if message["type"] == "response" and message["request_seq"] == seq:
                return message
            self._keep(message)

    def body(self, command, **arguments):
        answer = self.ask(command, **arguments)
        assert answer["success"], answer
        return answer["body"]

    def _keep(self, message):
        """Keep an event; an answer that is not waited for may not be a refusal."""
        if message["type"] == "event":
            self.events.append(message)
        else:
            assert message["success"], message

    def until(self, event):
        """Wait for an event, or find it among those that came."""
        while not any(each["event"] == event for each in self.events):
            self._keep(json.loads(self.socket.recv(60)))
        place = next(at for at, each in enumerate(self.events) if each["event"] == event)
        found = self.events[place]
        del self.events[: place + 1]
        return found.get("body")

    def launch(self, source):
        self.ask("initialize", adapterID="s2sdap", supportsInvalidatedEvent=True)
        launched = self.send("launch", source=source)
        self.until("initialized")
        self.ask("configurationDone")
        self.until("stopped")
        return launched

    def close(self):
        self._stack.close()

    def gone(self):
        """Whether the other side has closed the connection."""
        try:
            while True:
                self.socket.recv(60)
        except Exception as error:
            return type(error).__name__ in ("ConnectionClosedOK", "ConnectionClosedError")


@pytest.fixture
def client(paged):
    clients = []

    def make(**how):
        clients.append(Client(paged, **how))
        return clients[-1]

    yield make
    for each in clients:
        each.close()


def listed(paged, token=None):
    headers = {"Authorization": f"Bearer {paged.token if token is None else token}"}
    with urllib.request.urlopen(
        urllib.request.Request(f"{paged.origin}/sessions", headers=headers)
    ) as answer:
        return json.load(answer)


def sessions(paged):
    return {each["session"] for each in listed(paged)}


def test_an_owner_comes_back_to_where_it_was(client):
    first = client(word=WORD)
    first.launch("March 3, 1999\nJ 4, 2005")
    first.ask("stepOut", threadId=1)
    first.until("stopped")
    first.close()

    again = client(word=WORD)
    capabilities = again.body("initialize", adapterID="s2sdap", supportsInvalidatedEvent=True)
    assert capabilities["supportsStepBack"] is True
    state = again.body("s2s/state")
    assert (state["phase"], state["results"]) == ("stopped", 1)
    assert state["stopped"]["reason"] == "step"
    assert state["launch"] == {"source": "March 3, 1999\nJ 4, 2005"}
    assert [each["body"]["output"] for each in again.events if each["event"] == "output"] == ["1999-03-03\n"]
    again.ask("next", threadId=state["stopped"]["threadId"])
    again.until("stopped")
    again.ask("disconnect")
    assert again.gone()
    fresh = client(word=WORD)  # the session is over, so the word begins another one
    fresh.body("initialize", adapterID="s2sdap")
    assert fresh.body("s2s/state") == {"phase": "fresh", "launch": {}, "results": 0}


def test_a_word_begins_another_session_while_one_is_still_closing(paged, client):
    host, port = paged.websocket.removeprefix("ws://").split(":")
    protocols = ["s2sdap", f"s2sdap.token.{paged.token}", f"s2sdap.return.{WORD}"]
    protocol = ClientProtocol(parse_uri(paged.websocket + "/"), subprotocols=protocols)
    with socket.create_connection((host, int(port))) as line:

        def exchange(until):
            for data in protocol.data_to_send():
                line.sendall(data)
            while not any(until(each) for each in protocol.events_received()):
                protocol.receive_data(line.recv(65536))

        protocol.send_request(protocol.connect())
        exchange(lambda event: isinstance(event, Response))
        protocol.send_text(json.dumps({"seq": 1, "type": "request", "command": "disconnect"}).encode())
        exchange(lambda event: isinstance(event, Frame) and event.opcode is Opcode.CLOSE)
        fresh = client(word=WORD)  # the goodbye is not answered, so the server still waits for it
        fresh.body("initialize", adapterID="s2sdap")
        assert fresh.body("s2s/state")["phase"] == "fresh"


def test_a_second_page_with_the_same_word_takes_over(client):
    first = client(word=WORD[::-1])
    first.launch("March 3, 1999")
    second = client(word=WORD[::-1])
    second.ask("initialize", adapterID="s2sdap")
    assert second.body("s2s/state")["phase"] == "stopped"
    assert first.gone()


def test_a_page_that_is_left_takes_its_session_along_at_once(sheet, client, paged):
    others = sessions(paged)
    cut_off = client(word="c" * 32)
    cut_off.launch("March 3, 1999")
    (waits,) = sessions(paged) - others
    sheet.begin("J 4, 2005")
    (left,) = sessions(paged) - others - {waits}
    watcher = client(path=f"/sessions/{left}")
    assert watcher.body("s2s/state")["phase"] == "stopped"
    cut_off.close()  # without a goodbye, as of a tab that crashed
    sheet.page.goto("about:blank")
    assert watcher.gone()
    assert waits in sessions(paged)  # who was cut off before may still come back
    sheet.page.go_back()
    sheet.button("Begin").wait_for()


def leave(page):
    page.goto("about:blank")


def come_back(page):
    """Not by `go_back`, which waits for a load that does not come; and once the order has been answered."""
    page.evaluate("() => void setTimeout(() => history.back(), 100)")
    page.wait_for_function("() => window.kept")


def test_a_page_that_comes_back_as_it_was_left_is_connected_anew(kept, client, paged, scripted):
    others = sessions(paged)
    kept.begin("J 4, 2005")
    (own,) = sessions(paged) - others
    watcher = client(path=f"/sessions/{own}")
    leave(kept.page)
    assert watcher.gone()
    come_back(kept.page)
    kept.page.get_by_role("alert").filter(has_text="ended when the page was left").wait_for()
    kept.page.get_by_label("One sentence a line").fill("March 3, 1999")
    leave(kept.page)
    come_back(kept.page)
    kept.button("Begin").click()
    kept.stopped()
    assert kept.to_the_end() == ["1999-03-03"]

    scripted.launch(source="J 4, 2005")
    kept.button("New session").click()
    kept.page.get_by_role("button", name=re.compile("^Watch session")).last.click()
    kept.page.locator(".decode[aria-busy=false]").wait_for()
    leave(kept.page)
    scripted.next()
    come_back(kept.page)
    kept.page.get_by_role("button", name=re.compile("^step 0: '2'")).wait_for()


def test_an_observer_sees_everything_and_changes_nothing(client, paged):
    owner = client()
    owner.launch("March 3, 1999")
    (session,) = [
        each["session"] for each in listed(paged) if each["name"] == "source" and each["phase"] == "stopped"
    ][-1:]
    watcher = client(path=f"/sessions/{session}")
    assert watcher.body("initialize", adapterID="s2sdap")["supportsStepBack"] is True
    assert watcher.body("s2s/state")["phase"] == "stopped"
    for command, arguments in [
        ("next", {"threadId": 1}),
        ("s2s/edit", {"token": "1"}),
        ("setBreakpoints", {"source": {}}),
        ("evaluate", {"expression": 'force "1"', "context": "repl"}),
        ("terminate", {}),
        ("restart", {}),
        ("launch", {"source": "x"}),
        ("s2s/goto", {"step": 0}),
    ]:
        refused = watcher.ask(command, **arguments)
        assert not refused["success"], command
        assert refused["body"]["error"]["id"] == 5107
    owner.ask("next", threadId=1)
    owner.until("stopped")
    assert watcher.until("stopped")["reason"] == "step"
    assert watcher.body("s2s/decode", top=1)["steps"] == owner.body("s2s/decode", top=1)["steps"]
    assert watcher.body("evaluate", expression="token")["result"] == "'1'"
    owner.ask("disconnect")
    assert watcher.gone()


def test_an_observer_may_leave_and_the_session_goes_on(client, paged):
    owner = client()
    owner.launch("March 3, 1999")
    session = max(sessions(paged))
    watcher = client(path=f"/sessions/{session}")
    watcher.socket.send("no json")
    watcher.socket.send(json.dumps({"seq": 9, "type": "event", "event": "stopped"}))
    assert watcher.body("threads")["threads"]
    watcher.ask("disconnect")
    assert watcher.gone()
    owner.ask("next", threadId=1)
    owner.until("stopped")


def test_a_scripted_session_can_be_watched(client, paged, scripted):
    """Whatever came over TCP or a websocket, not only from a page."""
    scripted.launch(source="J 4, 2005")
    session = max(sessions(paged))
    watcher = client(path=f"/sessions/{session}")
    watcher.body("initialize", adapterID="s2sdap")
    scripted.next()
    assert watcher.until("stopped")["reason"] == "step"
    assert watcher.body("s2s/decode")["output"] == "2"


def test_a_session_that_is_not_there(client):
    watcher = client(path="/sessions/999999")
    assert "S2S5108" in watcher.until("output")["output"]
    assert watcher.gone()


def test_the_list_is_for_who_has_the_token(paged):
    with pytest.raises(urllib.error.HTTPError) as refused:
        listed(paged, "0" * 64)
    assert refused.value.code == 401


def test_numbers_of_two_observers_do_not_meet(client, paged):
    owner = client()
    owner.launch("March 3, 1999")
    session = max(sessions(paged))
    one, other = client(path=f"/sessions/{session}"), client(path=f"/sessions/{session}")
    for _ in range(3):
        seqs = [each.send("evaluate", expression=word) for each, word in ((one, "line"), (other, "source"))]
        answers = []
        for each, seq in zip((one, other), seqs, strict=True):
            message = json.loads(each.socket.recv(60))
            assert message["request_seq"] == seq
            answers.append(message["body"]["result"])
        assert answers[0] != answers[1]
