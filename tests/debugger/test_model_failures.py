"""A model that raises or gives no numbers stops the run once, and the session goes on after it."""

import pytest
import torch
from driving import do, everything, finish, place, places, session_of
from same_records import assert_same
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, decode
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.stops import StopReason

SOURCE = "ab\nah\ng\n\nabcabcabc\nd"
"""Lines 2 and 3 make the model fail in a step and in its encoder, line 5 is longer than it can read."""
FOUR = {"max_length": 4, "min_length": 4}


def failing(**changes):
    """A model that fails at step 2 of the second sentence, unless told otherwise."""
    return PromptedModel(**({"encoder": True, "fails_at": 2} | changes))


@pytest.mark.parametrize("verb", ["continue_", "step_out", "next", "step_in"])
@pytest.mark.parametrize("encoder", [True, False])
def test_the_run_stops_where_the_model_raised_and_goes_on(verb, encoder):
    told = []
    session = session_of(failing(encoder=encoder), SOURCE, on_result=told.append, **FOUR)
    session.start()
    failures = []
    while session.stop.reason is not StopReason.END:
        stop = do(session, verb)
        if stop.reason is StopReason.ERROR:
            failures.append((place(stop), stop.error.name, session.walk.number))
            assert "Traceback" in stop.traceback
            assert stop.text == str(stop.error)
    assert failures == [((1, 1, "search"), "model_failed", 2), (None, "model_failed", 3)]
    errors = [(each.sentence.index, each.error and each.error.name) for each in told]
    assert errors == [(0, None), (1, "model_failed"), (2, "model_failed"), (3, "source_too_long"), (4, None)]
    assert session.results[3].error.details["line"] == 5
    for index, text in ((0, "ab"), (4, "d")):
        assert session.results[index].outputs == decode(session.model, text, session.settings)
    assert session.results[1].text == ""


def test_what_was_raised_is_said_with_its_sentence_and_traceback():
    session = session_of(failing(), "ab\nah", **FOUR)
    session.start()
    stop = session.continue_()
    assert "sentence 2" in stop.text
    assert "ValueError: no step 2 for me" in stop.text
    assert stop.traceback.rstrip().endswith("ValueError: no step 2 for me")
    assert session.frame.stage == "search"
    assert session.evaluate("step") == 1
    unread = session_of(failing(), "g", **FOUR).start()
    assert (unread.reason, unread.cursor) == (StopReason.ERROR, None)
    assert "sentence 1" in unread.text


def test_steps_before_the_failure_can_be_walked_and_forward_again_does_not_fail_twice():
    session = session_of(failing(), "ab\nah\nd", **FOUR)
    session.start()
    assert session.continue_().reason is StopReason.ERROR
    assert place(session.step_back()) == (1, 0, "search")
    assert place(session.next()) == (1, 1, "search")
    assert session.stop.reason is StopReason.STEP
    assert place(session.next()) == (2, -1, "encoder")
    finish(session)
    assert place(session.step_back()) == (2, 3, "search")
    back = places(session, "step_back")
    assert (1, 1, "search") in back
    assert back[-1] == (0, -1, "encoder")


def test_an_edit_before_the_failure_lets_the_step_run_again():
    session = session_of(failing(), "ah", **FOUR)
    session.start()
    session.continue_()
    session.step_back()
    assert session.force("u").reason is StopReason.EDIT
    stop = session.continue_()
    assert (stop.reason, stop.cursor.branch) == (StopReason.ERROR, 1)
    session.force(session.model.target.eos)
    assert session.results[0].error is None
    assert session.results[0].branch == 2
    assert session.continue_().reason is StopReason.END


def test_an_edit_that_the_model_fails_on_is_refused_and_leaves_all_as_it_was():
    class Picky(PromptedModel):
        """Cannot bear a state of zeros."""

        def step(self, encoded, state, tokens, probe, /):
            def watching(site, value):
                value = probe(site, value)
                if not value.any():
                    raise ArithmeticError("a state of zeros")
                return value

            return super().step(encoded, state, tokens, watching)

    session = session_of(Picky(encoder=True), "ab", **FOUR)
    session.start()
    session.next()
    before = session.cursor, session.walk.branch, list(session.walk.branch.records)
    with pytest.raises(S2sdapError, match="ArithmeticError: a state of zeros") as refused:
        session.edit_site("decoder.state", [0.0] * 6)
    assert refused.value.name == "model_failed"
    assert isinstance(refused.value.__cause__, ArithmeticError)
    assert (session.cursor, session.walk.branch, session.walk.branch.records) == before
    assert session.next().reason is StopReason.STEP


