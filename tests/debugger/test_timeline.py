"""Timelines: what is dropped comes back bit for bit, branches and edits included, and budgets hold."""

import pytest
from driving import finish, place, places, session_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from same_records import assert_same
from tiny_models import rnn

from s2sdap import SearchSettings
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.edits import SiteEdit, TokenEdit
from s2sdap.decoding.step import Decode

SETTINGS = SearchSettings(beam_size=2, n_best=2, max_length=6)


def timeline_of(text="abcdh", settings=SETTINGS):
    return Timeline(Decode.of(rnn(), text, settings), inline_program(text).sentences[0])


def extend_to_the_end(timeline):
    while not timeline.branch.tip.ended:
        timeline.extend()


@given(data=st.data())
@hypothesis_settings(max_examples=25, deadline=None)
def test_what_is_dropped_comes_back(data):
    timeline = timeline_of()
    for _ in range(data.draw(st.integers(0, 4))):
        for _ in range(data.draw(st.integers(0, 5))):
            if not timeline.branch.tip.ended:
                timeline.extend()
        step = data.draw(st.integers(-1, len(timeline.branch.records) - 1))
        if step < 0:
            timeline.edit(SiteEdit(-1, None, "encoder.states", (0.25,) * 8, (data.draw(st.integers(0, 4)),)))
        else:
            live = timeline.branch.snapshot(step).live
            hypothesis = data.draw(st.sampled_from(live)).id
            timeline.edit(TokenEdit(step, hypothesis, data.draw(st.integers(4, 10))))
    before = [(branch.id, branch.encoder, list(branch.records)) for branch in timeline.branches]
    current, size = timeline.current, timeline.size
    for _ in range(2):
        timeline.drop()
        assert not any(branch.records for branch in timeline.branches)
        assert timeline.restore()
        assert not timeline.dropped
    assert (timeline.current, timeline.size) == (current, size)
    for branch, (number, encoder, records) in zip(timeline.branches, before, strict=True):
        assert branch.id == number
        assert branch.encoder is encoder
        assert_same(branch.records, records)
        if branch.parent is not None and branch.fork > 0:  # shared, as before
            parent = timeline.branches[branch.parent].records
            assert all(a is b for a, b in zip(branch.records[: branch.fork], parent, strict=False))


def test_an_interrupted_restore_can_be_taken_up_again():
    timeline = timeline_of()
    extend_to_the_end(timeline)
    records = list(timeline.branch.records)
    timeline.drop()
    asked = iter([False, False, True])
    assert not timeline.restore(lambda: next(asked))
    assert timeline.dropped
    assert timeline.restore()
    assert_same(timeline.branch.records, records)


def test_branches_share_what_is_before_their_fork():
    timeline = timeline_of()
    extend_to_the_end(timeline)
    whole = timeline.size
    record = timeline.branch.records[-1]
    alone = sum(value.nbytes for value in record.sites.values())
    timeline.edit(TokenEdit(record.step, record.before.live[0].id, 4))
    assert timeline.size == whole + alone
    assert timeline.branch.snapshot(0) is timeline.branches[0].encoder.after


SOURCE = "abcd\nefgh\n\nhgfe\ndcba\nacac"
MANY = {"max_length": 6, "min_length": 6, "beam_size": 2, "n_best": 2}


def sizes(session):
    return [
        sum(value.nbytes for record in timeline.branch.records for value in record.sites.values())
        for timeline in session.walk._timelines.values()
    ]


@pytest.mark.parametrize("share", [0, 1, 2.5])
def test_a_small_budget_drops_the_earliest_and_they_come_back_exactly(share):
    """`share` is the budget in sentences."""
    told = []
    roomy = session_of(rnn(), SOURCE, **MANY)
    roomy.start()
    finish(roomy)
    one = roomy.walk._timelines[0].size
    session = session_of(rnn(), SOURCE, budget=int(share * one), on_result=told.append, **MANY)
    session.start()
    finish(session)
    assert session.results == roomy.results
    assert sum(size > 0 for size in sizes(session)) <= max(1, share + 1)
    back = places(session, "step_back")
    assert back == places(roomy, "step_back")
    for mine, other in zip([session], [roomy], strict=True):
        assert_same(mine.walk.branch.records, other.walk.branch.records)
    assert sum(size > 0 for size in sizes(session)) <= max(1, share + 1)
    assert places(session, "next") == places(roomy, "next")
    assert len(told) == 5, "a sentence that is run again is no news"


def test_every_sentence_that_is_dropped_comes_back_with_its_edits():
    session = session_of(rnn(), SOURCE, budget=0, **MANY)
    roomy = session_of(rnn(), SOURCE, **MANY)
    for each in (session, roomy):
        each.start()
        each.next()
        each.next()
        each.force("z")
        each.next()
        each.edit_attention(0, 1.0)
        finish(each)
        while each.cursor.sentence if each.walk.placed else True:
            each.step_back()
            assert place(each.stop)[0] < 5
    mine, other = session.walk.timeline, roomy.walk.timeline
    assert [branch.edits for branch in mine.branches] == [branch.edits for branch in other.branches]
    for a, b in zip(mine.branches, other.branches, strict=True):
        assert_same(a.records, b.records)
    assert session.evaluate("output") == roomy.evaluate("output")
    assert session.results == roomy.results
    session.step_back()
    session.force("u")
    finish(session)
    assert session.results[0].branch == 3
