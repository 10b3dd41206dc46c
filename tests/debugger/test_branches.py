"""Branches: grown in groups, listed, named, switched, dropped, undone and done again, against fresh runs."""

import pytest
from driving import finish, place, session_of
from same_records import assert_same, run_again
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, SearchSettings
from s2sdap.debugger.editing.console import numbered, run
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.edits import SiteEdit, SourceEdit, TokenEdit
from s2sdap.decoding.step import Decode

BEAM = {"beam_size": 3, "n_best": 3, "max_length": 6}
STATES = SiteEdit(-1, None, "encoder.states", (0.5,) * 8, (1,))


def at_step(step, source="abcdh", told=None, model=None, **settings):
    session = session_of(model or rnn(), source, on_result=told, **(settings or BEAM))
    session.start()
    while session.cursor.step < step:
        session.next()
    return session


def assert_fresh(session, text="abcdh", **settings):
    """The current branch is a fresh run of `text` with the branch's edits."""
    branch = session.walk.branch
    edits = [each for each in branch.edits if not isinstance(each, SourceEdit)]
    plan = Decode.of(session.model, text, SearchSettings(**(settings or BEAM)))
    encoder, records = run_again(plan, edits)
    assert_same(branch.encoder, encoder)
    assert_same(list(branch.records), records[: len(branch.records)])


def refusal(name, call):
    with pytest.raises(S2sdapError) as refused:
        call()
    assert refused.value.name == name


def test_a_group_of_edits_is_one_branch_and_one_thing_to_undo():
    session = at_step(1)
    old = session.walk.branch
    stop = session.apply(
        [TokenEdit(0, 1, 5), TokenEdit(2, 1, 7), SiteEdit(1, 1, "decoder.state", (0.0,) * 6)]
    )
    branch = session.walk.branch
    assert (stop.reason, branch.parent, branch.fork, len(branch.records)) == (StopReason.EDIT, 0, 0, 3)
    assert place(stop) == (0, 1, "search")
    assert [each.step for each in session.edits] == [0, 1, 2]
    assert_fresh(session)
    assert session.undo().cursor.branch == 0
    assert session.walk.branch is old
    assert session.redo().cursor.branch == 1
    assert session.walk.branch is branch


def test_a_whole_prefix_before_anything_was_predicted():
    session = at_step(-1)
    session.apply([TokenEdit(step, 1, token) for step, token in enumerate((5, 6, 7))])
    assert place(session.stop) == (0, -1, "encoder")
    finish(session)
    assert session.results[0].outputs[0].tokens[:3] == (5, 6, 7)
    session.step_back()
    assert_fresh(session)


def test_edits_of_the_same_step_are_merged_and_later_ones_forgotten():
    session = at_step(2)
    session.force(5, frame=session.frames()[1])
    session.next()
    session.apply([TokenEdit(3, session.cursor.hypothesis, 6), TokenEdit(2, session.cursor.hypothesis, 7)])
    assert [each.step for each in session.edits] == [1, 2, 3]
    session.apply([TokenEdit(1, session.frames()[-2].before.id, 8)])
    assert [(each.step, each.token) for each in session.edits] == [(1, 8)]
    assert_fresh(session)


