"""Edits of the search itself: logits, pruned and revived hypotheses, and any mixture of them with settings.

What a search with them gives is compared with a search written apart (`bare_edited_search`).
"""

import math

import numpy as np
import pytest
import torch
from bare_edited_search import edited_beam
from edited_plans import BAN, BEAM, DRAWS, GREEDY, TEXT, named, plan_of
from hypothesis import event, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from models.small_networks import config_name
from same_records import assert_same, run_again
from tiny_models import CONFIGS

from s2sdap import S2sdapError, SearchSettings
from s2sdap.decoding.edits import LogitEdit, PruneEdit, ReviveEdit, SettingEdit, SourceEdit, TokenEdit
from s2sdap.decoding.records import Fate, Reason

CHANGES = st.one_of(
    st.builds(lambda n: (("beamSize", n),), st.integers(3, 6)),
    st.just((("beamSize", 1), ("nBest", 1))),
    st.builds(lambda x: (("lengthPenalty", x),), st.sampled_from([0.0, 0.6, 2.0])),
    st.builds(lambda x: (("coveragePenalty", x),), st.sampled_from([0.0, 0.2, 1.5])),
    st.builds(lambda n: (("maxLength", n),), st.integers(1, 9)),
    st.builds(lambda n: (("noRepeatNgram", n),), st.integers(0, 3)),
    st.builds(lambda n: (("minLength", n),), st.integers(0, 4)),
)


@given(data=st.data(), config=st.sampled_from(CONFIGS[::5]), width=st.sampled_from([1, 2, 3, 5]))
@hypothesis_settings(max_examples=40, deadline=None)
def test_a_search_with_edits_is_the_one_written_apart(data, config, width):
    """Any mixture of edits in any steps: the same outputs, the same scores, in the same order."""
    settings = SearchSettings(beam_size=width, n_best=width, max_length=7, length_penalty=0.8)
    plan = plan_of(settings, config)
    encoder = plan.begin()
    records, snapshot, wishes, in_force = [], encoder.after, [], [named(settings)]
    while not snapshot.ended:
        edits, wish = drawn_edits(data, plan, snapshot)
        name = refusal(plan, encoder, snapshot, edits) if edits else None
        if name is not None:
            event(name)
            assert name in ("last_hypothesis", "edits_clash", "settings_clash")
            edits, wish = [], []
        wishes += wish
        record = plan.step(encoder, snapshot, edits)
        changes = {_snake(edit.name): edit.value for edit in edits if isinstance(edit, SettingEdit)}
        in_force.append(in_force[-1] | changes)
        records.append(record)
        snapshot = record.after
    best = plan.best(snapshot)
    reference = edited_beam(plan.model, TEXT, lambda step: in_force[min(step + 1, len(in_force) - 1)], wishes)
    reference = reference[: in_force[-1]["n_best"]]
    assert [each.tokens for each in best] == [each.tokens for each in reference]
    assert [each.score for each in best] == pytest.approx([each.score for each in reference], abs=1e-12)
    assert [each.final for each in best] == pytest.approx([each.final for each in reference], rel=1e-5)
    given_again = [edit for record in records for edit in record.edits]
    for mine, other in zip(run_again(plan, given_again)[1], records, strict=True):
        assert_same(dict(mine.sites), dict(other.sites))
        assert_same(mine.candidates, other.candidates)
        assert_same(mine.after, other.after)


def drawn_edits(data, plan, snapshot):
    """Edits of a step, or none, and how the search written apart is told of them."""
    step = snapshot.step
    if data.draw(st.integers(0, 2)) != 0:
        return [], []
    parent = data.draw(st.sampled_from(snapshot.live))
    token = data.draw(st.integers(0, len(plan.model.target) - 1))
    kind = data.draw(st.sampled_from(["add", "ban", "prune", "revive", "take", "setting"]))
    event(kind)
    if kind == "setting":
        return [SettingEdit(step, *each) for each in data.draw(CHANGES)], []
    if kind == "prune":
        return [PruneEdit(step, parent.id)], [(step, parent.tokens, "prune")]
    if kind in ("add", "ban"):
        number = BAN if kind == "ban" else data.draw(st.sampled_from([-3.0, 0.5, 4.0, 9.0]))
        return [LogitEdit(step, parent.id, token, number)], [(step, parent.tokens, "add", token, number)]
    made = ReviveEdit if kind == "revive" else TokenEdit
    return [made(step, parent.id, token)], [(step, parent.tokens, kind, token)]


