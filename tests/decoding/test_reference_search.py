"""Greedy and beam search against searches written apart from them, on networks of every kind.

The log-probs are the same bits, and a score is their sum in double precision, so both are compared
for equality. Penalties are computed in another order there: 1e-5 of a score of magnitude 10.
"""

import itertools

import pytest
from bare_search import beam, greedy
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from models.small_networks import config_name, covering_configs
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap import SearchSettings, decode

TEXTS = ("abcde", "h", "gfedcbaab")

some_configs = pytest.mark.parametrize("config", CONFIGS[::7], ids=config_name)


def exact(output):
    return output.tokens, output.logprobs, output.score


@pytest.mark.parametrize("config", covering_configs(), ids=config_name)
def test_greedy_is_the_bare_loop(config):
    model = rnn(config)
    for text in TEXTS:
        (output,) = decode(model, text, SearchSettings(max_length=12))
        assert exact(output) == exact(greedy(model, text, 12))


@some_configs
@pytest.mark.parametrize("width", [2, 5])
def test_beam_search_is_the_textbook_one(config, width):
    model = rnn(config)
    for text in TEXTS:
        for alpha in (0.0, 1.0):
            settings = SearchSettings(beam_size=width, n_best=2, max_length=8, length_penalty=alpha)
            outputs, reference = decode(model, text, settings), beam(model, text, width, 8, alpha=alpha)
            assert [exact(each) for each in outputs] == [exact(each) for each in reference[:2]]
            finals = [each.final for each in reference[:2]]
            assert [each.final for each in outputs] == pytest.approx(finals, rel=1e-12)


@given(
    config=st.sampled_from([config for config in CONFIGS if config.attention != "none"]),
    text=st.text("abcdefgh", min_size=1, max_size=8),
    width=st.integers(2, 6),
    alpha=st.sampled_from([0.0, 0.6, 2.0]),
    beta=st.sampled_from([0.2, 1.5]),
    max_length=st.integers(1, 9),
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_coverage_and_length_penalties_choose_the_same(config, text, width, alpha, beta, max_length):
    model = rnn(config)
    settings = SearchSettings(
        beam_size=width, n_best=2, max_length=max_length, length_penalty=alpha, coverage_penalty=beta
    )
    outputs = decode(model, text, settings)
    reference = beam(model, text, width, max_length, alpha=alpha, beta=beta)[: len(outputs)]
    assert [each.final for each in outputs] == pytest.approx([each.final for each in reference], abs=1e-5)
    gaps = [a.final - b.final for a, b in itertools.pairwise(reference)]
    if all(gap > 1e-4 for gap in gaps):  # else the two may stand in either order
        assert [exact(each) for each in outputs] == [exact(each) for each in reference]


def test_the_bundled_model_is_searched_so_too():
    from s2sdap import load_model

    model = load_model("dates")
    for text in ("March 3, 1999", "den 4. Mai 2021", "03/04/05", "7 juin"):
        assert exact(decode(model, text)[0]) == exact(greedy(model, text, 200))
        outputs = decode(model, text, SearchSettings(beam_size=4, n_best=4, max_length=14))
        assert [exact(each) for each in outputs] == [exact(each) for each in beam(model, text, 4, 14)[:4]]


def test_a_model_without_encoder_and_attention_is_searched_so_too():
    model = PromptedModel()
    assert exact(decode(model, "abc", SearchSettings(max_length=9))[0]) == exact(greedy(model, "abc", 9))
    outputs = decode(model, "abc", SearchSettings(beam_size=3, n_best=3, max_length=6))
    assert [exact(each) for each in outputs] == [exact(each) for each in beam(model, "abc", 3, 6)[:3]]