REFUSED = {
    "unknown_thread": [TokenEdit(1, 1, 5), TokenEdit(2, 99, 5)],
    "unknown_token": [TokenEdit(0, 1, 5), TokenEdit(3, 1, 999)],
    "no_such_step": [TokenEdit(0, 1, 5), TokenEdit(50, 1, 5)],
    "no_edits": [],
    "no_tokens": [SourceEdit("")],
    "no_such_site": [STATES, SiteEdit(1, 1, "decoder.cells", (0.0,))],
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_group_changes_nothing(name):
    session = at_step(2)
    session.force(5)
    before = session.cursor, session.branches, session.edits, session.stop, len(session.walk.branch.records)
    refusal(name, lambda: session.apply(REFUSED[name]))
    assert before == (
        session.cursor,
        session.branches,
        session.edits,
        session.stop,
        len(session.walk.branch.records),
    )
    assert session.undo().cursor.branch == 0
    refusal("nothing_to_undo", session.undo)


def test_another_source_is_decoded_beside_the_first():
    session = at_step(3)
    first = session.walk.branch
    stop = session.apply([SourceEdit("hgf")])
    branch = session.walk.branch
    assert place(stop) == (0, -1, "encoder")
    assert (branch.fork, branch.edits, branch.plan.source.text) == (-1, (SourceEdit("hgf"),), "hgf")
    session.next()
    assert session.evaluate("source") == ["h", "g", "f"]
    session.force(5)
    assert session.edits == (SourceEdit("hgf"), TokenEdit(0, 1, 5))
    session.apply([STATES])
    assert session.walk.branch.source == SourceEdit("hgf")
    assert_fresh(session, "hgf")
    session.switch(0)
    assert (session.walk.branch, session.evaluate("source")) == (first, ["a", "b", "c", "d", "h"])
    refusal("no_tokens", lambda: session.apply([SourceEdit("")]))


def test_another_source_without_an_encoder_has_its_first_step():
    session = at_step(2, "ab", model=PromptedModel(), max_length=4)
    assert place(session.apply([SourceEdit("ba")])) == (0, 0, "search")
    assert session.next().cursor.step == 1
    assert session.undo().cursor.step == 2


def test_a_branch_without_one_of_its_edits():
    session = at_step(3)
    session.apply([STATES, TokenEdit(1, 1, 5), TokenEdit(3, 1, 6)])
    session.without(1)
    assert session.edits == (STATES, TokenEdit(3, 1, 6))
    assert_fresh(session)
    session.without(0)
    assert session.edits == (TokenEdit(3, 1, 6),)
    assert_fresh(session)
    session.undo()
    session.undo()
    assert session.edits == (STATES, TokenEdit(1, 1, 5), TokenEdit(3, 1, 6))
    refusal("unknown_edit", lambda: session.without(3))
    session.apply([SourceEdit("hg"), TokenEdit(0, 1, 5)])
    session.without(0)
    assert session.edits == (TokenEdit(0, 1, 5),)
    assert_fresh(session)


def test_an_edit_that_means_nothing_without_another_is_named():
    session = at_step(1)
    session.apply([SourceEdit("hgfabc"), SiteEdit(-1, None, "encoder.states", (0.5,) * 8, (5,))])
    before = session.branches
    refusal("edit_does_not_fit", lambda: session.without(0))
    assert session.branches == before
    assert numbered(session).startswith("1. encoder: the source reads 'hgfabc'\n2. ")
    with pytest.raises(S2sdapError, match="Without edit 1 of the list"):
        run(session, session.frame, "remove 1")
    assert session.branches == before


def test_results_follow_the_branch():
    told = []
    session = at_step(3, told=told.append)
    session.step_out()
    first = session.results[0]
    session.force("z", frame=session.frames()[-2])
    session.step_out()
    second = session.results[0]
    assert (first.branch, second.branch) == (0, 1)
    assert first.outputs != second.outputs
    session.undo()
    assert session.results[0] == first
    session.redo()
    assert session.results[0] == second
    session.switch(0)
    assert told == [first, second, first, second, first]


def test_a_new_edit_takes_away_what_was_undone():
    session = at_step(2)
    session.force(5)
    session.undo()
    session.force(6)
    refusal("nothing_to_redo", session.redo)
    assert [branch.id for branch in session.branches] == [0, 1, 2]
    assert session.undo().cursor.branch == 0
    refusal("nothing_to_undo", session.undo)


def test_each_sentence_has_its_own_history():
    session = at_step(2, "abc\nhgf")
    session.force(5)
    while session.cursor.sentence == 0:
        session.next()
    refusal("nothing_to_undo", session.undo)
    session.step_back()
    assert session.undo().cursor.branch == 0


def test_branches_are_named_switched_and_dropped():
    session = at_step(3)
    session.force(5)
    session.next()
    session.force(6)
    session.name_branch(1, "five")
    assert [(each.id, each.name, each.parent) for each in session.branches] == [
        (0, "", None),
        (1, "five", 0),
        (2, "", 1),
    ]
    refusal("branch_stays", lambda: session.drop_branch(2))
    refusal("branch_stays", lambda: session.drop_branch(0))
    refusal("unknown_branch", lambda: session.drop_branch(9))
    refusal("unknown_branch", lambda: session.switch(9))
    last = session.walk.branch
    session.drop_branch(1)
    assert [(each.id, each.parent, each.fork) for each in session.branches] == [(0, None, -1), (2, 0, 3)]
    assert session.walk.branch is last
    refusal("nothing_to_undo", session.undo)
    stop = session.switch(0)
    assert place(stop) == (0, 3, "search"), "step 4 is not computed there"
    session.force(7)
    assert session.walk.branch.id == 3, "ids are not used again"


def test_what_is_left_of_dropped_branches_comes_back_after_memory_was_short():
    session = at_step(4, "abc\nhgf")
    session.apply([TokenEdit(1, 1, 5)])
    session.apply([TokenEdit(3, session.walk.branch.records[1].after.live[0].id, 6)])
    session.drop_branch(1)
    timeline = session.walk.timeline
    kept = [(branch.id, list(branch.records)) for branch in session.branches]
    timeline.drop()
    assert timeline.restore()
    for branch, (identity, records) in zip(session.branches, kept, strict=True):
        assert branch.id == identity
        assert_same(branch.records, records)


def test_continuing_from_the_past_replays_the_record():
    session = at_step(4)
    records = list(session.walk.branch.records)
    session.goto(1)
    while session.cursor.step < 4:
        session.next()
    assert all(a is b for a, b in zip(session.walk.branch.records, records, strict=True))
    assert len(session.branches) == 1