def refusal(plan, encoder, snapshot, edits):
    """The name of the error that the edits meet, `None` where they are taken."""
    try:
        plan.step(encoder, snapshot, edits)
    except S2sdapError as refused:
        return refused.name
    return None


def _snake(name):
    return "".join(f"_{each.lower()}" if each.isupper() else each for each in name)


# ---------------------------------------------------------------- logits


@pytest.mark.parametrize("settings", [GREEDY, BEAM, DRAWS], ids=["greedy", "beam", "draws"])
def test_a_change_of_a_logit_is_seen_and_reaches_its_own_row_alone(settings):
    plan = plan_of(settings)
    encoder, records = run_again(plan)
    record = records[2]
    for row, parent in enumerate(record.before.live):
        edits = [LogitEdit(2, parent.id, 4, 1.5), LogitEdit(2, parent.id, 5, BAN)]
        again = plan.step(encoder, record.before, edits)
        expected = record.sites["prediction.logits"][row].clone()
        expected[4] += 1.5
        expected[5] = BAN
        assert torch.equal(again.sites["prediction.logits"][row], expected)
        assert torch.equal(again.sites["prediction.logprobs"][row].exp()[5], torch.tensor(0.0))
        others = [each for each in range(len(record.before.live)) if each != row]
        for name in record.sites:
            assert torch.equal(again.sites[name][others], record.sites[name][others])
        listed = again.candidates
        assert not [c for c in range(len(listed)) if (listed.parent[c], listed.token[c]) == (row, 5)]


def test_a_ban_and_a_boost_change_the_choice():
    plan = plan_of(GREEDY)
    _, records = run_again(plan)
    chosen = records[1].after.live[0].token
    _, banned = run_again(plan, [LogitEdit(1, 1, chosen, BAN)])
    second = records[1].sites["prediction.logits"][0].topk(2).indices[1]
    assert banned[1].after.live[0].token == second
    _, boosted = run_again(plan, [LogitEdit(1, 1, 6, 50.0)])
    assert chosen != 6
    assert boosted[1].after.live[0].token == 6
    assert not boosted[1].after.live[0].forced


def test_drawing_goes_by_the_changed_logits():
    plan = plan_of(SearchSettings(sample=True, n_best=200, max_length=1, seed=3))
    edits = [LogitEdit(0, number, 6, BAN) for number in range(1, 201)]
    _, plain = run_again(plan)
    _, banned = run_again(plan, edits)
    assert any(each.token == 6 for each in plain[0].after.finished)
    assert not any(each.token == 6 for each in banned[0].after.finished)


def test_a_change_comes_before_the_settings():
    """An n-gram that the settings block stays blocked, however much its logit is raised."""
    plan = plan_of(SearchSettings(max_length=5, min_length=5, no_repeat_ngram=1))
    _, records = run_again(plan)
    first = records[0].after.live[0].token
    encoder, edited = run_again(plan, [LogitEdit(1, 1, first, 80.0)])
    assert edited[1].after.live[0].token != first
    del encoder


# ---------------------------------------------------------------- hypotheses


def test_a_pruned_hypothesis_has_no_child_and_says_why():
    plan = plan_of()
    encoder, records = run_again(plan)
    before = records[2].before
    for row, parent in enumerate(before.live):
        record = plan.step(encoder, before, [PruneEdit(2, parent.id)])
        told = record.candidates
        mine = told.parent == row
        assert mine.any()
        assert (told.fate[mine] == Fate.PRUNED).all()
        assert (told.reason[mine] == Reason.FORCED).all()
        assert (told.child[mine] == -1).all()
        assert len(record.after.live) == 3
        assert parent.id not in {each.id for each in record.after.live}
        assert len({each.id for each in record.after.live}) == 3