@pytest.mark.parametrize("search", [{}, {"beam_size": 3}, {"sample": True, "n_best": 2}])
def test_logits_that_are_no_numbers(search):
    session = session_of(PromptedModel(encoder=True, nan_at=1), "ab\nah\nd", **FOUR, **search)
    session.start()
    stop = session.continue_()
    assert (stop.reason, place(stop), stop.error.name) == (
        StopReason.ERROR,
        (1, 1, "prediction"),
        "model_failed",
    )
    assert "step 1" in stop.text
    assert session.continue_().reason is StopReason.END
    assert [session.results[each].error is None for each in range(3)] == [True, False, True]


def at_no_numbers():
    """A session at a step that had no numbers, in the first of two sentences."""
    session = session_of(PromptedModel(encoder=True, nan_at=1), "ah\nab", budget=1, **FOUR)
    session.start()
    session.continue_()
    return session


def test_a_step_without_numbers_has_no_search_to_come_to_again():
    session = at_no_numbers()
    session.step_back()
    assert places(session, "step_in", 3) == [(0, 1, "decoder"), (0, 1, "prediction"), (1, -1, "encoder")]
    assert place(session.step_back()) == (0, 0, "search")
    session.armed = Armed.of(rules=everything(session).rules)
    assert place(session.continue_()) == (1, 0, "search")


def test_going_to_a_step_without_numbers():
    session = at_no_numbers()
    session.step_back()
    assert place(session.goto(1)) == (0, 1, "prediction")
    with pytest.raises(S2sdapError) as refused:
        session.goto(1, "search")
    assert refused.value.name == "no_step_here"
    assert place(session.stop) == (0, 1, "prediction")


def test_a_step_without_numbers_that_was_let_go_comes_back_as_it_was(tmp_path):
    session = at_no_numbers()
    (*_, failed) = session.walk.branch.records
    assert session.continue_().reason is StopReason.END
    timeline = session.walk.timeline_of(0)
    timeline.drop()
    session.save(tmp_path / "saved.s2s")
    assert timeline.dropped
    while session.walk.number > 1:
        session.step_back(stage=True)
    assert place(session.stop) == (0, 1, "prediction")
    (*_, again) = session.walk.branch.records
    assert again.failed
    assert torch.isnan(again.sites["prediction.logits"]).all()
    assert_same(again.before, failed.before)


def test_an_edit_that_makes_logits_no_numbers_is_refused():
    session = session_of(rnn(), "ab", **FOUR)
    session.start()
    session.next()
    record = session.frame.record
    with pytest.raises(S2sdapError) as refused:
        session.edit_site("prediction.features", [3e38] * 6)
    assert refused.value.name == "model_failed"
    assert [branch.records for branch in session.walk.timeline.branches] == [[record]]


def test_a_model_without_encoder_that_fails_at_once_has_no_frame_and_no_way_back():
    session = session_of(PromptedModel(fails_at=0), "h\nab", **FOUR)
    stop = session.start()
    assert stop.reason is StopReason.ERROR
    assert stop.cursor.stage in session.model.layout.stages
    assert session.frames() == []
    with pytest.raises(S2sdapError) as refused:
        _ = session.frame
    assert refused.value.name == "no_step_here"
    with pytest.raises(S2sdapError) as refused:
        session.step_back()
    assert refused.value.name == "at_start"
    assert place(session.next()) == (1, 0, "decoder")


@pytest.mark.parametrize("encoder", [True, False])
def test_a_program_of_which_nothing_can_be_decoded(encoder):
    session = session_of(PromptedModel(encoder=encoder), "abcabcabc\nabcabcabcabc", **FOUR)
    assert session.start().reason is StopReason.END
    assert [each.error.name for each in session.results.values()] == ["source_too_long"] * 2
    with pytest.raises(S2sdapError) as refused:
        session.step_back()
    assert refused.value.name == "at_start"


def test_breakpoints_do_not_hide_a_failure():
    session = session_of(failing(), "ah\nab", **FOUR)
    session.armed = everything(session)
    session.start()
    stops = [session.stop]
    while session.stop.reason is not StopReason.END:
        stops.append(session.continue_())
    assert [each.reason for each in stops].count(StopReason.ERROR) == 1


def test_a_failed_sentence_keeps_its_records():
    session = session_of(failing(), "ah\nab", **FOUR)
    session.start()
    session.continue_()
    records = list(session.walk.branch.records)
    assert len(records) == 2
    finish(session)
    while session.walk.sentence.index if session.walk.placed else True:
        session.step_back()
    assert_same(session.walk.branch.records, records)
