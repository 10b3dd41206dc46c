"""Steps that a run computes before it asks about them show in nothing: not in stops, records or failures."""

import gc
import time
import weakref

import pytest
from driving import finish, place, session_of
from same_records import assert_same
from tiny_models import PromptedModel, rnn

from s2sdap import Session
from s2sdap.debugger import ahead
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.planning import planner_for
from s2sdap.decoding.settings import SearchSettings

LINES = "abcdh\nabc\nd"
LONG = {"max_length": 12, "min_length": 12}
STEPS = 12


class Counted:
    """A model that counts its steps, and may take its time for each."""

    def __init__(self, model, seconds=0.0):
        self.model, self.seconds, self.steps = model, seconds, 0

    def __getattr__(self, name):
        return getattr(self.model, name)

    def step(self, encoded, state, tokens, probe, /):
        self.steps += 1
        time.sleep(self.seconds)
        return self.model.step(encoded, state, tokens, probe)


@pytest.fixture
def patient(monkeypatch):
    """A run that computes a whole sentence in a row, however slow the machine is."""
    monkeypatch.setattr(ahead, "AHEAD_SECONDS", 1e6)


def known(session):
    """The same session: its model, which a test brings, is known to do nothing but compute."""
    session.walk.looks_ahead = True
    return session


def ruled(session, *rules):
    session.armed = Armed.of(rules=[parse_rule(rule) for rule in rules])
    return session


def records_of(session, sentence=0):
    return session.walk.timeline_of(sentence).branch.records


@pytest.mark.usefixtures("patient")
def test_a_run_computes_steps_in_a_row_and_none_of_them_twice():
    model = Counted(rnn())
    session = ruled(known(session_of(model, **LONG)), "lowConfidence(step == 3)")
    session.start()
    assert place(session.continue_()) == (0, 3, "search")
    assert model.steps == STEPS
    assert len(session.walk.branch.records) == 4, "what the cursor has not come to is not shown"
    assert not session.results
    session.next()
    finish(session)
    assert model.steps == STEPS
    assert len(session.results) == 1


@pytest.mark.usefixtures("patient")
def test_an_edit_at_the_stop_is_not_followed_by_what_was_computed_before_it():
    session = ruled(session_of(rnn(), **LONG), "lowConfidence(step == 3)")
    session.start()
    session.continue_()
    session.force("v")
    finish(session)
    fresh = session_of(rnn(), **LONG)
    fresh.start()
    for _ in range(4):
        fresh.next()
    fresh.force("v")
    fresh.step_out()
    assert_same(records_of(session), records_of(fresh))


@pytest.mark.usefixtures("patient")
def test_going_back_to_another_branch_does_not_take_what_was_computed_for_the_first():
    session = ruled(session_of(rnn(), **LONG), "lowConfidence(step == 3)")
    session.start()
    session.continue_()
    session.force("v")
    session.undo()
    finish(session)
    plain = session_of(rnn(), **LONG)
    plain.start()
    plain.step_out()
    assert_same(records_of(session), records_of(plain))


@pytest.mark.parametrize("beam_size", [1, 3])
@pytest.mark.parametrize(
    "rule", ["lowConfidence(p < 0.5)", "repetition(repeats >= 1)", "attentionCollapse(focus_run >= 2)"]
)
def test_stops_and_records_are_those_of_a_run_step_by_step(rule, beam_size, monkeypatch):
    seen = []
    for seconds in (0.0, 1e6):
        monkeypatch.setattr(ahead, "AHEAD_SECONDS", seconds)
        told = []
        session = ruled(session_of(rnn(), LINES, on_result=told.append, beam_size=beam_size, **LONG), rule)
        session.start()
        stops = []
        while session.stop.reason is not StopReason.END:
            stop = session.continue_()
            stops.append(
                (place(stop), stop.text, len(told), stop.cursor and len(session.walk.branch.records))
            )
        records = [records_of(session, index) for index in range(3)]
        seen.append((stops, records, told))
    (one, records, told), (other, others, told_again) = seen
    assert len(one) > 3
    assert one == other
    assert told == told_again
    assert_same(records, others)


@pytest.mark.usefixtures("patient")
def test_a_failure_is_told_where_it_came():
    model = Counted(PromptedModel(fails_at=5))
    session = known(session_of(model, "ah\nab", **LONG))
    session.start()
    stop = session.continue_()
    assert (stop.reason, place(stop)) == (StopReason.ERROR, (0, 4, "search"))
    assert model.steps == 7, "the step that fails is run before it is due, and when it is"
    assert "no step 5 for me" in stop.traceback
    finish(session)
    assert model.steps == 7 + STEPS


