"""Edits of the search of `generate`: logits, pruned and revived hypotheses, and settings from a step on.

What they give is compared with plain `generate` given a processor that does the same, with fresh calls
that were made with the settings, and with the model's own scores of what was written.
"""

import math
from dataclasses import replace

import pytest
import torch
from generating import EOS, inputs, model_of, plain, run, written
from left_behind import assert_same_content, content, record_content, snapshot_content
from transformers import LogitsProcessor, RepetitionPenaltyLogitsProcessor, SuppressTokensLogitsProcessor

from s2sdap import S2sdapError
from s2sdap.decoding.edits import LogitEdit, PruneEdit, ReviveEdit, SettingEdit, SourceEdit, TokenEdit
from s2sdap.decoding.records import Fate, Reason
from s2sdap.vocabulary import sites

BAN = -math.inf
SEARCHES = {
    "greedy": {},
    "sampling": {"do_sample": True, "top_k": 0},
    "samples": {"do_sample": True, "num_return_sequences": 2, "top_k": 0},
    "beam 3": {"num_beams": 3, "num_return_sequences": 2},
    "early": {"num_beams": 3, "early_stopping": True, "eos_token_id": [1, *range(10, 99, 4)]},
    "beam sampling": {"num_beams": 3, "do_sample": True, "top_k": 0},
}
FAMILIES = ["bart", "t5", "gpt2"]


class Adding(LogitsProcessor):
    """Adds numbers to the logits of one prefix, and rules a whole prefix out where `prune` says so."""

    def __init__(self, prompt, path, changes, *, prune=False, normalised=False):
        self.prompt, self.path, self.changes = prompt, list(path), changes
        self.prune, self.normalised = prune, normalised

    def __call__(self, ids, scores):
        scores = scores.clone()
        for row, written_ids in enumerate(ids.tolist()):
            if written_ids[self.prompt :] == self.path:
                for token, change in self.changes.items():
                    scores[row, token] += change
                if self.normalised:
                    scores[row] = torch.log_softmax(scores[row], dim=-1)
                if self.prune:
                    scores[row] = -torch.inf
        return scores


def prompt_of(done):
    return done.encoder.encoded.ids.shape[1]


def same_sequences(returned, sequences, prompt):
    assert [written(row, prompt) for row in returned] == [written(row, prompt) for row in sequences]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("search", SEARCHES)
def test_a_change_of_logits_is_a_processor_that_adds(name, search):
    settings = {**SEARCHES[search], "max_new_tokens": 7}
    done = run(name, **settings)
    step = min(2, len(done.records) - 1)
    record = done.records[step]
    row = len(record.before.live) - 1
    parent = record.before.live[row]
    first, second = record.sites[sites.PREDICTION_LOGITS][row].topk(2).indices.tolist()
    changes = {first: BAN, second: -2.5, 60: 6.0}
    other = done.edited(*(LogitEdit(step, parent.id, token, change) for token, change in changes.items()))
    logits = record.sites[sites.PREDICTION_LOGITS][row].clone()
    for token, change in changes.items():
        logits[token] += change
    assert torch.equal(other.records[step].sites[sites.PREDICTION_LOGITS][row], logits)
    adding = Adding(prompt_of(done), parent.tokens, changes, normalised="num_beams" in settings)
    expected = plain(name, logits_processor=[adding], **settings).sequences
    same_sequences(other.returned, expected, prompt_of(done))
    again = run(name, edits=other.records[step].edits, **settings)
    assert_same_content(snapshot_content(again.tip), snapshot_content(other.tip))


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("step", [2, 3])
def test_pruning_is_a_processor_that_rules_everything_out(name, step):
    settings = {"num_beams": 3, "num_return_sequences": 3, "max_new_tokens": 7}
    done = run(name, **settings)
    record = done.records[step]
    for row, parent in enumerate(record.before.live):
        other = done.edited(PruneEdit(step, parent.id))
        told = other.records[step].candidates
        mine = told.parent == row
        assert mine.any()
        assert (told.fate[mine] == Fate.PRUNED).all()
        assert (told.reason[mine] == Reason.FORCED).all()
        assert (told.child[mine] == -1).all()
        live = other.records[step].after.live
        assert len(live) == 3
        assert parent.id not in {each.id for each in live}
        adding = Adding(prompt_of(done), parent.tokens, {}, prune=True)
        expected = plain(name, logits_processor=[adding], **settings).sequences
        same_sequences(other.returned, expected, prompt_of(done))


