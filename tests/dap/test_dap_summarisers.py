"""Summarisers of Hugging Face over 1,000 source tokens: the views of a sentence, in bounded answers."""

import base64
import json

import numpy as np
import pytest
from models.hf_summarisers import BUILDERS, article, folder_of
from models.hf_tiny import quiet
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

from s2sdap.models.loading import load_model

TOKENS = 1000
LARGEST = 400_000
"""Bytes of an answer about one hypothesis: what a panel reads at once."""


@pytest.fixture(scope="module", params=list(BUILDERS))
def summariser(request):
    """The folder of a summariser, and a text that it reads as 1,000 tokens."""
    folder = folder_of(request.param)
    return folder, article(load_model(f"hf:{folder}"), TOKENS)


def asked(session, command, **arguments):
    """The answer, which is no larger than a panel can take."""
    body = session.request(command, **arguments)
    assert len(json.dumps(body)) < LARGEST, command
    return body


def numbers(array):
    return np.frombuffer(base64.b64decode(array["data"]), np.float32).reshape(array["shape"])


def test_a_long_text_goes_through_the_same_views(tcp, summariser):
    folder, text = summariser
    tcp.launch(source=text, model=f"hf:{folder}")
    tcp.stopped("entry")
    encoder = tcp.scope("Encoder")
    assert int(encoder["source"]["value"].split()[0]) >= TOKENS
    page = tcp.request(
        "variables",
        variablesReference=encoder["source"]["variablesReference"],
        filter="indexed",
        start=TOKENS - 10,
        count=10,
    )["variables"]
    assert [each["name"] for each in page] == [str(place) for place in range(TOKENS - 10, TOKENS)]
    for _ in range(3):
        tcp.go("next")
    body = asked(tcp, "s2s/decode")
    assert len(body["attended"]) >= TOKENS
    assert body["total"] == 3
    folded = numbers(body["attention"])
    one = numbers(asked(tcp, "s2s/decode", layer=1, head=2)["attention"])
    for weights in (folded, one):
        assert weights.shape[0] == 3
        assert weights.shape[-1] == len(body["attended"])
    assert one.reshape(3, -1).sum(axis=1) == pytest.approx([1, 1, 1], abs=1e-3)
    assert len(asked(tcp, "s2s/beam")["steps"][0]["candidates"]) >= 4
    for command in ("s2s/step", "s2s/attention", "s2s/tree", "s2s/columns"):
        asked(tcp, command, **({"start": 0, "count": 10} if command in ("s2s/tree", "s2s/columns") else {}))
    word = text.split()[TOKENS // 4]
    tcp.request("evaluate", expression=f"attend {word}#3=0.7", context="repl")
    attended = json.loads(tcp.value("[attention[0], focus]"))
    assert 0 <= attended[1] < len(body["attended"])
    weights = tcp.scope("Attention")["weights"]["variablesReference"]
    total = 0.0
    for start in range(0, len(body["attended"]), 500):
        page = tcp.variables(weights, start=start, count=500)
        total += sum(float(each["value"]) for each in page.values())
    assert total == pytest.approx(1, abs=1e-2)
    tcp.request("evaluate", expression="undo", context="repl")
    tcp.go("stepBack")
    tcp.go("stepOut")
    assert tcp.run_to_end() == generated(folder, text)


def generated(folder, text):
    """What the model's own `generate` writes, under the settings in its folder."""
    with quiet():
        model = AutoModelForSeq2SeqLM.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        out = model.eval().generate(**tokenizer(text, return_tensors="pt"))
    return tokenizer.batch_decode(out, skip_special_tokens=True)
