"""Clients that vanish, and two clients at once."""

import time

import pytest
from dap_patterns import Event
from dap_programs import DATES
from dap_wires import PATIENCE
from harness import DebugSession

PROMPT = 20.0
"""Seconds that something quick may take on a busy machine: far less than the minute of the corpus."""


@pytest.mark.parametrize("way", ["running", "stopped", "fresh", "blocked", "reading"])
def test_over_stdio_the_process_goes_with_its_client(over_stdio, corpus, pipe, way):
    wire = over_stdio()
    with DebugSession(wire) as session:
        if way == "running":
            session.launch(program=corpus, stopOnEntry=False)
            session.expect(Event("s2s/result", sentence=5))
        elif way == "stopped":
            session.launch(program=corpus)
            session.stopped("entry")
        elif way == "blocked":
            session.launch(source="x", model=f"odd:steps-when={pipe}", stopOnEntry=False)
        elif way == "reading":
            session.initialize()
            session.launch_only(program=str(pipe))
            session.request("cancel")
        session.vanish()
        start = time.monotonic()
        assert wire.process.wait(PATIENCE) == 0
        assert time.monotonic() - start < PROMPT


@pytest.mark.parametrize("transport", ["tcp", "websocket"])
def test_a_client_that_vanishes_leaves_the_model_to_the_others(connect, corpus, transport):
    with connect(transport) as session:
        session.launch(program=corpus, stopOnEntry=False)
        session.expect(Event("s2s/result", sentence=5))
        session.vanish()
    with connect(transport) as session:
        session.launch(source=DATES[0])
        session.stopped("entry")
        start = time.monotonic()
        session.go("next")
        assert time.monotonic() - start < PROMPT


def test_a_client_that_does_not_read_holds_nobody_up(connect, corpus):
    deaf = connect("tcp")
    with connect("tcp") as session:
        deaf.send("initialize", {"adapterID": "x"})
        deaf.launch_only(program=corpus, stopOnEntry=False)
        session.launch(source=DATES[0])
        session.stopped("entry")
        deaf.send("configurationDone")
        assert session.run_to_end() == ["1999-03-03"]
        deaf.wire.close()


def test_two_sessions_step_in_turns(connect, decoded):
    with connect("tcp") as one, connect("websocket") as other:
        one.launch(source=DATES[0])
        other.launch(source=DATES[3], search={"beamSize": 3, "lengthPenalty": 0.6})
        one.stopped("entry")
        other.stopped("entry")
        for step in range(5):
            one.go("next")
            other.go("next")
            assert (one.value("step"), other.value("step")) == (str(step), str(step))
        assert len(one.request("threads")["threads"]) == 1
        assert len(other.request("threads")["threads"]) >= 3
        assert one.run_to_end() == [decoded(DATES[0])]
        assert other.run_to_end() == [decoded(DATES[3], beam_size=3, length_penalty=0.6)]


def test_a_long_run_does_not_hold_up_anothers_steps(connect, corpus, decoded):
    with connect("tcp") as busy, connect("tcp") as session:
        busy.launch(program=corpus, stopOnEntry=False)
        busy.expect(Event("s2s/result", sentence=3))
        session.launch(source=DATES[0])
        session.stopped("entry")
        for _ in range(5):
            start = time.monotonic()
            session.go("next")
            assert time.monotonic() - start < PROMPT
        assert session.run_to_end() == [decoded(DATES[0])]
        busy.request("pause", threadId=1)
        busy.stopped("pause")
        results = busy.request("s2s/results", count=20)["results"]
        assert [each["outputs"][0]["text"] for each in results] == [
            decoded(each["source"]) for each in results
        ]
