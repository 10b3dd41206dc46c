"""Sampling: the same seed draws the same, each draw stands by itself, and draws follow the distribution.

The chi-square tests use fixed seeds, so they cannot fail by chance: the bound is the 0.999 quantile.
"""

from dataclasses import replace

import msgspec
import numpy as np
import pytest
import torch
from same_records import assert_same, run_again
from tiny_models import rnn

from s2sdap import SearchSettings, decode
from s2sdap.decoding.edits import TokenEdit
from s2sdap.decoding.step import Decode

TEXT = "abch"
DRAWS = 1200
QUANTILE_999 = {2: 13.82, 3: 16.27, 4: 18.47, 5: 20.52, 6: 22.46, 7: 24.32, 8: 26.12, 9: 27.88, 10: 29.59}


def test_the_seed_decides():
    model = rnn()

    def texts(seed, **more):
        return [
            o.tokens for o in decode(model, TEXT, SearchSettings(sample=True, n_best=4, seed=seed), **more)
        ]

    assert texts(1) == texts(1)
    assert texts(1) != texts(2)
    assert texts(1) != texts(1, sentence=1)
    assert texts(2**63 - 1) == texts(2**63 - 1)


def test_a_draw_stands_by_itself():
    """More hypotheses beside it, or a step run twice or out of order, do not change what one draws."""
    model = rnn()
    settings = SearchSettings(sample=True, n_best=5, seed=9, max_length=8)
    plan = Decode.of(model, TEXT, settings, sentence=3)
    encoder, records = run_again(plan)
    alone = replace(plan, settings=SearchSettings(sample=True, n_best=1, seed=9, max_length=8))
    _, single = run_again(alone)
    path = single[-1].after.finished[0].tokens
    assert next(each for each in records[-1].after.finished if each.id == 1).tokens == path
    for record in reversed(records):
        assert_same(plan.step(encoder, record.before), record)


def test_a_forced_token_leaves_the_luck_of_the_others_alone():
    model = rnn()
    plan = Decode.of(model, TEXT, SearchSettings(sample=True, n_best=4, seed=5, max_length=6))
    _, records = run_again(plan)
    _, edited = run_again(plan, [TokenEdit(1, 2, model.target.find("z"))])
    tokens = {each.id: each.tokens for each in records[-1].after.finished}
    after = {each.id: each.tokens for each in edited[-1].after.finished}
    assert after[2][1] == model.target.find("z")
    assert all(after[each] == tokens[each] for each in (1, 3, 4))
    assert edited[-1].after.finished[0].id == 2


def expected(logits, temperature, top_k, top_p):
    """The distribution that the settings ask for, in NumPy."""
    logits = logits.double().numpy() / temperature
    p = np.exp(logits - logits.max())
    p /= p.sum()
    order = np.argsort(-p)
    keep = np.zeros(len(p), bool)
    keep[order[: top_k or None]] = True
    p = np.where(keep, p, 0) / p[keep].sum()
    reached = np.cumsum(p[order]) - p[order] < top_p
    p[order[~reached]] = 0
    return p / p.sum()


@pytest.mark.parametrize(
    ("vary", "temperature", "top_k", "top_p"),
    [
        ("seed", 1.0, 0, 1.0),
        ("seed", 3.0, 6, 0.9),
        ("sentence", 4.0, 0, 1.0),
        ("sentence", 2.0, 4, 1.0),
        ("hypothesis", 0.5, 0, 1.0),
        ("hypothesis", 2.0, 0, 0.8),
        ("hypothesis", 3.0, 6, 0.9),
    ],
)
def test_draws_follow_the_distribution(vary, temperature, top_k, top_p):
    model = rnn(scale=1.0)
    settings = SearchSettings(
        sample=True, temperature=temperature, top_k=top_k, top_p=top_p, max_length=2, seed=11
    )
    if vary == "hypothesis":
        counts = np.zeros(len(model.target))
        for seed in range(3):
            plan = Decode.of(model, TEXT, msgspec.structs.replace(settings, seed=seed, n_best=DRAWS // 3))
            record = plan.step(encoder := plan.begin(), encoder.after)
            for each in (*record.after.live, *record.after.finished):
                counts[each.token] += 1
    else:
        counts = np.zeros(len(model.target))
        plan = Decode.of(model, TEXT, settings)
        encoder = plan.begin()
        for number in range(DRAWS):
            if vary == "seed":
                each = replace(plan, settings=msgspec.structs.replace(settings, seed=number))
            else:
                each = replace(plan, sentence=number)
            after = each.step(encoder, encoder.after).after
            counts[(after.live or after.finished)[0].token] += 1
    plan = Decode.of(model, TEXT, settings)
    logits = plan.step(encoder := plan.begin(), encoder.after).sites["prediction.logits"][0]
    p = expected(logits, temperature, top_k, top_p)
    assert counts.sum() == DRAWS
    assert not counts[p == 0].any()
    often = DRAWS * p >= 5  # what is rarer goes into one class of its own
    observed = np.append(counts[often], counts[~often].sum())
    wanted = np.append(DRAWS * p[often], DRAWS * p[~often].sum())
    observed, wanted = observed[wanted > 0], wanted[wanted > 0]
    chi_square = ((observed - wanted) ** 2 / wanted).sum()
    assert len(wanted) >= 3
    assert chi_square < QUANTILE_999[len(wanted) - 1]


def test_the_recorded_log_probs_are_those_of_the_settings():
    model = rnn(scale=1.0)
    settings = SearchSettings(sample=True, temperature=2.0, top_k=5, top_p=0.9, max_length=1)
    plan = Decode.of(model, TEXT, settings)
    record = plan.step(encoder := plan.begin(), encoder.after)
    p = expected(record.sites["prediction.logits"][0], 2.0, 5, 0.9)
    np.testing.assert_allclose(record.sites["prediction.logprobs"][0].exp().numpy(), p, rtol=0, atol=1e-6)


def test_a_token_without_probability_is_never_drawn():
    """The nearest uniform number to 0 or to 1 still draws a token that may be drawn."""
    model = rnn(scale=1.0)
    for seed in range(200):
        settings = SearchSettings(sample=True, top_k=1, seed=seed, max_length=1)
        (output,) = decode(model, TEXT, settings)
        assert output.logprobs == (0.0,)
    encoded = model.encode(model.tokenize(TEXT), lambda _site, value: value)
    logits, _ = model.step(encoded, model.begin(encoded), torch.tensor([model.target.bos]), lambda _s, v: v)
    assert output.tokens == (int(logits.argmax()),)