def test_a_pruned_draw_ends_and_the_others_draw_the_same():
    settings = {"do_sample": True, "num_return_sequences": 3, "max_new_tokens": 7}
    done = run("bart", **settings)
    other = done.edited(PruneEdit(2, 2))
    assert [each.tokens for each in other.best] == [each.tokens for each in done.best if each.id != 2]
    assert [each.score for each in other.best] == [each.score for each in done.best if each.id != 2]
    assert 2 not in {each.id for each in other.records[2].after.live}


@pytest.mark.parametrize("search", ["beam 3", "early", "beam sampling"])
@pytest.mark.parametrize("token", [61, EOS])
def test_a_revived_continuation_has_a_place_beside_the_others(search, token):
    done = run("bart", max_new_tokens=8, **SEARCHES[search])
    record = done.records[2]
    row = len(record.before.live) - 1
    parent = record.before.live[row]
    other = done.edited(ReviveEdit(2, parent.id, token))
    told = other.records[2].candidates
    [at] = ((told.parent == row) & (told.token == token)).nonzero()[0]
    assert told.reason[at] == Reason.FORCED
    assert told.fate[at] == (Fate.FINISHED if token == EOS else Fate.SURVIVED)
    after = other.records[2].after
    [child] = [
        each for each in (*after.live, *after.finished) if each.token == token and each.parent is parent
    ]
    assert child.forced
    assert [each.forced for each in after.live].count(True) == (0 if token == EOS else 1)
    assert len(after.live) == 3
    assert other.best[0].tokens[:3] == (*parent.tokens, token)
    assert other.best[0].forced
    if "do_sample" not in SEARCHES[search]:  # the others are the best of what there was
        kept = {(each.parent.id, each.token) for each in after.live if not each.forced}
        assert kept <= {(each.parent.id, each.token) for each in record.after.live}


@pytest.mark.parametrize("search", ["greedy", "sampling", "samples"])
def test_reviving_takes_the_place_where_there_is_one(search):
    settings = {**SEARCHES[search], "suppress_tokens": [41], "max_new_tokens": 7}
    done = run("bart", **settings)
    for token in (41, 61, EOS):
        revived, forced = done.edited(ReviveEdit(2, 1, token)), done.edited(TokenEdit(2, 1, token))
        assert [each.tokens for each in revived.best] == [each.tokens for each in forced.best]
        assert [each.score for each in revived.best] == [each.score for each in forced.best]
        assert revived.best[0].forced


@pytest.mark.parametrize("search", ["samples", "beam 3", "beam sampling", "greedy"])
@pytest.mark.parametrize("kind", ["logit", "prune", "revive"])
def test_another_sentence_of_the_batch_is_not_touched(search, kind):
    if (search, kind) == ("greedy", "prune"):
        return
    settings = {**SEARCHES[search], "max_new_tokens": 7}
    done = run("bart", 2, **settings)
    live = done.records[2].before.live
    parent = next(each for each in reversed(live) if each.sentence == 0)
    edit = {
        "logit": LogitEdit(2, parent.id, 55, 12.0),
        "prune": PruneEdit(2, parent.id),
        "revive": ReviveEdit(2, parent.id, 55),
    }[kind]
    other = done.edited(edit)

    def of(it, sentence):
        return [(each.tokens, each.score, each.final) for each in it.best if each.sentence == sentence]

    assert of(other, 1) == of(done, 1)
    assert of(other, 0) != of(done, 0) or kind != "revive"


# ---------------------------------------------------------------- settings

