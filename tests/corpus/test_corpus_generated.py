"""Batches of a Hugging Face model decode what its single runs decode, and find what they find."""

import pytest
import torch
from models import hf_tiny

from s2sdap.debugger.corpus.alone import alone
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import make_program
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.planning import planner_for, settings_for

torch.set_num_threads(1)  # sums keep their order

LINES = [
    "the cat sat on the mat",
    "the dog",
    "ran home again saw",
    "die Katze saß auf der Matte",
    "I saw the saw",
    "über die Brücke",
]


def compared(name, search, written, generation=None):
    model = hf_tiny.loaded(name)
    settings = settings_for(model, {"max_length": 8, **search}, generation or {})
    rules = tuple(parse_rule(each) for each in written)
    program = make_program(LINES, path=None)
    corpus = Corpus(model, program, settings, rules)
    found = list(corpus)
    expected = list(alone(model, program, planner_for(model, settings), rules))
    for one, other in zip(found, expected, strict=True):
        assert one.stops == other.stops
        assert [each.tokens for each in one.result.outputs] == [each.tokens for each in other.result.outputs]
        if one.exact:
            assert one.result == other.result
        for mine, theirs in zip(one.result.outputs, other.result.outputs, strict=True):
            assert mine.logprobs == pytest.approx(theirs.logprobs, abs=corpus.counts.tolerance)
    return corpus, found


@pytest.mark.parametrize(
    ("name", "search", "rule"),
    [
        ("marian", {}, "lowConfidence(p < 0.02)"),
        ("t5", {"beam_size": 3, "n_best": 2}, "lowConfidence(p < 0.012 and entropy > 1)"),
        ("bart", {"beam_size": 2}, "lowConfidence(focus == 2 and step == 3)"),
    ],
)
def test_a_batch_of_generate_finds_what_single_runs_find(name, search, rule):
    corpus, _ = compared(name, search, [rule])
    assert corpus.singly is None
    assert corpus.counts.batched + corpus.counts.again == len(LINES) - 1  # one is the measure


@pytest.mark.parametrize(
    ("name", "search", "generation", "why"),
    [
        ("gpt2", {}, {}, "no encoder and decoder"),
        ("marian", {"sample": True}, {}, "draws of its own"),
        ("marian", {}, {"encoder_no_repeat_ngram_size": 2}, "padding"),
    ],
)
def test_where_a_batch_would_mean_something_else_there_is_none(name, search, generation, why):
    corpus, found = compared(name, search, ["lowConfidence"], generation)
    assert why in str(corpus.singly)
    assert all(each.exact for each in found)
