"""Hugging Face models over the wire: launched from a folder, stepped, edited, refused."""

import json
import math
from pathlib import Path

import pytest
from dap_patterns import Event
from models.hf_tiny import folder_of
from transformers import MarianMTModel, MarianTokenizer

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
TEXT = "the cat sat on the mat"
LENGTH = {"max_new_tokens": 9}


@pytest.fixture(scope="module")
def marian() -> Path:
    return folder_of("marian")


@pytest.fixture
def at_a_token(tcp, marian):
    """A session that has just chosen its first token."""
    tcp.launch(source=TEXT, model=f"hf:{marian}", generation=LENGTH)
    tcp.stopped("entry")
    tcp.go("next")
    return tcp


def generated(folder: Path, **settings) -> list[str]:
    """What the model's own `generate` writes for `TEXT`."""
    model = MarianMTModel.from_pretrained(folder).eval()
    tokenizer = MarianTokenizer.from_pretrained(folder)
    out = model.generate(**tokenizer(TEXT, return_tensors="pt"), **LENGTH, **settings)
    return tokenizer.batch_decode(out, skip_special_tokens=True)


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}], ids=["greedy", "beam"])
def test_the_output_is_that_of_generate(tcp, marian, search):
    tcp.launch(source=TEXT, model=f"hf:{marian}", generation={**LENGTH, **search}, stopOnEntry=False)
    tcp.expect(Event("terminated"))
    assert tcp.outputs() == generated(marian, **search)


def test_our_own_names_mean_the_same(tcp, marian):
    search = {"beamSize": 3, "noRepeatNgram": 2, "maxLength": 9}
    tcp.launch(source=TEXT, model=f"hf:{marian}", search=search, stopOnEntry=False)
    tcp.expect(Event("terminated"))
    assert tcp.outputs() == generated(marian, num_beams=3, no_repeat_ngram_size=2)


def test_every_stage_is_walked_in_the_order_in_which_it_is_computed(tcp, marian):
    tcp.launch(source=TEXT, model=f"hf:{marian}", generation=LENGTH)
    tcp.stopped("entry")
    for stage in ("Attention", "Decoder", "Prediction", "Search"):
        tcp.go("stepIn")
        assert next(iter(tcp.scopes())) == stage


def test_attention_shows_every_layer_and_head(at_a_token):
    attention = at_a_token.scope("Attention")
    heads = at_a_token.variables(attention["heads"]["variablesReference"])
    assert list(heads) == [f"L{layer}.H{head}" for layer in range(2) for head in range(4)]
    row = at_a_token.variables(heads["L1.H3"]["variablesReference"])
    assert sum(float(each["value"]) for each in row.values()) == pytest.approx(1, abs=1e-4)
    assert "contexts" in attention


def test_settings_say_where_they_come_from(at_a_token):
    settings = at_a_token.scope("Settings")
    shown = at_a_token.variables(settings["search"]["variablesReference"])
    assert (shown["max_new_tokens"]["value"], shown["max_new_tokens"]["type"]) == ("9", "launch")
    assert shown["eos_token_id"]["type"] == "generation_config.json"
    assert (shown["num_beams"]["value"], shown["num_beams"]["type"]) == ("1", "transformers")


def test_what_a_model_cannot_show_is_told_with_the_reason(tcp):
    tcp.launch(source=TEXT, model=f"hf:{folder_of('gpt2')}", generation=LENGTH)
    tcp.stopped("entry")
    missing = tcp.variables(tcp.scope("Settings")["missing"]["variablesReference"])
    assert missing["encoder.states"]["value"] == "'the model has no encoder'"


def test_an_attention_edit_of_one_head_runs_on(at_a_token):
    session = at_a_token
    before = session.value("logits[3]")
    heads = session.variables(session.scope("Attention")["heads"]["variablesReference"])
    reference = heads["L0.H1"]["variablesReference"]
    name = list(session.variables(reference))[2]
    session.request("setVariable", variablesReference=reference, name=name, value="1")
    heads = session.variables(session.scope("Attention")["heads"]["variablesReference"])
    row = [float(each["value"]) for each in session.variables(heads["L0.H1"]["variablesReference"]).values()]
    assert row[2] == pytest.approx(1)
    assert session.value("logits[3]") != before
    other = [
        float(each["value"]) for each in session.variables(heads["L0.H2"]["variablesReference"]).values()
    ]
    assert max(other) < 0.9


