"""Edits: what one changes and what it leaves alone, against the step's equations in NumPy.

The reference of an attention edit works in double precision from the same weights: 1e-5, as for the
network itself.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from models.equations import Equations
from models.small_networks import config_name, small_config
from same_records import assert_same, run_again
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap import S2sdapError, SearchSettings
from s2sdap.decoding.edits import ENCODER_STEP, SiteEdit, TokenEdit, key, merge
from s2sdap.decoding.step import Decode

TEXT = "abcdh"
SETTINGS = SearchSettings(beam_size=3, n_best=3, max_length=7)
ATTENTIVE = [config for config in CONFIGS if config.attention != "none"]


def plan_of(config=None, settings=SETTINGS):
    return Decode.of(rnn(config), TEXT, settings)


def site_values(record, site, row=0):
    return tuple(record.sites[site][row].flatten().tolist())


@pytest.mark.parametrize("config", CONFIGS[::3], ids=config_name)
def test_an_edit_to_its_own_value_changes_no_bit(config):
    plan = plan_of(config)
    encoder, records = run_again(plan)
    edits = [
        SiteEdit(ENCODER_STEP, None, site, tuple(value.flatten().tolist()))
        for site, value in encoder.sites.items()
    ]
    for record in records:
        for row, hypothesis in enumerate(record.before.live):
            edits += [
                SiteEdit(record.step, hypothesis.id, site, site_values(record, site, row))
                for site in record.sites
            ]
    edited_encoder, edited = run_again(plan, edits)
    assert_same(dict(edited_encoder.sites), dict(encoder.sites))
    for mine, other in zip(edited, records, strict=True):
        assert_same(dict(mine.sites), dict(other.sites))
        assert_same(mine.candidates, other.candidates)
        assert_same(mine.after, other.after)


@pytest.mark.parametrize("config", ATTENTIVE[::4], ids=config_name)
def test_the_other_hypotheses_of_the_step_keep_every_bit(config):
    plan = plan_of(config)
    encoder, records = run_again(plan)
    record = records[2]
    for row, hypothesis in enumerate(record.before.live):
        for site, value in record.sites.items():
            changed = tuple(float(each) + 0.25 for each in value[row].flatten().tolist())
            again = plan.step(encoder, record.before, [SiteEdit(2, hypothesis.id, site, changed)])
            others = [other for other in range(len(record.before.live)) if other != row]
            for name in record.sites:
                assert torch.equal(again.sites[name][others], record.sites[name][others]), (site, name)
            assert site_values(again, site, row) == pytest.approx(changed, rel=1e-6)
            assert not torch.equal(again.sites[site][row], record.sites[site][row])


def test_an_attention_edit_against_the_equations():
    """Luong's general attention: context, features, logits, and the next step's logits by its new token."""
    config = small_config(attention="general", input_feed=True)
    plan = plan_of(config, SearchSettings(max_length=4, min_length=4))
    encoder, records = run_again(plan)
    weights = (0.1, 0.0, 0.2, 0.65, 0.05)
    _, edited = run_again(plan, [SiteEdit(1, 1, "attention.weights", weights, (None, None))])
    it = Equations.of(plan.model.network)
    states = encoder.sites["encoder.states"].double().numpy()

    def predicted(context, state):
        features = np.tanh(it.weights["attentional.weight"] @ np.concatenate([context, state]))
        return features, it.weights["output.weight"] @ features + it.weights["output.bias"]

    def close(record, site, expected):
        np.testing.assert_allclose(
            record.sites[site][0].flatten().numpy(), np.ravel(expected), rtol=0, atol=1e-5
        )

    assert_same(edited[0], records[0])
    assert_same(edited[1].sites["decoder.state"], records[1].sites["decoder.state"])
    state = edited[1].sites["decoder.state"][0].double().numpy()
    context = np.array(weights) @ states
    features, logits = predicted(context, state)
    close(edited[1], "attention.weights", weights)
    close(edited[1], "attention.context", context)
    close(edited[1], "prediction.features", features)
    close(edited[1], "prediction.logits", logits)
    token = (
        int(logits.argmax()) if logits.argmax() != plan.model.target.eos else edited[1].after.live[0].token
    )
    assert edited[1].after.live[0].token == token
    embedding = it.weights["target_embedding.weight"][token]
    following, _ = it.cell(np.concatenate([embedding, features]), state, None, "decoder.0.{}")
    close(edited[2], "decoder.state", following)
    features, logits = predicted(it.attend(states, following, "general") @ states, following)
    close(edited[2], "prediction.logits", logits)


REACHES = [
    ("decoder.state", {"attention.scores", "attention.context", "prediction.features", "prediction.logits"}),
    ("attention.scores", {"attention.weights", "attention.context", "prediction.logits"}),
    ("attention.weights", {"attention.context", "prediction.features", "prediction.logits"}),
    ("attention.context", {"prediction.features", "prediction.logits"}),
    ("prediction.features", {"prediction.logits"}),
    ("prediction.logits", {"prediction.logprobs"}),
    ("prediction.logprobs", set()),
]


@pytest.mark.parametrize(("site", "reached"), REACHES)
def test_an_edit_reaches_what_is_computed_from_its_site_and_nothing_before(site, reached):
    plan = plan_of(settings=SearchSettings(max_length=6))
    encoder, records = run_again(plan)
    record = records[2]
    values = tuple(0.5 - each for each in site_values(record, site))
    again = plan.step(encoder, record.before, [SiteEdit(2, 1, site, values)])
    order = list(record.sites)
    changed = {name for name in order if not torch.equal(again.sites[name], record.sites[name])}
    assert changed >= reached | {site}
    assert changed <= set(order[order.index(site) :])
    assert again.after.live[0].logprob != record.after.live[0].logprob


def test_an_encoder_edit_reaches_every_step():
    plan = plan_of(settings=SearchSettings(max_length=4, min_length=4))
    encoder, records = run_again(plan)
    values = tuple(-each for each in encoder.sites["encoder.states"][3].tolist())
    edited_encoder, edited = run_again(plan, [SiteEdit(ENCODER_STEP, None, "encoder.states", values, (3,))])
    states, before = edited_encoder.sites["encoder.states"], encoder.sites["encoder.states"]
    assert torch.equal(states[3], -before[3])
    assert torch.equal(states[[0, 1, 2, 4]], before[[0, 1, 2, 4]])
    for mine, other in zip(edited, records, strict=True):
        assert not torch.equal(mine.sites["attention.context"], other.sites["attention.context"])


@given(data=st.data(), config=st.sampled_from(CONFIGS[::5]), width=st.integers(1, 4))
@hypothesis_settings(max_examples=30, deadline=None)
def test_a_forced_token_keeps_its_place_and_comes_first(data, config, width):
    """However unlikely the token, its hypothesis lives on and leads the output."""
    settings = SearchSettings(beam_size=width, n_best=width, max_length=6, length_penalty=1.0)
    plan = plan_of(config, settings)
    _, records = run_again(plan)
    record = data.draw(st.sampled_from(records))
    row = data.draw(st.integers(0, len(record.before.live) - 1))
    token = data.draw(st.integers(0, len(plan.model.target) - 1))
    chosen = record.before.live[row]
    _, edited = run_again(plan, [TokenEdit(record.step, chosen.id, token)])
    best = edited[-1].after.finished[0]
    assert best.forced
    assert best.tokens[: record.step + 1] == (*chosen.tokens, token)
    for each in edited[record.step : -1]:
        alive = (*each.after.live, *each.after.finished)
        assert any(one.forced and one.tokens[record.step] == token for one in alive)
    honest = edited[record.step].sites["prediction.logprobs"][row, token].item()
    node = next(node for node in best.path() if node.step == record.step)
    assert node.logprob == honest


def test_a_forced_token_may_be_one_that_the_settings_forbid():
    plan = plan_of(settings=SearchSettings(max_length=5, min_length=5, no_repeat_ngram=1))
    eos = plan.model.target.eos
    _, records = run_again(plan, [TokenEdit(1, 1, eos)])
    (output,) = records[-1].after.finished[:1]
    assert (len(output.tokens), output.tokens[1]) == (2, eos)
    logits = records[1].sites["prediction.logits"][0]
    assert output.logprob == torch.log_softmax(logits, dim=-1)[eos].item()


BAD = [
    ("bad_value", SiteEdit(1, 1, "attention.weights", (0.5, 0.5), (None, None))),
    ("bad_value", SiteEdit(1, 1, "attention.weights", (), (None, None))),
    ("bad_value", SiteEdit(1, 1, "attention.weights", (0.2,) * 5, (7, None))),
    ("bad_value", SiteEdit(1, 1, "attention.weights", (0.2,), (0, 0, 0, 0))),
    ("bad_value", SiteEdit(1, 1, "decoder.state", (math.nan,) * 6)),
    ("bad_value", SiteEdit(1, 1, "decoder.state", (math.inf,) * 6)),
    ("bad_value", SiteEdit(1, 1, "decoder.state", (1e300,) * 6)),
    ("no_such_site", SiteEdit(1, 1, "decoder.cells", (0.0,))),
    ("no_such_site", SiteEdit(1, 1, "encoder.states", (0.0,) * 8, (0,))),
    ("unknown_thread", SiteEdit(1, 99, "decoder.state", (0.0,) * 6)),
    ("unknown_thread", SiteEdit(1, None, "decoder.state", (0.0,) * 6)),
    ("unknown_thread", TokenEdit(1, 99, 4)),
    ("unknown_token", TokenEdit(1, 1, 11)),
    ("unknown_token", TokenEdit(1, 1, -1)),
]


@pytest.mark.parametrize(("name", "edit"), BAD)
def test_what_is_refused(name, edit):
    plan = plan_of()
    encoder, records = run_again(plan)
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, records[1].before, [edit])
    assert refused.value.name == name
    assert_same(plan.step(encoder, records[1].before), records[1])


@pytest.mark.parametrize(
    ("name", "edit"),
    [
        ("bad_value", SiteEdit(-1, None, "encoder.states", (0.0,) * 3, (0,))),
        ("bad_value", SiteEdit(-1, None, "encoder.states", (0.0,) * 8, (5,))),
        ("no_such_site", SiteEdit(-1, None, "decoder.state", (0.0,) * 6)),
        ("no_step_here", TokenEdit(-1, 1, 4)),
    ],
)
def test_what_the_encoder_refuses(name, edit):
    with pytest.raises(S2sdapError) as refused:
        plan_of().begin([edit])
    assert refused.value.name == name


def test_logits_that_are_no_numbers_are_refused_and_say_where():
    plan = Decode.of(PromptedModel(nan_at=2), "ah", SearchSettings(max_length=5, min_length=5))
    with pytest.raises(S2sdapError, match="step 2") as failed:
        run_again(plan)
    assert failed.value.name == "model_failed"


def test_a_later_edit_of_the_same_place_replaces_the_earlier():
    first, second = SiteEdit(1, 1, "decoder.state", (0.0,) * 6), SiteEdit(1, 1, "decoder.state", (1.0,) * 6)
    token, other = TokenEdit(1, 1, 3), TokenEdit(1, 2, 3)
    assert merge(merge(merge((), first), token), second) == (token, second)
    assert merge((token,), TokenEdit(1, 1, 5)) == (TokenEdit(1, 1, 5),)
    assert merge((token,), other) == (token, other)
    rows = [SiteEdit(1, 1, "attention.weights", (1.0,), (0, 0, n)) for n in range(2)]
    assert merge(merge((), rows[0]), rows[1]) == tuple(rows)
    assert len({key(edit) for edit in (first, token, other, *rows)}) == 5