LAUNCHES = [
    ({}, {"repetition_penalty": 1.7, "no_repeat_ngram_size": 2}),
    ({}, {"num_beams": 3, "length_penalty": 2.0}),
    ({}, {"do_sample": True, "temperature": 1.5}),
    ({"do_sample": True}, {"temperature": 0.5, "top_k": 5, "top_p": 0.9}),
    ({"num_beams": 2}, {"num_beams": 4, "early_stopping": True}),
    ({"num_beams": 4}, {"num_beams": 2, "num_return_sequences": 2}),
    ({"num_beams": 3}, {"num_beams": 1}),
    ({"num_beams": 2}, {"max_new_tokens": 4, "min_new_tokens": 4}),
    ({"num_beams": 2}, {"bad_words_ids": [[12], [40, 41]], "suppress_tokens": [50, 51, 52]}),
]


def tupled(value):
    return tuple(map(tupled, value)) if isinstance(value, list) else value


@pytest.mark.parametrize("name", ["bart", "gpt2"])
@pytest.mark.parametrize(("launched", "changes"), LAUNCHES, ids=str)
def test_a_setting_from_the_first_step_on_is_a_call_with_it(name, launched, changes):
    base = {"max_new_tokens": 7}
    edits = [SettingEdit(0, setting, tupled(value)) for setting, value in changes.items()]
    done = run(name, edits=edits, **base, **launched)
    fresh = run(name, **{**base, **launched, **changes})
    assert torch.equal(done.returned, fresh.returned)
    for mine, other in zip(done.records, fresh.records, strict=True):
        plain_after = replace(mine.after, settings=None)
        assert_same_content(dict(content(dict(mine.sites))), dict(content(dict(other.sites))))
        assert_same_content(snapshot_content(plain_after), snapshot_content(other.after))
    now = {each.name: each for each in done.plan.settings_shown(done.tip)}
    assert {now[setting].origin for setting in changes} == {"edit"}


def honest(name, hypothesis, done):
    """What the model itself gives each token of an output, in one pass over all of it, without a cache."""
    model, given = model_of(name), inputs(name)
    prompt = done.encoder.encoded.ids[:1]
    whole = torch.cat((prompt, torch.tensor([hypothesis.tokens])), dim=1)
    with torch.no_grad():
        if model.config.is_encoder_decoder:
            logits = model(**{**given, "decoder_input_ids": whole}).logits
        else:
            logits = model(input_ids=whole).logits
    rows = torch.log_softmax(logits[0, prompt.shape[1] - 1 : -1].float(), dim=-1)
    return [float(row[token]) for row, token in zip(rows, hypothesis.tokens, strict=True)]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(("first", "then"), [(1, 4), (2, 5), (4, 2), (3, 1)])
def test_the_beam_grows_and_shrinks_and_keeps_its_caches(name, first, then):
    settings = {"max_new_tokens": 8, "num_beams": first}
    done = run(name, **settings)
    before = [record_content(each) for each in done.records]
    edits = [SettingEdit(3, "num_beams", then)]
    other = done.edited(*edits)
    if then > first:
        assert len(other.records[3].after.live) == then
    else:
        best = [each.id for each in done.records[3].before.live[:then]]
        assert {each.parent.id for each in other.records[3].after.live} <= set(best)
    assert all(len(each.after.live) <= then for each in other.records[3:])
    for each in other.best:
        own = honest(name, each, done)
        nodes = [node.logprob for node in each.path()][::-1]
        forced = {step for step, number in enumerate(nodes) if number == 0.0}  # a token that must come
        assert [own[step] for step in range(len(own)) if step not in forced] == pytest.approx(
            [number for step, number in enumerate(nodes) if step not in forced], abs=1e-4
        )
    for mine, kept in zip(done.records, before, strict=True):
        assert_same_content(record_content(mine), kept)
    again = run(name, edits=edits, **settings)
    assert_same_content(snapshot_content(again.tip), snapshot_content(other.tip))
    assert torch.equal(again.returned, other.returned)
    record = other.records[4]
    with other.plan.installed():
        twice = other.plan.step(other.encoder, record.before, record.edits)
    assert_same_content(record_content(twice), record_content(record))


class FromThere(LogitsProcessor):
    """Another processor, once `written` tokens are there."""

    def __init__(self, length, processor):
        self.length, self.processor = length, processor

    def __call__(self, ids, scores):
        return self.processor(ids, scores) if ids.shape[1] >= self.length else scores


