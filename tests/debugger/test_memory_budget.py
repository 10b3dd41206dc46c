"""One long sentence within a budget: what is let go comes back bit for bit, and the bytes held are real."""

import gc

import pytest
from driving import session_of
from same_records import assert_same, run_again
from tiny_models import rnn

from s2sdap import SearchSettings
from s2sdap.debugger.keeping import Keeper, _storages
from s2sdap.decoding.step import Decode

STEPS = 120
LONG = {"beam_size": 2, "n_best": 2, "min_length": STEPS, "max_length": STEPS}
BUDGET = 11 * 1024


def long_session(budget=BUDGET, **settings):
    session = session_of(rnn(), "abcdh", **(settings or LONG))
    session.walk.keeper.budget = budget
    session.start()
    session.step_out()
    return session


def held_by(session):
    """Bytes of the tensors that the records of every branch keep alive, each storage once."""
    found = {}
    for branch in session.branches:
        for record in branch.records:
            found |= _storages(dict(record.sites.held))
            state = record.after.step_before.state
            found |= _storages(None if type(state) is object else state)
            made = [each for each in (*record.after.live, *record.after.finished) if each.step == record.step]
            found |= _storages([(each.attended, each.coverage) for each in made])
    return sum(found.values())


def fresh(edits=(), settings=None):
    return run_again(Decode.of(rnn(), "abcdh", SearchSettings(**(settings or LONG))), edits)[1]


@pytest.fixture(scope="module")
def whole():
    """Every record of the long decode, all of it at hand."""
    return fresh()


def test_a_long_decode_stays_within_the_budget(whole):
    everything = {}
    for record in whole:
        everything |= _storages(record.sites) | _storages(record.after.state)
    assert sum(everything.values()) > 4 * BUDGET, "the budget is one that bites"
    session = long_session()
    gc.collect()
    assert len(session.walk.branch.records) == STEPS
    assert held_by(session) <= session.walk.keeper.held <= BUDGET


def test_whatever_is_looked_at_comes_back_bit_for_bit_within_the_budget(whole):
    session = long_session()
    keeper = session.walk.keeper
    for step in (119, 3, 80, 81, 79, 0, 17, 16, 15, 100):
        session.goto(step)
        assert_same(session.frame.records[step], whole[step])
        assert session.evaluate("p") == pytest.approx(session.evaluate("exp(logp)"))
        assert keeper.held <= BUDGET
    for _ in range(24):  # past more than one of the states that go last
        session.step_back()
        step = session.cursor.step
        assert_same(session.frame.records[step], whole[step])
    assert held_by(session) <= BUDGET


def test_an_edit_far_back_grows_from_a_state_that_was_let_go(whole):
    session = long_session()
    session.goto(60)
    session.force(5)
    edits = session.edits
    session.step_out()
    records = fresh(edits)
    for step in (59, 60, 61, 110):
        assert_same(session.walk.branch.records[step], records[step])
    session.undo()
    assert_same(session.walk.branch.records[100], whole[100])
    assert held_by(session) <= session.walk.keeper.held <= BUDGET


def test_what_a_dropped_branch_held_is_free():
    session = long_session(budget=2**40, min_length=30, max_length=30)
    before = session.walk.keeper.held
    session.goto(10)
    session.force(5)
    session.step_out()
    assert session.walk.keeper.held > before
    session.switch(0)
    session.drop_branch(1)
    gc.collect()
    assert session.walk.keeper.held == before


def test_a_budget_that_holds_nothing_still_shows_everything():
    short = {"max_length": 20, "min_length": 20}
    session = long_session(budget=0, **short)
    records = fresh(settings=short)
    for step in reversed(range(20)):
        assert_same(session.walk.branch.records[step], records[step])


def test_nothing_is_let_go_within_the_budget():
    keeper = Keeper()
    session = session_of(rnn(), "abcdh", max_length=10, min_length=10)
    assert session.walk.keeper.budget == keeper.budget
    session.start()
    session.step_out()
    assert all(record.sites.held for record in session.walk.branch.records)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_what_a_sentence_takes_is_told_from_an_earlier_one_of_its_length(beam_size):
    settings = {"beam_size": beam_size, "max_length": 20, "min_length": 20}
    session = session_of(rnn(), "abcdh\nhgfed\nab\naaaaa", **settings)
    session.start()
    counted = []
    for sentence in range(4):
        before = session.walk.keeper.held
        session.step_out()
        taken = held_by(session)
        assert taken <= session.walk.keeper.held - before <= 1.05 * taken
        counted.append(session.walk.timeline_of(sentence).branch.records[0].sites.counted)
        session.next()
    assert counted == [True, False, True, False], "the second and the fourth are as long as the first"
