"""Vectors, the parts of a step and weights over the protocol."""

import base64

import numpy as np
import pytest
from models.hf_tiny import folder_of

pytestmark = pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")


def array(body):
    """An array out of a message."""
    return np.frombuffer(base64.b64decode(body["data"]), "<f4").reshape(body["shape"])


def test_vectors_of_a_recurrent_network(tcp):
    tcp.launch(source="March 3, 1999")
    tcp.stopped("entry")
    read = tcp.request("s2s/vectors")
    assert (read["site"], read["rows"], read["total"]) == ("encoder.states", "source", 13)
    for _ in range(4):
        tcp.go("next")
    shown = tcp.request("s2s/vectors", site="decoder.state")
    assert (shown["rows"], shown["pieces"]) == ("steps", ["1", "9", "9", "9"])
    value = tcp.request("evaluate", expression="state[0]")["result"]
    assert array(shown["vectors"])[-1, 0, 0] == pytest.approx(float(value), abs=1e-5)
    (summary,) = shown["summaries"]
    assert sum(summary["counts"]) == array(shown["vectors"]).size
    page = tcp.request("s2s/vectors", site="decoder.state", start=1, count=2)
    assert (array(page["vectors"]) == array(shown["vectors"])[1:3]).all()
    likely = tcp.request("s2s/vectors", site="prediction.probabilities")
    assert array(likely["vectors"]).sum(axis=-1) == pytest.approx(1, abs=1e-5)
    best = array(likely["vectors"]).argmax(axis=-1)[:, 0]
    assert [likely["tokens"][token] for token in best] == ["1", "9", "9", "9"]
    assert tcp.refused("s2s/vectors", site="prediction.logprobs").number == 4106


def test_the_walk_through_and_its_gates(tcp):
    tcp.launch(source="March 3, 1999")
    tcp.stopped("entry")
    assert tcp.request("s2s/walk")["parts"] == []
    tcp.go("next")
    tcp.go("next")
    walk = tcp.request("s2s/walk")
    assert (walk["step"], walk["token"]) == (1, "1")
    names = ["in", "state", "scores", "weights", "context", "together", "features"]
    assert ([each["part"] for each in walk["parts"]], walk.get("at")) == (names, None)
    for layer in walk["gates"]:
        for gate in layer["gates"]:
            numbers = array(gate["vector"])
            if gate["name"] != "candidate":
                assert ((numbers >= 0) & (numbers <= 1)).all()
                near = ((numbers <= 0.05) | (numbers >= 0.95)).mean()
                assert gate["summary"]["saturated"] == pytest.approx(near, abs=1e-6)


def test_a_stage_part_by_part(tcp):
    tcp.launch(source="March 3, 1999")
    tcp.stopped("entry")
    seen = []
    for _ in range(5):
        stop = tcp.go("stepIn", granularity="instruction")
        top = tcp.request("stackTrace", threadId=1)["stackFrames"][0]
        seen.append((top["name"], stop["text"].split(":")[0], tcp.request("s2s/walk").get("at")))
    assert seen[0] == ("step 0 · decoder · inputs", "inputs", "in")
    assert seen[-1] == ("step 0 · attention · attention.weights", "attention.weights", "weights")
    assert [each["part"] for each in tcp.request("s2s/walk")["parts"]] == ["in", "state", "scores", "weights"]
    tcp.go("stepBack", granularity="instruction")
    assert tcp.request("s2s/walk")["at"] == "scores"
    tcp.go("stepIn")
    assert tcp.request("stackTrace", threadId=1)["stackFrames"][0]["name"] == "step 0 · attention"


def test_weights_are_paged_and_add_up(tcp):
    tcp.launch(source="March 3, 1999")
    tcp.stopped("entry")
    page = tcp.request("s2s/weights", start=0, count=64)
    assert len(page["weights"]) == page["total"]
    assert sum(each["count"] for each in page["weights"]) == page["parameters"]
    assert tcp.request("s2s/weights", start=2, count=1)["weights"] == page["weights"][2:3]
    assert all(sum(each["summary"]["counts"]) == each["count"] for each in page["weights"])


def test_a_transformer_has_layers_and_no_gates(tcp):
    tcp.launch(source="ein Hund", model=f"hf:{folder_of('marian')}", generation={"max_new_tokens": 5})
    tcp.stopped("entry")
    for _ in range(3):
        tcp.go("next")
    shown = tcp.request("s2s/vectors", site="decoder.state")
    assert shown["vectors"]["shape"][:2] == [3, 1]
    names = [each["name"] for each in shown["sites"]]
    assert "encoder.states" in names
    assert tcp.request("s2s/walk")["gates"] == []
    weights = tcp.request("s2s/weights", count=4)
    assert weights["total"] > 4
    layered = next(each for each in shown["sites"] if each["layers"] > 1)
    every = tcp.request("s2s/vectors", site=layered["name"])
    one = tcp.request("s2s/vectors", site=layered["name"], layer=1)
    assert (array(one["vectors"])[:, 0] == array(every["vectors"])[:, 1]).all()