def test_the_last_hypothesis_is_not_pruned():
    plan = plan_of(GREEDY)
    encoder, records = run_again(plan)
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, records[1].before, [PruneEdit(1, 1)])
    assert refused.value.name == "last_hypothesis"
    plan = plan_of()
    encoder, records = run_again(plan)
    before = records[1].before
    with pytest.raises(S2sdapError):
        plan.step(encoder, before, [PruneEdit(1, each.id) for each in before.live])
    encoder, records = run_again(plan, [ReviveEdit(1, 1, plan.model.target.eos)])
    before = records[2].before
    record = plan.step(encoder, before, [PruneEdit(before.step, each.id) for each in before.live])
    assert record.after.ended
    assert [len(each.tokens) for each in plan.best(record.after)] == [2]


def test_a_pruned_draw_ends_and_the_others_draw_the_same():
    plan = plan_of(DRAWS)
    _, records = run_again(plan)
    _, edited = run_again(plan, [PruneEdit(1, 2)])
    plain = {each.id: each.tokens for each in records[-1].after.finished}
    assert {each.id: each.tokens for each in edited[-1].after.finished} == {
        number: tokens for number, tokens in plain.items() if number != 2
    }


@pytest.mark.parametrize("config", CONFIGS[::9], ids=config_name)
def test_a_revived_continuation_has_a_place_and_leads_the_output(config):
    """One that was pruned for its rank, one beyond the list, one that ends: each lives, the others too."""
    plan = plan_of(config=config)
    encoder, records = run_again(plan)
    before, eos = records[1].before, plan.model.target.eos
    for token in range(len(plan.model.target)):
        record = plan.step(encoder, before, [ReviveEdit(1, before.live[-1].id, token)])
        told = record.candidates
        (at,) = np.flatnonzero((told.parent == len(before.live) - 1) & (told.token == token))
        assert told.reason[at] == Reason.FORCED
        assert told.fate[at] == (Fate.FINISHED if token == eos else Fate.SURVIVED)
        (child,) = [
            e for e in (*record.after.live, *record.after.finished) if e.candidate == at and e.step == 1
        ]
        assert child.forced
        assert len(record.after.live) == 3
        kept = {(e.parent.id, e.token) for e in record.after.live if e is not child}
        plain = [(e.parent.id, e.token) for e in records[1].after.live]
        assert kept <= set(plain) | {(child.parent.id, token)}
        records_after = run_again(plan, [ReviveEdit(1, before.live[-1].id, token)])[1]
        assert records_after[-1].after.finished[0].forced


def test_reviving_in_greedy_search_and_in_a_draw_takes_the_place():
    for settings in (GREEDY, DRAWS):
        plan = plan_of(settings)
        for token in range(len(plan.model.target)):
            _, revived = run_again(plan, [ReviveEdit(1, 1, token)])
            _, forced = run_again(plan, [TokenEdit(1, 1, token)])
            mine = [each.tokens for each in plan.best(revived[-1].after)]
            assert mine == [each.tokens for each in plan.best(forced[-1].after)]
            row = next(row for row, each in enumerate(revived[1].before.live) if each.id == 1)
            told = revived[1].candidates
            others = {Reason(each) for each in told.reason[told.parent == row]}
            allowed = {Reason.DRAW} if settings.sample else {Reason.RANK, Reason.LENGTH, Reason.ENDED}
            assert others <= {Reason.FORCED, *allowed}


# ---------------------------------------------------------------- what is refused

