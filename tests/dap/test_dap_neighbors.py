"""Neighbours over the wire: the request, the scope, the lookup, the rule and the edit."""

import pytest
from dap_patterns import Event, text_with
from dap_programs import DATES

OWN = DATES[0]
"""The first sentence of the index."""


@pytest.fixture
def at_a_token(tcp, date_index):
    """A session over a sentence of the index that has just chosen its first token."""
    tcp.launch(source=OWN, index=date_index.path, search={"beamSize": 2})
    tcp.stopped("entry")
    tcp.go("next")
    return tcp


def seen(session):
    """What a person sees of a session."""
    return session.value("[step, output, score, hypothesis]"), session.request("s2s/beam")


def test_over_every_transport(session, date_index):
    session.launch(source=OWN, index=date_index.path)
    session.stopped("entry")
    body = session.request("s2s/neighbors", site="encoder.states", position=2, k=3)
    first = body["neighbors"][0]
    assert (body["site"], body["position"], body["step"]) == ("encoder.states", 2, -1)
    assert (first["source"], first["token"]["piece"], first["side"]) == (OWN, "r", "source")
    assert (first["before"], first["after"], first["start"], first["end"]) == ("a", "c", 2, 3)
    assert (first["file"], first["line"]) == (date_index.corpus, 0)
    assert "right" not in first
    session.go("next")
    body = session.request("s2s/neighbors", k=4)
    assert (body["site"], body["kind"], body["metric"], body["exact"]) == (
        "decoder.state",
        "exact",
        "l2",
        True,
    )
    assert body["why"]
    assert body["total"] == len(body["neighbors"]) == 4
    assert body["states"] > 1000
    first = body["neighbors"][0]
    assert (first["source"], first["target"], first["position"]) == (OWN, "1999-03-03", 0)
    assert first["right"] is (first["predicted"]["piece"] == first["token"]["piece"])
    assert 0 <= first["distance"] < 0.01
    summary = body["summary"]
    assert sum(each["p"] for each in summary["tokens"]) == pytest.approx(1)
    assert sum(each["count"] for each in summary["tokens"]) == 4
    assert summary["nearest"] == first["distance"]
    assert 0 <= summary["percentile"] <= 100
    values = session.variables(session.scopes()["Neighbours"])
    assert values["0"]["value"] == text_with("March 3, 1999 → ›1‹999-03-03")
    assert session.value("neighbors(state, k=4)") == body["text"]


def test_pages(at_a_token):
    whole = at_a_token.request("s2s/neighbors", k=10)
    page = at_a_token.request("s2s/neighbors", k=10, start=4, count=3)
    assert page["neighbors"] == whole["neighbors"][4:7]
    assert [each["number"] for each in page["neighbors"]] == [4, 5, 6]
    assert (page["total"], page["summary"]) == (10, whole["summary"])
    assert at_a_token.request("s2s/neighbors", k=5, start=9)["neighbors"] == []


def test_other_places(at_a_token):
    at_a_token.go("next")
    live = at_a_token.request("threads")["threads"]
    asked = at_a_token.request("s2s/neighbors", step=0, k=1)
    assert (asked["step"], asked["site"]) == (0, "decoder.state")
    frame = at_a_token.frames()[1]["id"]
    assert at_a_token.request("s2s/neighbors", frameId=frame, k=1)["neighbors"] == asked["neighbors"]
    other = at_a_token.request("s2s/neighbors", threadId=live[1]["id"], k=1)
    assert other["hypothesis"] == live[1]["id"]
    layer = at_a_token.request("s2s/neighbors", site="decoder.layers", layer=0, k=1)
    assert layer["site"] == "decoder.layers.0"
    refused = at_a_token.refused
    assert refused("s2s/neighbors", site="decoder.layers").number == 4501
    assert refused("s2s/neighbors", site="prediction.logits").number == 4501
    assert refused("s2s/neighbors", site="decoder.state", position=3).number == 4107
    assert refused("s2s/neighbors", position=3).number == 5005
    assert refused("s2s/neighbors", frameId=frame, step=0).number == 5005
    assert refused("s2s/neighbors", k=2000).number == 4107
    assert refused("s2s/neighbors", step=9).number == 4142
    assert refused("s2s/neighbors", sentence=4).number == 4403
    assert refused("s2s/neighbors", metric="taxi").number == 4534
    assert refused("s2s/neighbors", sentences=[1]).number == 5005


def test_filters(at_a_token):
    body = at_a_token.request("s2s/neighbors", token="2", right=True, k=5, sentences=[0, 300], others=True)
    assert {each["token"]["piece"] for each in body["neighbors"]} == {"2"}
    assert {each["right"] for each in body["neighbors"]} == {True}
    assert max(each["sentence"] for each in body["neighbors"]) <= 300
    assert all(each["source"] != OWN for each in body["neighbors"])
    assert at_a_token.refused("s2s/neighbors", token="Haus").number == 4103