def test_a_forced_token_and_back(at_a_token):
    session = at_a_token
    first = session.value("token")
    runner_up = session.variables(session.scope("Prediction")["top"]["variablesReference"])
    piece = list(runner_up)[1].partition(": ")[2]
    token = session.scope("Prediction")
    reference = session.scopes()["Prediction"]
    assert token["token"]["value"] == first
    session.request("setVariable", variablesReference=reference, name="token", value=json.dumps(piece))
    assert session.value("token") == repr(piece)
    session.go("next")
    session.go("stepBack")
    assert session.value("token") == repr(piece)


def test_candidates_tell_what_the_processors_made_of_them(tcp, marian):
    tcp.launch(
        source=TEXT, model=f"hf:{marian}", generation={**LENGTH, "suppress_tokens": [5], "num_beams": 2}
    )
    tcp.stopped("entry")
    tcp.go("next")
    search = tcp.scope("Search")
    candidates = tcp.variables(search["candidates"]["variablesReference"])
    ruled_out = [each for each in candidates.values() if "constraint" in each["value"]]
    parts = [tcp.variables(each["variablesReference"]) for each in ruled_out]
    assert [each["processors"]["value"] for each in parts] == ["changed by SuppressTokens"]
    stages = tcp.variables(parts[0]["processors"]["variablesReference"])
    assert math.isfinite(float(stages["model"]["value"]))
    assert stages["SuppressTokens"]["value"] == "-inf"


def test_a_watch_rule_stops_it(tcp, marian):
    tcp.launch(
        source=TEXT, model=f"hf:{marian}", generation=LENGTH, stopOnEntry=False, watchRules=["lowConfidence"]
    )
    tcp.stopped("exception")
    assert float(tcp.value("p")) < 0.5


def bad_folder(folder: Path) -> str:
    (folder / "notes.txt").write_text("nothing here")
    return f"hf:{folder}"


REFUSED = {
    "an unknown setting": ({"generation": {"num_beam": 2}}, 3003, "num_beams"),
    "a setting of the wrong kind": ({"generation": {"num_beams": "many"}}, 3001, "num_beams"),
    "what generate refuses": ({"generation": {"num_return_sequences": 3}}, 3006, "num_return_sequences"),
    "a setting of our own search": ({"search": {"coveragePenalty": 0.2}}, 3005, "coverage_penalty"),
    "both names and two values": (
        {"search": {"beamSize": 2}, "generation": {"num_beams": 3}}, 3002, "num_beams"
    ),
    "assisted decoding": ({"generation": {"prompt_lookup_num_tokens": 3}}, 6110, "assisted"),
    "a dtype that is none": ({"dtype": "float33"}, 2016, "float33"),
    "a device that is none": ({"device": "cuda:77"}, 2006, "cuda:77"),
}  # fmt: skip


@pytest.mark.parametrize("given", REFUSED)
def test_what_is_wrong_is_said(tcp, marian, given):
    arguments, number, word = REFUSED[given]
    tcp.initialize()
    refusal = said(tcp, {"source": TEXT, "model": f"hf:{marian}", **arguments})
    assert refusal[0] == number, refusal
    assert word in refusal[1]


def said(session, arguments) -> tuple[int, str]:
    """The number and text of what is refused, at the launch or at its first sentence."""
    answer = session.answer(session.launch_only(**arguments))
    if not answer["success"]:
        error = answer["body"]["error"]
        return error["id"], error["format"]
    session.request("configurationDone")
    stop = session.stopped("exception")
    return int(stop["text"][3:7]), stop["text"]


def test_a_folder_that_is_no_model(tcp, tmp_path):
    tcp.initialize()
    refusal = said(tcp, {"source": TEXT, "model": bad_folder(tmp_path)})
    assert refusal[0] == 2011, refusal


def test_settings_of_generate_mean_nothing_to_our_own_search(tcp):
    tcp.initialize()
    refusal = said(tcp, {"source": "May 3, 1999", "generation": {"num_beams": 2}})
    assert refusal[0] == 3005, refusal


def test_a_source_that_is_too_long(tcp, marian):
    tcp.launch(source=TEXT * 60, model=f"hf:{marian}", generation=LENGTH, stopOnEntry=False)
    tcp.expect(Event("terminated"))
    assert any("S2S1005" in each["output"] for each in tcp.events("output"))