class Activation:
    """What a step has in hand while it computes."""


class Holding(Counted):
    """A model whose steps hold something for as long as they run, or as their errors are kept."""

    def __init__(self, model):
        super().__init__(model)
        self.alive = weakref.WeakSet()

    def step(self, encoded, state, tokens, probe, /):
        held = Activation()
        self.alive.add(held)
        return super().step(encoded, state, tokens, probe)


@pytest.mark.parametrize("rules", [(), ("lowConfidence(step == 3)",)], ids=["told", "not told yet"])
@pytest.mark.usefixtures("patient")
def test_what_a_failed_step_had_in_hand_is_let_go_at_once(rules):
    """It may be most of a device's memory, which the steps after it need."""
    model = Holding(PromptedModel(fails_at=5))
    session = ruled(known(session_of(model, "ah", **LONG)), *rules)
    session.start()
    gc.collect()
    gc.disable()
    try:
        assert session.continue_().reason is (StopReason.RULE if rules else StopReason.ERROR)
        assert model.steps > 5
        assert not model.alive
    finally:
        gc.enable()


@pytest.mark.usefixtures("patient")
def test_a_rule_that_holds_before_the_failure_stops_first():
    session = ruled(known(session_of(PromptedModel(fails_at=5), "ah", **LONG)), "lowConfidence(step == 3)")
    session.start()
    assert place(session.continue_()) == (0, 3, "search")
    assert session.walk.branch.error is None
    assert session.continue_().reason is StopReason.ERROR


def test_a_slow_model_runs_no_step_before_it_is_due():
    model = Counted(rnn(), seconds=ahead.AHEAD_SECONDS)
    session = ruled(known(session_of(model, **LONG)), "lowConfidence(step == 3)")
    session.start()
    session.continue_()
    assert model.steps == 4


@pytest.mark.usefixtures("patient")
def test_who_goes_step_by_step_runs_no_step_before_it_is_due():
    model = Counted(rnn())
    session = known(session_of(model, **LONG))
    session.start()
    for count in range(1, 5):
        session.next()
        assert model.steps == count


@pytest.mark.usefixtures("patient")
def test_a_model_of_somebodys_own_runs_no_step_before_it_is_due(capsys):
    """What a step prints goes to the console, and is not to be there at a stop before it."""

    class Talkative(Counted):
        def step(self, encoded, state, tokens, probe, /):
            print(f"step {self.steps}")
            return super().step(encoded, state, tokens, probe)

    session = ruled(session_of(Talkative(rnn()), **LONG), "lowConfidence(step == 3)")
    session.start()
    session.continue_()
    assert capsys.readouterr().out.splitlines() == ["step 0", "step 1", "step 2", "step 3"]


@pytest.mark.usefixtures("patient")
def test_a_call_of_a_program_runs_no_step_before_it_is_due():
    """What it does beside the model, a logits processor say, is to happen when the cursor is there."""
    planned, steps = planner_for(rnn(), SearchSettings(**LONG)), []

    class Counting:
        def __init__(self, plan):
            self.plan = plan

        def __getattr__(self, name):
            return getattr(self.plan, name)

        def step(self, encoder, before, edits=()):
            steps.append(before.step)
            return self.plan.step(encoder, before, edits)

    def planner(text, **where):
        return Counting(planned(text, **where))

    session = Session(rnn(), inline_program("abcdh"), planner=planner, of_call=True)
    session = ruled(session, "lowConfidence(step == 3)")
    session.start()
    session.continue_()
    assert steps == [0, 1, 2, 3]


@pytest.mark.usefixtures("patient")
def test_a_run_whose_budget_is_filling_computes_one_step_at_a_time():
    model = Counted(rnn())
    session = ruled(known(session_of(model, **LONG)), "lowConfidence(step == 3)")
    session.walk.keeper.budget = 1024
    session.start()
    session.continue_()
    assert model.steps == 4


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_corpus_is_told_as_by_a_run_step_by_step(beam_size, monkeypatch):
    settings = SearchSettings(beam_size=beam_size, **LONG)
    rules = [parse_rule("lowConfidence(p < 0.5)"), parse_rule("overlongOutput(length > 11)")]
    told = []
    for seconds in (0.0, 1e6):
        monkeypatch.setattr(ahead, "AHEAD_SECONDS", seconds)
        told.append(list(Corpus(rnn(), inline_program(LINES), settings, tuple(rules), exact=True)))
    one, other = told
    assert min(len(decoded.stops) for decoded in one) > 1
    assert one == other