def test_it_leaves_no_trace(at_a_token):
    before = seen(at_a_token)
    at_a_token.request("s2s/neighbors")
    for context in ("watch", "repl", "hover"):
        at_a_token.value("neighbors(context, k=3)", context=context)
    at_a_token.variables(at_a_token.scopes()["Neighbours"])
    assert seen(at_a_token) == before
    assert at_a_token.request("s2s/edits")["edits"] == []


def test_the_scope_is_made_when_it_is_opened(at_a_token, date_index):
    scopes = at_a_token.request("scopes", frameId=at_a_token.frames()[0]["id"])["scopes"]
    scope = next(each for each in scopes if each["name"] == "Neighbours")
    assert scope["expensive"]
    values = at_a_token.variables(scope["variablesReference"])
    opened = at_a_token.variables(values["0"]["variablesReference"])
    assert opened["source"]["value"] == repr(OWN)
    assert opened["file"]["value"] == repr(f"{date_index.corpus}:1")
    where = at_a_token.request("locations", locationReference=values["0"]["declarationLocationReference"])
    assert where == {"source": {"name": "dates.corpus", "path": date_index.corpus}, "line": 1}
    context = at_a_token.variables(values["context"]["variablesReference"])
    assert context["0"]["value"] == text_with(OWN)
    assert at_a_token.variables(values["context"]["variablesReference"], start=0, count=2).keys() == set(
        list(context)[:2]
    )
    reference = scope["variablesReference"]
    assert at_a_token.refused("setVariable", variablesReference=reference, name="0", value="1").number == 4102
    info = at_a_token.request("dataBreakpointInfo", variablesReference=reference, name="purity")
    assert info["dataId"] is None
    at_a_token.go("next")
    assert at_a_token.refused("variables", variablesReference=reference).number == 4006
    stale = values["0"]["declarationLocationReference"]
    assert at_a_token.refused("locations", locationReference=stale).number == 4553


def test_a_lookup(at_a_token):
    whole = at_a_token.request("evaluate", expression="neighbors(state, k=3)", context="hover")
    assert whole["result"] == text_with("3 of", "nearest")
    one = at_a_token.request("evaluate", expression="neighbors(state, k=3)[2]")
    parts = at_a_token.variables(whole["variablesReference"])
    assert parts["2"]["value"] == one["result"]
    where = at_a_token.request("locations", locationReference=one["valueLocationReference"])
    assert where["line"] > 1
    refused = at_a_token.refused("evaluate", expression="neighbors(stat)")
    assert (refused.number, "did you mean 'state'" in refused.text) == (4201, True)
    assert at_a_token.refused("evaluate", expression="neighbors(state)[999999]").number == 4107
    refused = at_a_token.refused("evaluate", expression="len(neighbors(state))")
    assert "training_percentile" in refused.text


def test_lookups_are_completed(at_a_token):
    def offered(text):
        targets = at_a_token.request("completions", text=text, column=len(text) + 1)["targets"]
        return {each.get("text", each["label"]) for each in targets}

    assert "neighbors(" in offered("neigh")
    assert "training_percentile" in offered("training")
    assert {"state", "encoder", "context"} <= offered("neighbors(")
    assert offered("neighbors(cont") == {"context", "contexts"}
    assert {"k=", "metric=", "token=", "right="} <= offered("neighbors(state, ")
    assert offered("neighbors(state, met") == {"metric="}


def test_a_neighbours_state_is_copied_into_the_decode(at_a_token):
    wanted = at_a_token.request("s2s/neighbors", site="decoder.state", k=4)["neighbors"]

    def nearest():
        return at_a_token.request("s2s/neighbors", site="decoder.state", k=1)["neighbors"][0]

    at_a_token.request("s2s/edit", site="decoder.state", copy={"neighbor": 3})
    assert (nearest()["row"], nearest()["distance"]) == (wanted[3]["row"], 0)
    (listed,) = at_a_token.request("s2s/edits")["edits"]
    assert len(listed["edit"]["values"]) == 64
    exported = at_a_token.request("s2s/exportEdits")["text"]
    at_a_token.request("s2s/undo")
    assert nearest()["row"] == wanted[0]["row"]
    at_a_token.request("s2s/importEdits", text=exported)
    assert nearest()["row"] == wanted[3]["row"]
    at_a_token.request("s2s/undo")
    at_a_token.request("setExpression", expression="state", value="neighbor 2")
    assert nearest()["row"] == wanted[2]["row"]
    at_a_token.request("s2s/undo")
    scope = at_a_token.scopes()["Decoder"]
    at_a_token.request("setVariable", variablesReference=scope, name="state", value="neighbor 1")
    assert nearest()["row"] == wanted[1]["row"]
    at_a_token.request("s2s/undo")
    at_a_token.value("copy state from neighbor 3", context="repl")
    assert nearest()["row"] == wanted[3]["row"]
    both = {"neighbor": 3, "step": 0}
    assert at_a_token.refused("s2s/edit", site="decoder.state", copy=both).number == 4124
    assert at_a_token.refused("s2s/edit", site="decoder.state", copy={"neighbor": -1}).number == 4107


