"""A model that copies over the wire: its source's own words in every answer, its probability a variable."""

import pytest
from dap_patterns import text_with
from models.small_networks import side, small_config
from tiny_models import rnn

from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint

POINTER = small_config(copying="pointer", cell="lstm", input_feed=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network that writes u, v, a, b and a dot by itself, and copies more often than not."""
    weights = {
        name: value.clone() for name, value in rnn(POINTER, letters="uvab.").network.state_dict().items()
    }
    weights["copying.gate.bias"] += 1.5
    config = CheckpointConfig(family="rnn", network=POINTER, source=side("abcdefgh"), target=side("uvab."))
    save_checkpoint(folder := tmp_path_factory.mktemp("copying") / "copying", config, weights)
    return str(folder)


@pytest.fixture
def at_a_token(tcp, folder):
    tcp.launch(source="cdeb", model=folder, search={"beamSize": 3, "nBest": 3, "maxLength": 6})
    tcp.stopped("entry")
    tcp.go("next")
    return tcp


def test_a_word_of_the_source_alone_can_be_forced_and_is_shown_everywhere(at_a_token):
    session = at_a_token
    session.request("s2s/edit", token="e")
    assert session.value("output") == "'e'"
    assert session.value("token") == "'e'"
    assert session.frames()[0]["name"] == text_with("'e'")
    assert session.request("s2s/edits")["edits"][0]["text"] == text_with("'e'")
    assert session.request("s2s/branches")["branches"][1]["edits"] == [text_with("'e'")]
    body = session.request("s2s/decode")
    assert body["output"] == "e"
    assert body["steps"][0]["token"]["piece"] == "e"
    assert {"c", "d", "e"} <= {each["piece"] for each in body["steps"][0]["column"]["top"]}
    assert {"c", "d", "e"} <= set(session.request("s2s/tree", start=0, count=10)["pieces"].values())
    beam = session.request("s2s/beam")["steps"][0]
    assert "e" in {each["piece"] for each in beam["candidates"]}
    assert any("'e'" in each["name"] for each in session.request("threads")["threads"])
    session.run_to_end()
    outputs = session.request("s2s/results")["results"][0]["outputs"]
    assert outputs[0]["text"][0] == "e"


def test_the_copy_probability_is_a_variable_that_can_be_set(at_a_token):
    session = at_a_token
    prediction = session.scopes()["Prediction"]
    before = session.variables(prediction)["copy"]
    assert 0 < float(before["value"]) < 1
    assert before["evaluateName"] == "copy"
    assert session.value("copy") == before["value"]
    (step,) = session.request("s2s/decode")["steps"]
    assert step["copied"] == pytest.approx(float(before["value"]), abs=1e-5)
    session.request("setVariable", variablesReference=prediction, name="copy", value="1")
    assert float(session.scope("Prediction")["copy"]["value"]) == 1.0
    assert float(session.value('prob("u")')) < 1e-6
    attended = float(session.value("attention[1]"))
    assert float(session.value('prob("d")')) == pytest.approx(attended, abs=1e-5)
    assert "probability" in session.refused("setExpression", expression="copy", value="1.5").text
    session.request("evaluate", expression="copy = 0", context="repl")
    assert float(session.value('prob("d")')) < 1e-6


def test_step_in_at_instruction_granularity_comes_by_it(at_a_token):
    session = at_a_token
    told = [session.go("stepIn", granularity="instruction").get("text", "") for _ in range(13)]
    copy = [text for text in told if text.startswith("prediction.copy: 0.")]
    assert len(copy) == 1
    place = told.index(copy[0])
    assert told[place - 1].startswith("prediction.generated: [V] 9")
    assert told[place + 1].startswith("prediction.logits: [V] 12")
    walk = {each["part"]: each["vectors"] for each in session.request("s2s/walk")["parts"]}
    assert [each["name"] for each in walk["copy"]] == ["probability of copying"]


def test_a_condition_stops_where_it_copies(tcp, folder):
    tcp.launch(source="cdeb", model=folder, stopOnEntry=False, watchRules=["lowConfidence(copy > 0.5)"])
    stop = tcp.stopped()
    assert stop["text"] == text_with("copy > 0.5")
    assert float(tcp.value("copy")) > 0.5
