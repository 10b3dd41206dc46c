"""Session files over the wire: saved, opened without the model, stepped as the live session was, replayed."""

import shutil
from pathlib import Path

import pytest
from dap_patterns import Event, Response
from harness import Refusal

from s2sdap import models
from s2sdap.models.loading import load_model

ONE = "March 3, 1999"
TWO = f"{ONE}\n24. Okt"
MOTIONS = ("next", "stepIn", "stepIn", "next", "stepOut", "next", "stepBack", "next")


@pytest.fixture
def checkpoint(tmp_path):
    """A copy of the bundled model, to be taken away."""
    folder = tmp_path / "model"
    shutil.copytree(Path(models.__file__).parent / "bundled" / "dates", folder)
    assert load_model(str(folder)).fingerprint == load_model("dates").fingerprint
    return folder


def everything(session):
    """What the client sees at a stop: the stack, and the variables of every scope, two levels deep."""
    seen = []
    for frame in session.frames():
        place = [frame.get(key) for key in ("name", "line", "column", "endColumn")]
        for name, reference in session.scopes(frame["id"]).items():
            seen.append((place, name, _values(session, reference, 2)))
    step = session.request("s2s/step", top=5)
    return seen, step, session.request("s2s/attention", {}), session.request("s2s/beam", {})


def _values(session, reference, depth):
    if not depth:
        return []
    return [
        (
            each["name"],
            each["value"],
            each.get("type"),
            _values(session, each["variablesReference"], depth - 1),
        )
        if each["variablesReference"] and each.get("indexedVariables", 0) < 50
        else (each["name"], each["value"], each.get("type"))
        for each in session.variables(reference).values()
    ]


def walk(session):
    """The beginning, and what is seen after each of some motions."""
    return [(session.go(motion)["reason"], everything(session)) for motion in MOTIONS]


def test_a_recording_shows_over_the_wire_what_the_session_showed(connect, tmp_path, checkpoint):
    path = str(tmp_path / "session.s2s")
    with connect("tcp") as live:
        live.launch(source=TWO, model=str(checkpoint), search={"beamSize": 3}, reference="1999-03-03\nx")
        live.stopped("entry")
        live.go("next")
        live.request("s2s/edit", token="2")
        while live.go("next")["reason"] == "step" and live.request("s2s/step", {})["sentence"] == 0:
            pass
        live.go("stepOut")
        results = live.outputs()
        saved = live.request("s2s/save", path=path)
        assert (saved["path"], saved["sentences"]) == (path, 2)
        live.go("reverseContinue")
        seen = walk(live)
    shutil.rmtree(checkpoint)
    with connect("stdio") as recorded:
        recorded.launch(session=path)
        recorded.stopped("entry")
        assert recorded.outputs() == results
        assert recorded.events("capabilities")
        recorded.go("reverseContinue")
        assert walk(recorded) == seen


def test_a_recording_refuses_what_takes_the_model(tcp, tmp_path):
    path = str(tmp_path / "session.s2s")
    tcp.launch(source=TWO)
    tcp.stopped("entry")
    tcp.go("next")
    tcp.request("s2s/save", path=path)
    tcp.request("restart", arguments={"session": path})
    tcp.stopped("entry")
    assert tcp.refused("s2s/edit", token="2").number == 7109
    scope = tcp.scopes()["Prediction"]
    refused = tcp.refused("setVariable", variablesReference=scope, name="token", value="2")
    assert refused.number == 7109
    assert "s2s" not in refused.message
    for request, arguments in (
        ("s2s/verdict", {}),
        ("s2s/verdict", {"step": 0}),
        ("s2s/verdict", {"sentence": 1, "reference": "1999-03-04"}),
        ("s2s/compare", {"right": {"search": {"beamSize": 4}}}),
        ("s2s/compare", {"right": {"sentence": 1}}),
        ("s2s/weights", {}),
        ("s2s/nearestTokens", {"side": "target", "word": "1"}),
    ):
        assert tcp.refused(request, **arguments).number == 7109
    assert tcp.value("token") == "'1'"
    seq = tcp.send("next", {"threadId": tcp.thread})
    tcp.expect(Response("next", seq=seq) >> Event("exited") >> Event("terminated"))


def test_a_recording_runs_to_what_stops_it(tcp, tmp_path):
    path = str(tmp_path / "session.s2s")
    tcp.launch(source=TWO)
    tcp.stopped("entry")
    tcp.request("setExceptionBreakpoints", filters=[], filterOptions=[_rule("step == 4")])
    tcp.request("setFunctionBreakpoints", breakpoints=[{"name": "attention"}])
    live = [tcp.go("continue") for _ in range(12)]
    tcp.request("s2s/save", path=path)
    tcp.request("restart", arguments={"session": path, "stopOnEntry": False})
    again = [tcp.stopped(), *(tcp.go("continue") for _ in range(11))]
    shown = ("reason", "text", "threadId", "hitBreakpointIds")
    assert [[each.get(key) for key in shown] for each in again] == [
        [each.get(key) for key in shown] for each in live
    ]


