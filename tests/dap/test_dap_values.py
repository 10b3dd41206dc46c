"""Looking at a stop and changing what is shown."""

import json

import pytest
from dap_patterns import Event, Response, containing, text_with
from dap_programs import DATES


@pytest.fixture
def at_a_token(session):
    """A session that has just chosen its first token."""
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.go("next")
    return session


def test_a_stage_that_was_not_reached_shows_nothing(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    shown = ["Encoder", "Neighbours", "Settings"]
    assert list(session.scopes()) == shown
    for stage in ("Decoder", "Attention", "Prediction", "Search"):
        session.go("stepIn")
        shown = [stage, *shown]
        assert set(session.scopes()) == set(shown)
        assert next(iter(session.scopes())) == stage
    assert session.refused("evaluate", expression="reference[0]").number == 4203


def test_reading_ahead_of_the_stage_is_refused(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    assert session.refused("evaluate", expression="p").number == 4108
    session.go("stepIn")
    assert session.refused("evaluate", expression="attention").number == 4108


def test_variables_come_in_pages(at_a_token):
    session = at_a_token
    encoder = session.scope("Encoder")
    source = encoder["source"]
    assert source["indexedVariables"] == len(DATES[0])
    reference = source["variablesReference"]
    page = session.variables(reference, filter="indexed", start=2, count=3)
    assert [each["value"] for each in page.values()] == ["'r'", "'c'", "'h'"]
    assert session.variables(reference, filter="named") == {}
    assert session.variables(reference, start=len(DATES[0])) == {}
    assert len(session.variables(reference, start=-5, count=-1)) == len(DATES[0])
    settings = session.scope("Settings")
    assert settings["model"]["value"] == "'dates'"
    search = session.variables(settings["search"]["variablesReference"], filter="named")
    assert search["beamSize"]["value"] == "1"


def test_a_big_vocabulary_is_capped(tcp, wide_model):
    tcp.launch(source="abc", model=wide_model)
    tcp.stopped("entry")
    tcp.go("next")
    logits = tcp.scope("Prediction")["logits"]
    assert logits["indexedVariables"] == 1500
    reference = logits["variablesReference"]
    rows = tcp.request("variables", variablesReference=reference)["variables"]
    assert len(rows) == 1001
    assert rows[-1] == containing(name="…", value=text_with("500 more"), variablesReference=0)
    rest = tcp.request("variables", variablesReference=reference, start=1000, count=1000)["variables"]
    assert len(rest) == 500
    assert rest[0]["name"].startswith("1000: ")
    assert tcp.value("len(logits)") == "1500"


def test_a_token_can_be_changed(at_a_token):
    session = at_a_token
    before = float(session.value("p"))
    seq = session.send(
        "setVariable",
        {"variablesReference": session.scopes()["Prediction"], "name": "token", "value": "'2'"},
    )
    session.expect(Response("setVariable", seq=seq) >> Event("invalidated", areas=["all"]))
    assert session.answer(seq)["body"]["value"] == "'2'"
    assert session.value("token") == "'2'"
    assert float(session.value("p")) < before
    assert session.request("s2s/step", threadId=session.thread)["branch"] == 1
    assert session.run_to_end()[0].startswith("2")


def test_a_weight_and_a_row_can_be_changed(session):
    session.launch(source=DATES[0])
    session.stopped("entry")
    session.go("next")
    logits = json.loads(session.request("evaluate", expression="logits", context="clipboard")["result"])
    weights = session.scope("Attention")["weights"]
    names = list(session.variables(weights["variablesReference"]))
    changed = session.request(
        "setVariable", variablesReference=weights["variablesReference"], name=names[4], value="0.9"
    )
    assert float(changed["value"]) == pytest.approx(0.9, abs=1e-5)
    assert float(session.value("attention[4]")) == pytest.approx(0.9, abs=1e-5)
    assert float(session.value("sum(attention)")) == pytest.approx(1, abs=1e-5)
    after = json.loads(session.request("evaluate", expression="logits", context="clipboard")["result"])
    assert after != logits, "the run must have consumed the edit"

    row = ", ".join(["1"] * len(names))
    scope = session.scopes()["Attention"]
    session.request("setVariable", variablesReference=scope, name="weights", value=f"[{row}]")
    assert float(session.value("attention[0]")) == pytest.approx(1 / len(names), abs=1e-5)
    session.run_to_end()


def test_a_client_without_invalidated_is_told_by_a_stop(connect):
    with connect("tcp") as session:
        session.initialize(supportsInvalidatedEvent=False)
        session.launch(source=DATES[0])
        session.stopped("entry")
        session.go("next")
        scope = session.scopes()["Prediction"]
        seq = session.send("setVariable", {"variablesReference": scope, "name": "token", "value": "2"})
        session.expect(
            Response("setVariable", seq=seq)
            >> Event("stopped", reason="data breakpoint", description="Edited")
        )
        assert session.events("invalidated") == []


def test_edits_that_are_refused_leave_all_as_it_was(at_a_token):
    session = at_a_token
    scopes = session.scopes()
    weights = session.variables(scopes["Attention"])["weights"]["variablesReference"]
    first = next(iter(session.variables(weights)))
    before = session.request("s2s/step", threadId=session.thread)
    for scope, name, value, number in [
        (scopes["Prediction"], "token", "nonsense", 4103),
        (scopes["Prediction"], "p", "0.5", 4102),
        (scopes["Prediction"], "nothing", "1", 4101),
        (scopes["Prediction"], "²: x", "1", 4101),
        (scopes["Prediction"], "9" * 5000, "1", 4101),
        (scopes["Attention"], "weights", "0, 0", 4104),
        (scopes["Attention"], "weights", "", 4104),
        (weights, first, "many", 4104),
        (weights, first, "2", 4104),
        (99_999, "token", "2", 4006),
    ]:
        refusal = session.refused("setVariable", variablesReference=scope, name=name, value=value)
        assert refusal.number == number, refusal.text
    assert session.request("s2s/step", threadId=session.thread) == before


def test_requests_that_come_during_an_edit(connect):
    with connect("tcp") as session:
        session.launch(source=DATES[0])
        session.stopped("entry")
        session.go("next")
        scope = session.scopes()["Prediction"]
        thread = session.thread
        both = [
            ("setVariable", {"variablesReference": scope, "name": "token", "value": "2"}),
            ("next", {"threadId": thread}),
        ]
        for _ in range(5):
            edit, step = (session.send(*each) for each in both)
            assert session.answer(edit)["success"]
            if session.answer(step)["success"]:
                session.stopped("step")
                session.go("stepBack")
            else:
                assert session.answer(step)["body"]["error"]["id"] == 4003
            scope = session.scopes()["Prediction"]
            both[0][1]["variablesReference"] = scope
        assert session.run_to_end()[0].startswith("2")


def test_ids_of_an_earlier_stop_are_stale(at_a_token):
    session = at_a_token
    frame = session.frames()[0]["id"]
    scope = session.scopes(frame)["Prediction"]
    session.go("next")
    assert session.refused("scopes", frameId=frame).number == 4005
    assert session.refused("variables", variablesReference=scope).number == 4006
    assert session.refused("evaluate", expression="p", frameId=frame).number == 4005


def test_a_person_is_told_of_what_they_asked_for_alone(at_a_token):
    session = at_a_token
    frame = session.frames()[0]["id"]
    session.go("next")
    for quiet in (
        ("scopes", {"frameId": frame}),
        ("evaluate", {"expression": "("}),
        ("s2s/step", {"frameId": frame}),
    ):
        error = session.answer(session.send(*quiet))["body"]["error"]
        assert "showUser" not in error
    error = session.answer(session.send("restartFrame", {"frameId": frame}))["body"]["error"]
    assert (error["id"], error["showUser"]) == (4005, True)


@pytest.mark.parametrize("context", ["watch", "repl", "hover", "clipboard", "variables", "other"])
def test_evaluate_changes_nothing(at_a_token, context):
    session = at_a_token
    seen = len(session.received)
    frame = session.frames()[0]["id"]
    for expression, shown in [("token", "1"), ("p > 0.5 and rank == 0", "True"), ("2 * step + 1", "1")]:
        answer = session.request("evaluate", expression=expression, frameId=frame, context=context)
        assert answer["result"].strip("'") == shown
    number = 4102 if context == "repl" else 4201  # the console can set values, though not this one
    assert session.refused("evaluate", expression="p = 1", context=context).number == number
    assert session.refused("evaluate", expression="token.upper()", context=context).number == 4201
    assert session.refused("evaluate", expression="tokn", context=context).text == text_with(
        "tokn", "'token'"
    )
    assert all(each["type"] == "response" for each in session.received[seen:])
    row = session.request("evaluate", expression="attention", context=context)
    assert len(session.variables(row["variablesReference"])) == len(DATES[0])


def test_completions(at_a_token):
    session = at_a_token
    found = session.request("completions", text="att", column=4)["targets"]
    assert [each["label"] for each in found] == ["attention", "attention_at()", "attend"]
    assert session.request("completions", text="zzz", column=4) == {"targets": []}
    found = session.request("completions", text="'\N{GRINNING FACE}' != tok", column=12)["targets"]
    assert [(each["label"], each["start"]) for each in found] == [("token", 9), ("tokens", 9)]
    assert len(session.request("completions", text="", column=1)["targets"]) > 20
