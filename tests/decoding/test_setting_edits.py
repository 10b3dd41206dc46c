"""Settings of the search that change from a step on, against fresh runs that were launched so."""

import pytest
import torch
from edited_plans import BEAM, DRAWS, GREEDY, assert_same_decode, named, plan_of
from same_records import assert_same, run_again

from s2sdap import SearchSettings
from s2sdap.decoding.edits import SettingEdit


@pytest.mark.parametrize(
    ("launched", "changes"),
    [
        (BEAM, {"beam_size": 5}),
        (BEAM, {"beam_size": 2, "n_best": 1}),
        (GREEDY, {"beam_size": 4, "n_best": 2, "length_penalty": 1.2}),
        (BEAM, {"coverage_penalty": 0.7, "early_stopping": True}),
        (BEAM, {"no_repeat_ngram": 2, "min_length": 4, "max_length": 6}),
        (GREEDY, {"prefix": "uv"}),
        (DRAWS, {"temperature": 2.5, "top_k": 4, "top_p": 0.8}),
        (DRAWS, {"seed": 11}),
    ],
)
def test_a_setting_from_the_first_step_on_is_a_launch_with_it(launched, changes):
    edits = [SettingEdit(0, _camel(name), value) for name, value in changes.items()]
    plan = plan_of(launched)
    fresh = plan_of(SearchSettings(**(named(launched) | changes)))
    _, edited = run_again(plan, edits)
    assert_same_decode(edited, run_again(fresh)[1])
    assert [e.tokens for e in plan.best(edited[-1].after)] == [e.tokens for e in fresh.best(edited[-1].after)]
    now = {each.name: each for each in plan.settings_shown(edited[0].after)}
    for name, value in changes.items():
        assert (now[_camel(name)].value, now[_camel(name)].origin) == (value, "edit")
    assert {each.origin for each in plan.settings_shown(edited[0].before)} <= {"launch", "default"}
    assert now["maxSourceLength"].origin == "default"


def _camel(name):
    head, *rest = name.split("_")
    return head + "".join(part.title() for part in rest)


@pytest.mark.parametrize("changes", [{"temperature": 3.0}, {"top_k": 2}, {"seed": 8}])
def test_draws_from_a_step_on_go_by_the_changed_setting(changes):
    """Up to it the old run, from it on one step of a fresh plan after the other."""
    plan = plan_of(DRAWS)
    edits = [SettingEdit(2, _camel(name), value) for name, value in changes.items()]
    encoder, edited = run_again(plan, edits)
    _, records = run_again(plan)
    assert_same(edited[1], records[1])
    fresh, before = plan_of(SearchSettings(**(named(DRAWS) | changes))), records[2].before
    for record in edited[2:]:
        other = fresh.step(encoder, before)
        assert_same_decode([record], [other])
        before = other.after


def test_coverage_that_begins_to_count_later_is_that_of_all_steps():
    plan = plan_of(SearchSettings(beam_size=3, max_length=7, min_length=7))
    fresh = plan_of(SearchSettings(beam_size=3, max_length=7, min_length=7, coverage_penalty=1e-9))
    _, edited = run_again(plan, [SettingEdit(3, "coveragePenalty", 1e-9)])
    _, records = run_again(fresh)
    for mine, other in zip(edited[3].after.live, records[3].after.live, strict=True):
        assert torch.equal(mine.coverage, other.coverage)


def test_snapshots_before_a_changed_setting_stay_as_they_were():
    plan = plan_of()
    encoder, records = run_again(plan)
    _, edited = run_again(plan, [SettingEdit(2, "beamSize", 6)])
    assert len(edited[3].before.live) == 6
    assert_same(plan.step(encoder, edited[2].before), records[2])
    assert_same(plan.step(encoder, edited[3].before), edited[3])


def test_a_prefix_may_grow_while_it_is_not_written_past():
    plan = plan_of(SearchSettings(max_length=8, prefix="uv"))
    _, records = run_again(plan, [SettingEdit(1, "prefix", "uvw")])
    word = plan.model.target.encode("uvw")
    assert records[-1].after.finished[0].tokens[:3] == word