REFUSED = [
    (BEAM, [LogitEdit(1, 99, 4, 1.0)], "unknown_thread"),
    (BEAM, [LogitEdit(1, 1, 11, 1.0)], "unknown_token"),
    (BEAM, [LogitEdit(1, 1, 4, math.nan)], "bad_value"),
    (BEAM, [LogitEdit(1, 1, 4, math.inf)], "bad_value"),
    (BEAM, [LogitEdit(1, 1, 4, 1e300)], "bad_value"),
    (BEAM, [LogitEdit(1, 1, token, BAN) for token in range(11)], "edits_clash"),
    (BEAM, [LogitEdit(1, 1, 4, BAN), TokenEdit(1, 1, 4)], "edits_clash"),
    (BEAM, [LogitEdit(1, 1, 4, BAN), ReviveEdit(1, 1, 4)], "edits_clash"),
    (BEAM, [PruneEdit(1, 99)], "unknown_thread"),
    (BEAM, [PruneEdit(1, 1), TokenEdit(1, 1, 4)], "edits_clash"),
    (BEAM, [PruneEdit(1, 1), ReviveEdit(1, 1, 4)], "edits_clash"),
    (BEAM, [TokenEdit(1, 1, 5), ReviveEdit(1, 1, 4)], "edits_clash"),
    (BEAM, [ReviveEdit(1, 1, token) for token in (4, 5, 6, 7)], "edits_clash"),
    (GREEDY, [ReviveEdit(1, 1, 4), ReviveEdit(1, 1, 5)], "edits_clash"),
    (DRAWS, [ReviveEdit(1, 1, 4), ReviveEdit(1, 1, 5)], "edits_clash"),
    (BEAM, [ReviveEdit(1, 1, -1)], "unknown_token"),
    (BEAM, [ReviveEdit(1, 7, 4)], "unknown_thread"),
    (BEAM, [SettingEdit(1, "beamsize", 4)], "unknown_setting"),
    (BEAM, [SettingEdit(1, "beam_size", 4)], "unknown_setting"),
    (BEAM, [SettingEdit(1, "beamSize", 0)], "bad_setting"),
    (BEAM, [SettingEdit(1, "beamSize", "4")], "bad_setting"),
    (BEAM, [SettingEdit(1, "beamSize", 2)], "settings_clash"),
    (BEAM, [SettingEdit(1, "temperature", 2.0)], "settings_clash"),
    (BEAM, [SettingEdit(1, "sample", True)], "setting_fixed"),
    (DRAWS, [SettingEdit(1, "sample", False)], "setting_fixed"),
    (DRAWS, [SettingEdit(1, "nBest", 2)], "setting_fixed"),
    (BEAM, [SettingEdit(1, "maxSourceLength", 2)], "setting_fixed"),
    (GREEDY, [SettingEdit(2, "prefix", "...")], "setting_fixed"),
    (BEAM, [SourceEdit("abc", 1)], "edit_unfit"),
]


@pytest.mark.parametrize(("settings", "edits", "name"), REFUSED)
def test_what_is_refused(settings, edits, name):
    plan = plan_of(settings)
    encoder, records = run_again(plan)
    record = records[edits[0].step]
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, record.before, edits)
    assert refused.value.name == name
    assert_same(plan.step(encoder, record.before), record)


def test_bans_that_leave_only_what_the_settings_forbid_are_refused():
    plan = plan_of(SearchSettings(max_length=6, min_length=6))
    encoder, records = run_again(plan)
    every = [token for token in range(len(plan.model.target)) if token != plan.model.target.eos]
    with pytest.raises(S2sdapError) as refused:
        plan.step(encoder, records[1].before, [LogitEdit(1, 1, token, BAN) for token in every])
    assert refused.value.name == "edits_clash"


def test_the_encoder_is_edited_by_its_sites_alone():
    edits = [PruneEdit(-1, 1), ReviveEdit(-1, 1, 4), LogitEdit(-1, 1, 4, 1.0), SettingEdit(-1, "beamSize", 4)]
    for edit in edits:
        with pytest.raises(S2sdapError) as refused:
            plan_of().begin([edit])
        assert refused.value.name == "no_step_here"
    with pytest.raises(S2sdapError) as refused:
        plan_of().begin([SourceEdit("ab")])
    assert refused.value.name == "edit_unfit"