@pytest.mark.parametrize("search", ["greedy", "sampling", "beam 3"])
def test_a_setting_from_a_step_on_is_a_processor_from_there(search):
    settings = {**SEARCHES[search], "max_new_tokens": 8}
    done = run("t5", **settings)
    differ = []
    banned = [node.token for node in done.best[0].path()][:4]
    for changes, processor in [
        ({"repetition_penalty": 5.0}, RepetitionPenaltyLogitsProcessor(5.0)),
        ({"suppress_tokens": tuple(banned)}, SuppressTokensLogitsProcessor(banned)),
    ]:
        other = done.edited(*(SettingEdit(3, name, value) for name, value in changes.items()))
        late = FromThere(prompt_of(done) + 3, processor)
        expected = plain("t5", logits_processor=[late], **settings).sequences
        same_sequences(other.returned, expected, prompt_of(done))
        differ.append(other.tokens != done.tokens)
    assert any(differ)


def test_our_own_names_mean_the_same():
    done = run("bart", max_new_tokens=8, num_beams=2)
    ours, theirs = done.edited(SettingEdit(2, "beamSize", 3)), done.edited(SettingEdit(2, "num_beams", 3))
    assert_same_content(snapshot_content(ours.tip), snapshot_content(theirs.tip))
    shown = {each.name: (each.value, each.origin) for each in ours.plan.settings_shown(ours.tip)}
    assert shown["num_beams"] == (3, "edit")
    shown = {each.name: (each.value, each.origin) for each in ours.plan.settings_shown(ours.encoder.after)}
    assert shown["num_beams"] == (2, "call")


REFUSED = [
    ({}, [PruneEdit(1, 1)], "last_hypothesis"),
    ({"num_beams": 2}, [PruneEdit(3, 1), PruneEdit(3, 2)], "last_hypothesis"),
    ({}, [LogitEdit(1, 1, 40, BAN), TokenEdit(1, 1, 40)], "edits_clash"),
    ({}, [LogitEdit(1, 1, token, BAN) for token in range(99)], "edits_clash"),
    ({}, [ReviveEdit(1, 1, 40), ReviveEdit(1, 1, 41)], "edits_clash"),
    ({"num_beams": 2}, [ReviveEdit(1, 1, token) for token in (40, 41, 42)], "edits_clash"),
    ({"num_beams": 2}, [ReviveEdit(1, 9, 40)], "unknown_thread"),
    ({}, [LogitEdit(1, 1, 40, math.nan)], "bad_value"),
    ({}, [SourceEdit("a", 1)], "edit_unfit"),
    ({}, [SettingEdit(1, "num_beamz", 2)], "unknown_setting"),
    ({}, [SettingEdit(1, "num_beams", "two")], "bad_setting"),
    ({"do_sample": True}, [SettingEdit(1, "temperature", -1.0)], "generate_refused"),
    ({}, [SettingEdit(1, "use_cache", False)], "setting_fixed"),
    ({}, [SettingEdit(1, "seed", 3)], "setting_fixed"),
    ({}, [SettingEdit(1, "prefix", "a")], "setting_fixed"),
    ({"do_sample": True}, [SettingEdit(1, "num_return_sequences", 2)], "setting_fixed"),
    (
        {"do_sample": True, "num_return_sequences": 2},
        [SettingEdit(1, "num_beams", 3)],
        "setting_fixed",
    ),
    ({}, [SettingEdit(1, "guidance_scale", 2.0)], "cannot_step"),
]


@pytest.mark.parametrize(("settings", "edits", "name"), REFUSED)
def test_what_is_refused(settings, edits, name):
    done = run("bart", max_new_tokens=5, **settings)
    if len(edits) > 90:
        size = done.records[1].sites[sites.PREDICTION_LOGITS].shape[-1]
        edits = [LogitEdit(1, 1, token, BAN) for token in range(size)]
    with pytest.raises(S2sdapError) as refused:
        done.edited(*edits)
    assert refused.value.name == name
    with done.plan.installed():
        again = done.plan.step(done.encoder, done.records[1].before)
    assert_same_content(record_content(again), record_content(done.records[1]))
