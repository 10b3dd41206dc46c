"""A beam that is wide enough finds what enumerating every output finds, penalties and filters included.

The enumeration runs one row at a time and in double precision from the logits on: scores agree to
1e-5, and outputs whose scores lie nearer than that may stand in either order.
"""

import math

import numpy as np
import pytest
from bare_search import allowed, count_of_outputs, enumerate_all, worth
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap import SearchSettings, decode
from s2sdap.decoding.penalties import coverage_term, length_term

CONFIGS = [
    small_config(),
    small_config(cell="lstm", attention="concat", attention_query="previous"),
    small_config(cell="rnn", attention="dot", decoder_size=8, input_feed=True),
]
MAX_LENGTH = 4
ALL = count_of_outputs(5, MAX_LENGTH)

PENALTIES = [(0.0, 0.0), (0.6, 0.0), (2.0, 0.0), (0.0, 0.7), (1.0, 0.3)]
FILTERS = [(0, 0), (3, 0), (0, 1), (0, 2), (3, 2), (4, 1)]


def check(model, text, settings, reference):
    outputs = decode(model, text, settings)
    assert len(outputs) == min(settings.n_best, len(reference))
    scores = {each.tokens: each for each in reference}
    for output, expected in zip(outputs, reference, strict=False):
        assert output.final == pytest.approx(expected.final, abs=1e-5)
        mine = scores[output.tokens]  # it is one of the outputs that are allowed at all
        assert output.score == pytest.approx(mine.score, abs=1e-5)
        assert output.logprobs == pytest.approx(mine.logprobs, abs=1e-5)
        assert output.final == pytest.approx(mine.final, abs=1e-5)
    assert len({output.tokens for output in outputs}) == len(outputs)
    assert list(outputs) == sorted(outputs, key=lambda each: -each.final)


@pytest.mark.parametrize("config", CONFIGS, ids=["general", "concat", "dot"])
@pytest.mark.parametrize(("alpha", "beta"), PENALTIES)
@pytest.mark.parametrize(("min_length", "ngram"), [(0, 0), (3, 2)])
def test_the_best_of_all_outputs(config, alpha, beta, min_length, ngram):
    model = rnn(config, letters="u", scale=1.0)
    settings = SearchSettings(
        beam_size=400,
        n_best=25,
        max_length=MAX_LENGTH,
        length_penalty=alpha,
        coverage_penalty=beta,
        min_length=min_length,
        no_repeat_ngram=ngram,
    )
    reference = enumerate_all(
        model, "abc", MAX_LENGTH, alpha=alpha, beta=beta, min_length=min_length, ngram=ngram
    )
    check(model, "abc", settings, reference)


@pytest.mark.parametrize(("min_length", "ngram"), FILTERS)
def test_all_outputs_that_the_filters_leave(min_length, ngram):
    model = rnn(letters="u", scale=1.0)
    reference = enumerate_all(model, "hgf", MAX_LENGTH, min_length=min_length, ngram=ngram)
    settings = SearchSettings(
        beam_size=1024, n_best=1024, max_length=MAX_LENGTH, min_length=min_length, no_repeat_ngram=ngram
    )
    check(model, "hgf", settings, reference)
    assert math.fsum(math.exp(each.score) for each in reference) == pytest.approx(1.0)
    if not min_length and not ngram:
        assert len(reference) == ALL


def test_all_outputs_of_a_model_without_attention():
    model = PromptedModel(letters="u")
    settings = SearchSettings(beam_size=1024, n_best=1024, max_length=MAX_LENGTH, length_penalty=1.3)
    check(model, "ab", settings, enumerate_all(model, "ab", MAX_LENGTH, alpha=1.3))


def test_an_end_is_the_way_out_of_a_row_with_nothing_else():
    """Every token but the end has come once, and none may come twice: the end has probability 1."""
    model = rnn(letters="u", scale=1.0)
    settings = SearchSettings(beam_size=256, n_best=256, max_length=7, no_repeat_ngram=1, min_length=7)
    outputs = decode(model, "abc", settings)
    assert {len(output.tokens) for output in outputs} == {5}
    assert {output.logprobs[-1] for output in outputs} == {0.0}
    assert len(outputs) == math.factorial(4)


def test_penalties_by_hand():
    assert length_term(7, 0.0) == 1.0
    assert length_term(7, 1.0) == 2.0
    assert length_term(1, 0.6) == 1.0
    assert length_term(19, 0.5) == 2.0
    import torch

    coverage = torch.tensor([[0.5, 2.0, 0.25], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    by_hand = [0.4 * (math.log(0.5) + math.log(0.25)), 0.0, 0.4 * math.log(1e-20)]
    assert coverage_term(coverage, 0.4) == pytest.approx(by_hand, abs=1e-5)
    assert worth(-3.0, 7, coverage[0].numpy(), 1.0, 0.4) == pytest.approx(-1.5 + by_hand[0])


def test_the_reference_knows_an_ngram():
    assert np.flatnonzero(~allowed((1, 2, 1), 5, 3, ngram=2)).tolist() == [2]
    assert np.flatnonzero(~allowed((1, 2, 1), 5, 3, ngram=1)).tolist() == [1, 2]
    assert np.flatnonzero(~allowed((1, 2, 4, 1, 2), 5, 3, ngram=3)).tolist() == [4]
    assert allowed((1, 2), 5, 3, ngram=3).all()
