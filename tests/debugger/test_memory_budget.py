"""One long sentence within a budget: what is let go comes back bit for bit, and the bytes held are real."""

import gc

import pytest
from driving import session_of
from same_records import assert_same, run_again
from tiny_models import rnn

from s2sdap import SearchSettings
from s2sdap.debugger.keeping import Keeper, _storages
from s2sdap.decoding.step import Decode

LONG = {"beam_size": 2, "n_best": 2, "min_length": 500, "max_length": 510}
BUDGET = 24 * 1024


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
    return sum(found.values())


def fresh(session, edits=(), settings=None):
    plan = Decode.of(session.model, "abcdh", SearchSettings(**(settings or LONG)))
    return run_again(plan, edits)[1]


def test_five_hundred_steps_stay_within_the_budget():
    session = long_session()
    gc.collect()
    assert len(session.walk.branch.records) > 500
    assert held_by(session) <= session.walk.keeper.held <= BUDGET


def test_whatever_is_looked_at_comes_back_bit_for_bit_within_the_budget():
    session = long_session()
    records = fresh(session)
    keeper = session.walk.keeper
    for step in (499, 3, 250, 251, 249, 0, 130, 17, 16, 15, 400):
        session.goto(step)
        assert_same(session.frame.records[step], records[step])
        assert session.evaluate("p") == pytest.approx(session.evaluate("exp(logp)"))
        assert keeper.held <= BUDGET
    for _ in range(20):
        session.step_back()
        step = session.cursor.step
        assert_same(session.frame.records[step], records[step])
    assert held_by(session) <= BUDGET


def test_an_edit_far_back_grows_from_a_state_that_was_let_go():
    session = long_session()
    session.goto(200)
    session.force(5)
    edits = session.edits
    session.step_out()
    records = fresh(session, edits)
    for step in (199, 200, 201, 480):
        assert_same(session.walk.branch.records[step], records[step])
    session.undo()
    assert_same(session.walk.branch.records[300], fresh(session)[300])
    assert held_by(session) <= session.walk.keeper.held <= BUDGET


def test_what_a_dropped_branch_held_is_free():
    session = long_session(budget=2**40)
    before = session.walk.keeper.held
    assert before > 8 * BUDGET, "the budget of the others is one that bites"
    session.goto(10)
    session.force(5)
    session.step_out()
    assert session.walk.keeper.held > before
    session.switch(0)
    session.drop_branch(1)
    gc.collect()
    assert session.walk.keeper.held == before


def test_a_budget_that_holds_nothing_still_shows_everything():
    session = long_session(budget=0, max_length=40, min_length=40)
    records = fresh(session, settings={"max_length": 40, "min_length": 40})
    for step in reversed(range(40)):
        assert_same(session.walk.branch.records[step], records[step])


def test_nothing_is_let_go_within_the_budget():
    keeper = Keeper()
    session = session_of(rnn(), "abcdh", max_length=20, min_length=20)
    assert session.walk.keeper.budget == keeper.budget
    session.start()
    session.step_out()
    assert all(record.sites.held for record in session.walk.branch.records)