def test_a_run_stops_far_from_training(tcp, date_index):
    tcp.initialize()
    seq = tcp.begin_launch(source=f"{OWN}\nIdes of March 2044", index=date_index.path, stopOnEntry=False)
    option = {"filterId": "farFromTraining", "condition": "training_percentile > 90"}
    (placed,) = tcp.request("setExceptionBreakpoints", filters=[], filterOptions=[option])["breakpoints"]
    assert placed["verified"]
    tcp.finish_launch(seq)
    stop = tcp.stopped("exception")
    assert stop["description"] == "Watch rule farFromTraining"
    assert int(tcp.value("sentence")) == 1
    assert float(tcp.value("training_percentile")) > 90
    info = tcp.request("exceptionInfo", threadId=tcp.thread)
    assert info["exceptionId"] == "farFromTraining"
    assert info["details"]["message"] == text_with(
        "training_distance = ", "training_percentile = ", "neighbours"
    )


def test_a_rule_without_an_index_is_not_verified(tcp, plain_model):
    seq = tcp.begin_launch(source="abc", model=plain_model, search={"maxLength": 4})
    answer = tcp.request("setExceptionBreakpoints", filters=["farFromTraining", "notFinite"])
    first, second = answer["breakpoints"]
    assert (first["verified"], second["verified"]) == (False, True)
    assert first["message"] == text_with("S2S4550", "s2sdap index build --model")
    tcp.finish_launch(seq)
    tcp.stopped("entry")
    assert "Neighbours" not in tcp.scopes()
    assert tcp.refused("s2s/neighbors").number == 4550
    assert tcp.refused("evaluate", expression="neighbors(encoder[0])").number == 4550
    assert len(tcp.run_to_end()) == 1
    restarted = {
        "source": "abc",
        "model": plain_model,
        "watchRules": ["lowConfidence(training_distance > 1)"],
    }
    assert tcp.refused("restart", arguments=restarted).number == 4550


def test_an_index_that_was_asked_for_and_is_none_refuses_the_launch(tcp, date_index, tmp_path, plain_model):
    tcp.initialize()
    (tmp_path / "manifest.json").write_text("{}")
    for index, model, number in (
        (str(tmp_path / "none"), "dates", 4511),
        (str(tmp_path), "dates", 4513),
        (date_index.path, plain_model, 4514),
    ):
        seq = tcp.begin_launch(source="abc", index=index, model=model)
        tcp.send("configurationDone")  # which may come when the launch is refused already
        assert tcp.answer(seq)["body"]["error"]["id"] == number
    tcp.launch(source=OWN, index=date_index.path)
    tcp.stopped("entry")
    assert tcp.request("s2s/neighbors", k=1)["total"] == 1


def test_an_index_that_breaks_later_is_told_and_the_session_goes_on(tcp, date_index, tmp_path):
    import shutil

    copy = tmp_path / "copy.index"
    shutil.copytree(date_index.path, copy)
    tcp.launch(source=OWN, index=str(copy))
    tcp.stopped("entry")
    shutil.rmtree(copy / "encoder.states.lance")
    refused = tcp.refused("s2s/neighbors")
    assert refused.number == 4513
    assert tcp.run_to_end() == ["1999-03-03"]


def test_a_cancelled_request_is_given_up(at_a_token):
    seq = at_a_token.send("s2s/neighbors", {"k": 1000})
    at_a_token.request("cancel", requestId=seq)
    answer = at_a_token.answer(seq)
    if not answer["success"]:  # it may have been done before
        assert answer["body"]["error"]["id"] == 5008
    assert at_a_token.request("s2s/neighbors", k=1)["total"] == 1


def test_a_recording_has_neighbours_too(tcp, date_index, tmp_path):
    tcp.launch(source=OWN, index=date_index.path)
    tcp.stopped("entry")
    tcp.go("next")
    live = tcp.request("s2s/neighbors", k=3)["neighbors"]
    tcp.request("s2s/save", path=str(tmp_path / "a.s2s"))
    tcp.request("restart", arguments={"session": str(tmp_path / "a.s2s"), "index": date_index.path})
    tcp.expect(Event("stopped"))
    assert tcp.request("s2s/neighbors", k=3)["neighbors"] == live
