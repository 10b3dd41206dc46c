"""The model's own Python in a child session: real debugpy, real sockets, a breakpoint in its forward."""

import importlib.util
import inspect
import json

import pytest
from dap_patterns import Event
from dap_wires import PATIENCE
from python_client import PythonClient

from s2sdap.models.rnn.network import RnnNetwork

FORWARD = inspect.getsourcefile(RnnNetwork)
LINES, FIRST = inspect.getsourcelines(RnnNetwork.step)
LINE = FIRST + next(at for at, text in enumerate(LINES) if "self._step(" in text)


WAITS = "The model's Python is stopped in its debugger: the decode waits for it."


def asked_for(session):
    """The configuration that the adapter asks its client to start."""
    requests = session._wait(
        lambda: [each for each in session.received if each["type"] == "request"], "startDebugging", PATIENCE
    )
    (request,) = requests
    assert request["command"] == "startDebugging"
    answer = {"seq": len(session.sent) + 1000, "type": "response", "request_seq": request["seq"]}
    session.wire.send(json.dumps({**answer, "success": True, "command": "startDebugging"}).encode())
    return request["arguments"]["configuration"]


@pytest.mark.skipif(importlib.util.find_spec("debugpy") is None, reason="debugpy is not installed")
@pytest.mark.parametrize("led_by", ["address", "adapter"])
def test_a_breakpoint_in_the_models_forward_stops_there_while_the_decode_answers(connect, led_by, request):
    with connect("stdio") as session:
        session.initialize(supportsStartDebuggingRequest=True)
        launched = led_by == "adapter"  # else asked for in the midst of a session, as by an editor's command
        session.launch(source="March 3, 1999", pythonDebug=launched)
        session.stopped("entry")
        if not launched:
            assert not [
                each for each in session.received if each["type"] == "request"
            ]  # off unless asked for
            assert session.request("s2s/python")["asked"]
        configuration = asked_for(session)
        host, port = configuration["__child"].rsplit(":", 1)
        if led_by == "adapter":
            served = request.getfixturevalue("served")
            host, port, configuration = "127.0.0.1", served.tcp_port, {**configuration, "token": served.token}
        python = PythonClient(host, int(port))
        try:
            python.attach(configuration, FORWARD, [LINE])
            session.request("next", threadId=1)
            stopped = python.until("event", event="stopped")["body"]
            assert session.request("threads")["threads"]  # the protocol's threads are not frozen
            top = python.request("stackTrace", threadId=stopped["threadId"])["stackFrames"][0]
            assert (top["name"].rsplit(".", 1)[-1], top["source"]["path"]) == ("step", FORWARD)
            session.expect(Event("output", output=f"{WAITS}\n"))
            python.break_at(FORWARD, [])
            python.request("continue", threadId=stopped["threadId"])
            session.expect(Event("stopped", reason="step"))
            python.request("disconnect")
        finally:
            python.close()
        session.request("next", threadId=1)
        session.expect(Event("stopped", reason="step"))
