"""Edits of sites in a decode by `generate`: what comes after them changes, and nothing else does."""

import math

import pytest
import torch
from generating import inputs, plan_of, run
from left_behind import assert_same_content, record_content, snapshot_content

from s2sdap.decoding.edits import SiteEdit, TokenEdit
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

SEARCHES = {"greedy": {}, "beam 2": {"num_beams": 2}, "beam 4": {"num_beams": 4, "num_return_sequences": 2}}


def edited_site(done, step, site, values, index=(), row=0):
    edit = SiteEdit(step, done.records[step].before.live[row].id, site, tuple(values), index)
    return done.edited(edit)


def changed(done, other, step):
    """The (site, row) of a step that differ."""
    one, two = done.records[step].sites, other.records[step].sites
    return {
        (site, row)
        for site in one
        for row in range(len(one[site]))
        if not torch.equal(one[site][row], two[site][row])
    }


ROW = (0.0, 0.0, 0.0, 1.0, *(0.0,) * 5)
LATER = {sites.DECODER_LAYERS, sites.DECODER_STATE, sites.PREDICTION_FEATURES}
LAST = {sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS}
SITES = {
    "attention of a head": (
        sites.ATTENTION_WEIGHTS,
        ROW,
        (2, 1),
        LATER | LAST | {sites.ATTENTION_WEIGHTS, sites.ATTENTION_CONTEXTS},
    ),
    "a context": (sites.ATTENTION_CONTEXTS, (0.5,) * 4, (2, 0), LATER | LAST | {sites.ATTENTION_CONTEXTS}),
    "the last layer": (sites.DECODER_LAYERS, (0.5,) * 16, (2,), LATER | LAST),
    "the state": (
        sites.DECODER_STATE,
        (0.5,) * 16,
        (),
        {sites.DECODER_STATE, sites.PREDICTION_FEATURES} | LAST,
    ),
    "the features": (sites.PREDICTION_FEATURES, (0.5,) * 16, (), {sites.PREDICTION_FEATURES} | LAST),
    "logits": (sites.PREDICTION_LOGITS, (9.0,) * 99, (), LAST),
    "one logit": (sites.PREDICTION_LOGITS, (30.0,), (77,), LAST),
}


@pytest.mark.parametrize(
    ("case", "search"),
    [(case, search) for search in ("greedy", "beam 4") for case in SITES],
)
def test_a_site_changes_what_comes_after_it(case, search):
    site, values, index, reached = SITES[case]
    done = run("bart", max_new_tokens=6, **SEARCHES[search])
    row = len(done.records[2].before.live) - 1
    other = edited_site(done, 2, site, values, index, row)
    assert changed(done, other, 2) == {(name, row) for name in reached}
    kept = other.records[2].sites[site][row]
    place = kept[index] if index else kept
    assert torch.equal(place, torch.tensor(values).reshape(place.shape))
    # From the same snapshot without the edit, everything is as it was.
    plan = done.plan
    with plan.installed():
        again = plan.step(done.encoder, done.records[2].before)
    assert_same_content(record_content(again), record_content(done.records[2]))


def test_one_logit_decides():
    done = run("gpt2", max_new_tokens=5)
    other = edited_site(done, 2, sites.PREDICTION_LOGITS, (60.0,), (77,))
    assert other.best[0].tokens[2] == 77
    assert not other.best[0].forced
    assert other.best[0].tokens[:2] == done.best[0].tokens[:2]


def test_attention_of_a_decoder_only_model():
    done = run("llama", max_new_tokens=5)
    width = inputs("llama")["input_ids"].shape[1] + 2
    row = (1.0, *(0.0,) * (width - 1))
    other = edited_site(done, 2, sites.ATTENTION_WEIGHTS, row, (None, None))
    weights = other.records[2].sites[sites.ATTENTION_WEIGHTS][0]
    assert torch.equal(weights, torch.tensor(row).expand_as(weights))
    assert changed(done, other, 1) == set()
    assert (sites.PREDICTION_LOGITS, 0) in changed(done, other, 2)


@pytest.mark.parametrize("name", ["bart", "prophetnet", "whisper", "trocr"])
def test_attention_to_one_place_reads_what_is_there(name):
    done = run(name, max_new_tokens=4)
    weights = done.records[1].sites[sites.ATTENTION_WEIGHTS]
    row = torch.zeros(weights.shape[-1])
    row[2] = 1.0
    other = edited_site(done, 1, sites.ATTENTION_WEIGHTS, row.tolist(), (None, None))
    contexts = other.records[1].sites[sites.ATTENTION_CONTEXTS]
    assert torch.equal(other.records[1].sites[sites.ATTENTION_WEIGHTS], row.expand_as(weights))
    row[2], row[3] = 0.0, 1.0
    another = edited_site(done, 1, sites.ATTENTION_WEIGHTS, row.tolist(), (None, None))
    assert not torch.equal(another.records[1].sites[sites.ATTENTION_CONTEXTS], contexts)


# ---- the source ------------------------------------------------------------------------------


