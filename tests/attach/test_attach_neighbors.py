"""Neighbours in a process that was attached to: the index is of its model, whoever built it."""

import pytest
from attaching import Program, attached, connected, listens
from date_index import index_of
from models.hf_tiny import folder_of
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

import s2sdap
from s2sdap.client import Refused

LINES = ("the cat sat on the mat", "the dog ran home again", "a cat sat")


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """An index of the model that the program loads by itself, built from its folder."""
    folder = tmp_path_factory.mktemp("attached")
    model = s2sdap.load_model(f"hf:{folder_of('bart')}")
    index_of(model, [(line, line) for line in LINES], folder / "index", folder / "corpus")
    return str(folder / "index")


def test_a_call_has_neighbours(here, index):
    model = AutoModelForSeq2SeqLM.from_pretrained(folder_of("bart"))
    tokenizer = AutoTokenizer.from_pretrained(folder_of("bart"))
    inputs = tokenizer(LINES[0], return_tensors="pt")
    with attached(here, index=index) as debugger:
        program = Program(lambda: _debugged(model, inputs, tokenizer))
        debugger.wait_for_stop()
        debugger.next()
        found = debugger.neighbors(k=3)
        assert (found.site, len(found.neighbors)) == ("decoder.state", 3)
        assert found.neighbors[0].source in LINES
        assert "Neighbours" in [each.name for each in debugger.scopes()]
        debugger.resume()
        program.result()


def test_another_models_index_is_told(here, bart, date_index):
    model, inputs = bart
    with attached(here, index=date_index.path) as debugger:
        program = Program(lambda: _debugged(model, inputs))
        debugger.wait_for_stop()
        debugger.next()
        with pytest.raises(Refused) as caught:
            debugger.neighbors()
        assert caught.value.number == 4514
        assert debugger.evaluate("step").result == "0"
        debugger.resume()
        program.result()


def test_what_is_no_index_refuses_the_attach(tmp_path):
    with listens() as addresses, connected(addresses) as debugger:
        with pytest.raises(Refused) as caught:
            debugger.attach(index=tmp_path)
        assert caught.value.number == 4511
        with pytest.raises(Refused) as caught:
            debugger.attach(watch_rules=["farFromTraining"])
        assert caught.value.number == 4550


def _debugged(model, inputs, tokenizer=None):
    with s2sdap.debug(model, tokenizer):
        return model.generate(**inputs, max_new_tokens=5)