def test_a_new_client_gets_the_breakpoints_of_the_file(connect, tmp_path):
    path = str(tmp_path / "session.s2s")
    with connect("tcp") as live:
        live.launch(source=TWO)
        live.stopped("entry")
        live.request("setExceptionBreakpoints", filters=[], filterOptions=[_rule("step == 4")])
        assert live.go("continue")["reason"] == "exception"
        live.request("s2s/save", path=path)
    with connect("tcp") as recorded:
        recorded.launch(session=path)
        assert "step == 4" in recorded.stopped("exception")["text"]
        assert "step == 4" in recorded.request("exceptionInfo", threadId=recorded.thread)["description"]
        recorded.go("reverseContinue")
        assert recorded.go("continue")["reason"] == "exception"
        recorded.request("setExceptionBreakpoints", filters=[])
        seq = recorded.send("continue", {"threadId": recorded.thread})
        recorded.expect(Response("continue", seq=seq) >> Event("terminated"))


def test_saving_after_the_end_and_while_it_runs(tcp, tmp_path, corpus):
    path = str(tmp_path / "session.s2s")
    tcp.launch(source=TWO, stopOnEntry=False)
    tcp.expect(Event("terminated"))
    assert tcp.request("s2s/save", path=path, sites="light")["sentences"] == 2
    tcp.request("restart", arguments={"program": corpus, "stopOnEntry": False})
    tcp.expect(Event("s2s/result"))
    assert tcp.refused("s2s/save", path=path).number == 4003
    tcp.request("terminate")


def test_a_path_must_be_whole_and_nothing_else_is_written_over(tcp, tmp_path):
    letter = tmp_path / "letter.txt"
    letter.write_text("dear reader")
    tcp.launch(source=TWO)
    tcp.stopped("entry")
    for path, number in (("session.s2s", 7114), ("", 7114), (str(letter), 7107), (str(tmp_path), 7107)):
        assert tcp.refused("s2s/save", path=path).number == number
    assert tcp.refused("s2s/save", path=str(tmp_path / "no" / "where.s2s")).number == 7106
    assert tcp.refused("s2s/save", path=f"{tmp_path}/nul\0.s2s").number == 7106
    assert tcp.refused("s2s/save", path=str(tmp_path / "a.s2s"), sites="most").number == 3001
    assert letter.read_text() == "dear reader"
    assert [each.name for each in tmp_path.iterdir()] == ["letter.txt"]


def test_a_launch_of_a_recording_takes_nothing_that_it_has_itself(tcp, tmp_path):
    path = str(tmp_path / "none.s2s")
    tcp.initialize()
    for more in ({"source": "x"}, {"model": "other"}, {"search": {"beamSize": 2}}, {"seed": 1}):
        with pytest.raises(Refusal) as refused:
            _launch(tcp, session=path, **more)
        assert refused.value.number == 7112
    with pytest.raises(Refusal) as refused:
        _launch(tcp, session=path)
    assert refused.value.number == 7101
    tcp.launch(source=ONE)  # a launch that failed can be mended
    tcp.stopped("entry")
    assert tcp.refused("s2s/replay", {}).number == 7113


def test_a_replay_over_the_wire(tcp, tmp_path):
    path = str(tmp_path / "session.s2s")
    tcp.launch(source=TWO, search={"beamSize": 2})
    tcp.stopped("entry")
    tcp.go("next")
    tcp.request("s2s/edit", token="2")
    tcp.go("stepOut")
    tcp.request("s2s/save", path=path)
    found = tcp.request("s2s/replay", path=path)
    assert (found["sameModel"], found["identical"]) == (True, True)
    assert [each["branch"] for each in found["branches"]] == [0, 1]
    assert tcp.value("token") == "'</s>'"  # the session stands where it stood
    tcp.request("restart", arguments={"session": path})
    tcp.stopped("entry")
    assert tcp.request("s2s/replay", {})["text"] == found["text"]
    assert tcp.refused("s2s/replay", model="nothing-like-it").number == 2001


def _rule(condition):
    return {"filterId": "lowConfidence", "condition": condition}


def _launch(client, **arguments):
    answer = client.answer(client.launch_only(**arguments))
    if not answer["success"]:
        raise Refusal(answer)