def test_encoder_states_are_what_is_read():
    done = run("bart", 2, max_new_tokens=5, num_beams=2)
    values = tuple(0.1 * n for n in range(16))
    edit = SiteEdit(-1, None, sites.ENCODER_STATES, values, (3,))
    other = run("bart", 2, max_new_tokens=5, num_beams=2, begin=[edit])
    assert torch.equal(other.encoder.sites[sites.ENCODER_STATES][3], torch.tensor(values))
    rest = [place for place in range(9) if place != 3]
    states = (each.encoder.sites[sites.ENCODER_STATES][rest] for each in (done, other))
    assert torch.equal(*states)
    assert other.encoder.edits == (edit,)
    # The second sentence is another row, and has not changed.
    second = [[each.tokens for each in it.best if each.sentence == 1] for it in (done, other)]
    assert second[0] == second[1]
    sites_of_second = [it.encoder.of(1)[1][sites.ENCODER_STATES] for it in (done, other)]
    assert torch.equal(*sites_of_second)
    logits = [it.records[0].sites[sites.PREDICTION_LOGITS] for it in (done, other)]
    assert not torch.equal(logits[0][0], logits[1][0])
    assert torch.equal(logits[0][1], logits[1][1])


def test_the_second_sentence_of_a_batch():
    done = run("bart", 2, max_new_tokens=5)
    edit = SiteEdit(-1, 1, sites.ENCODER_LAYERS, (0.5,) * 16, (0, 2))
    other = run("bart", 2, max_new_tokens=5, begin=[edit])
    layers = [it.encoder.of(1)[1][sites.ENCODER_LAYERS] for it in (done, other)]
    assert torch.equal(layers[1][0, 2], torch.full((16,), 0.5))
    assert not torch.equal(layers[0][1], layers[1][1])  # the layer above reads it
    assert torch.equal(*(it.encoder.sites[sites.ENCODER_LAYERS] for it in (done, other)))
    assert done.tokens[0] == other.tokens[0]


# ---- refusals --------------------------------------------------------------------------------

REFUSED = {
    "no such hypothesis": (TokenEdit(1, 99, 5), "unknown_thread"),
    "no such token": (TokenEdit(1, 1, 99), "unknown_token"),
    "no token": (TokenEdit(1, 1, -1), "unknown_token"),
    "a site of nobody": (SiteEdit(1, 99, sites.DECODER_STATE, (0.0,) * 16), "unknown_thread"),
    "too few": (SiteEdit(1, 1, sites.DECODER_STATE, (0.0,) * 15), "bad_value"),
    "too many": (SiteEdit(1, 1, sites.ATTENTION_WEIGHTS, (0.1,) * 10, (0, 0)), "bad_value"),
    "no such layer": (SiteEdit(1, 1, sites.ATTENTION_WEIGHTS, ROW, (3, 0)), "bad_value"),
    "no such head": (SiteEdit(1, 1, sites.ATTENTION_WEIGHTS, ROW, (0, 4)), "bad_value"),
    "no number": (SiteEdit(1, 1, sites.DECODER_STATE, (math.nan,) * 16), "bad_value"),
    "endless": (SiteEdit(1, 1, sites.PREDICTION_LOGITS, (math.inf,), (3,)), "bad_value"),
    "a site of others": (SiteEdit(1, 1, sites.DECODER_CELLS, (0.0,)), "no_such_site"),
    "the encoder's": (SiteEdit(1, 1, sites.ENCODER_STATES, (0.0,) * 16, (0,)), "no_such_site"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("search", ["greedy", "beam 2"])
def test_what_cannot_be_done_changes_nothing(case, search):
    edit, kind = REFUSED[case]
    done = run("bart", max_new_tokens=4, **SEARCHES[search])
    before = [record_content(record) for record in done.records]
    plan = done.plan
    with plan.installed():
        with pytest.raises(S2sdapError) as refused:
            plan.step(done.encoder, done.records[1].before, [edit])
        assert refused.value.kind.name == kind
        again = plan.step(done.encoder, done.records[1].before)
    assert_same_content(record_content(again), before[1])
    for record, content in zip(done.records, before, strict=True):
        assert_same_content(record_content(record), content)


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        (TokenEdit(-1, 1, 3), "no_step_here"),
        (SiteEdit(-1, None, sites.ENCODER_STATES, (0.0,) * 16, (9,)), "bad_value"),
        (SiteEdit(-1, 2, sites.ENCODER_STATES, (0.0,) * 16, (0,)), "unknown_thread"),
        (SiteEdit(-1, None, sites.ENCODER_LAYERS, (math.nan,) * 16, (0, 0)), "bad_value"),
        (SiteEdit(-1, None, sites.DECODER_STATE, (0.0,) * 16), "no_such_site"),
    ],
)
def test_what_cannot_be_done_to_the_source(edit, kind):
    plan = plan_of("bart", 2, max_new_tokens=4)
    with plan.installed():
        expected = snapshot_content(plan.begin().after)
        with pytest.raises(S2sdapError) as refused:
            plan.begin([edit])
        assert refused.value.kind.name == kind
        assert_same_content(snapshot_content(plan.begin().after), expected)


def test_after_the_end():
    done = run("bart", max_new_tokens=3)
    with pytest.raises(S2sdapError, match="ended"):
        done.plan.step(done.encoder, done.tip)
