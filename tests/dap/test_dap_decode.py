"""A whole decode in one message: the same numbers as of its steps one by one, in every fold and page."""

import base64

import numpy as np
import pytest
from models.hf_tiny import folder_of

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
TEXT = "March 3, 1999"
LENGTH = {"min_new_tokens": 8, "max_new_tokens": 8}


def array(body):
    """An array out of a message."""
    return np.frombuffer(base64.b64decode(body["data"]), "<f4").reshape(body["shape"])


def step_of(session, step):
    """`s2s/step` as it stands at the frame of a step of the current hypothesis."""
    (stop,) = [each for each in session.received if each.get("event") == "stopped"][-1:]
    frames = session.request("stackTrace", threadId=stop["body"]["threadId"])["stackFrames"]
    frame = next(each for each in frames if each["name"].startswith(f"step {step} "))
    return session.request("s2s/step", frameId=frame["id"], top=4)


def test_it_is_what_its_steps_are(tcp):
    tcp.launch(source=TEXT, search={"beamSize": 3})
    tcp.stopped("entry")
    for _ in range(4):
        tcp.go("next")
    decode = tcp.request("s2s/decode", top=4)
    assert (decode["start"], decode["total"], decode["layers"], decode["heads"]) == (0, 4, 1, 1)
    assert (decode["text"], decode["stage"], decode["step"]) == (TEXT, "search", 3)
    attention = array(decode["attention"])
    for number, step in enumerate(decode["steps"]):
        alone = step_of(tcp, number)
        assert step["token"] == alone["token"]
        assert step["column"]["top"] == alone["top"]
        assert [step["column"][name] for name in ("rank", "entropy", "margin")] == [
            alone[name] for name in ("rank", "entropy", "margin")
        ]
        assert attention[number] == pytest.approx(alone["attention"], abs=1e-6)
    assert decode["attended"] == alone["source"]
    assert decode["hypotheses"] == [each["id"] for each in tcp.request("threads")["threads"]]


def test_nothing_is_told_before_its_stage(tcp):
    tcp.launch(source=TEXT)
    tcp.stopped("entry")
    empty = tcp.request("s2s/decode")
    assert (empty["steps"], empty["total"], empty.get("attention")) == ([], 0, None)
    tcp.go("stepIn")  # the decoder
    decode = tcp.request("s2s/decode")
    assert decode["steps"] == [{"step": 0}]
    assert "attention" not in decode
    tcp.go("stepIn")  # attention
    decode = tcp.request("s2s/decode")
    assert decode["steps"] == [{"step": 0}]
    assert decode["attention"]["shape"] == [1, len(TEXT)]
    assert tcp.request("s2s/columns")["columns"] == []
    tcp.go("stepIn")  # prediction
    (step,) = tcp.request("s2s/decode")["steps"]
    assert "token" not in step
    assert "rank" not in step["column"]
    assert tcp.request("s2s/columns")["columns"] == [step["column"]]


def test_pages(tcp):
    tcp.launch(source=TEXT)
    tcp.stopped("entry")
    tcp.go("stepOut")
    whole = tcp.request("s2s/decode")
    page = tcp.request("s2s/decode", start=2, count=3)
    assert page["steps"] == whole["steps"][2:5]
    assert (array(page["attention"]) == array(whole["attention"])[2:5]).all()
    last = tcp.request("s2s/decode", count=2)
    assert (last["start"], last["steps"]) == (whole["total"] - 2, whole["steps"][-2:])
    assert tcp.request("s2s/decode", start=10**6)["steps"] == []
    columns = tcp.request("s2s/columns", start=3, count=2)["columns"]
    assert columns == [step["column"] for step in whole["steps"][3:5]]


def test_what_a_person_chose_is_marked(tcp):
    tcp.launch(source=TEXT)
    tcp.stopped("entry")
    tcp.go("next")
    tcp.go("next")
    tcp.request("s2s/edit", token="7")
    first, second = tcp.request("s2s/decode")["steps"]
    assert "forced" not in first
    assert second["forced"] is True
    assert second["token"]["piece"] == "7"
    assert second["edits"] == ["step 1, hypothesis 1: token '7'"]


def test_maps_of_several_layers_and_heads(tcp):
    tcp.launch(source="ein Hund", model=f"hf:{folder_of('marian')}", generation=LENGTH)
    tcp.stopped("entry")
    for _ in range(3):
        tcp.go("next")
    decode = tcp.request("s2s/decode")
    layers, heads = decode["layers"], decode["heads"]
    assert layers > 1
    assert heads > 1
    each = np.stack(
        [
            np.stack(
                [
                    array(tcp.request("s2s/decode", layer=layer, head=head)["attention"])
                    for head in range(heads)
                ]
            )
            for layer in range(layers)
        ]
    )
    assert array(decode["attention"]) == pytest.approx(each.mean((0, 1)), abs=1e-6)
    largest = tcp.request("s2s/decode", fold="max")["attention"]
    assert (array(largest) == each.max((0, 1))).all()
    of_layer = tcp.request("s2s/decode", fold="max", layer=1)["attention"]
    assert (array(of_layer) == each[1].max(0)).all()
    rolled = array(tcp.request("s2s/decode", fold="rollup")["attention"])
    passed = each[0].mean(0)
    for layer in range(1, layers):
        passed = (passed + each[layer].mean(0)) / 2
    assert rolled == pytest.approx(passed / passed.sum(-1, keepdims=True), abs=1e-6)
    assert "there are" in tcp.refused("s2s/decode", layer=layers).text
    assert tcp.refused("s2s/decode", fold="least").number == 5005


def test_beyond_the_budget_of_memory_it_is_the_same(tcp, wide_model):
    """What was let go of is run again where the model lives, and the message waits for it."""
    length = {"minLength": 60, "maxLength": 60}
    shown = []
    for budget in (2**28, 2**20):
        arguments = {"source": "abcdefgh", "model": wide_model, "search": length, "memoryBudget": budget}
        if shown:
            tcp.request("restart", arguments=arguments)
        else:
            tcp.launch(**arguments)
        tcp.stopped("entry")
        tcp.go("stepOut")
        shown.append(tcp.request("s2s/decode", start=0, count=8))
    assert shown[0] == shown[1]


def test_sentences_with_what_became_of_them(tcp, tmp_path):
    (tmp_path / "dates.txt").write_text("March 3, 1999\n\nJ 4, 2005\n")
    tcp.launch(program=str(tmp_path / "dates.txt"))
    tcp.stopped("entry")
    before = tcp.request("s2s/sentences")
    assert [(each["line"], each["text"]) for each in before["sentences"]] == [
        (0, "March 3, 1999"),
        (2, "J 4, 2005"),
    ]
    assert not any("output" in each for each in before["sentences"])
    tcp.go("stepOut")
    after = tcp.request("s2s/sentences", start=0, count=1)
    assert (after["sentences"][0]["output"], after["total"]) == ("1999-03-03", 2)


def test_models_that_a_launch_may_name(tcp):
    tcp.initialize()
    models = tcp.request("s2s/models")
    assert models["default"] in models["bundled"]
    assert "hf" in models["schemes"]
