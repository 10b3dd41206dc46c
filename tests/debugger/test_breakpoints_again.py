"""Breakpoints on the way back, changed on the way, met again after a restart, or that cannot be told."""

from arming import armed_session, at, on_change, on_line, on_token, steps, steps_where, stops
from driving import finish, place, places
from tiny_models import PromptedModel

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.stops import Motion, StopReason
from s2sdap.debugger.watch_rules import parse_rule


def all_kinds():
    return Armed.of(
        [on_line("step >= 2"), on_line("step >= 0", None, "never told going back", number=2)],
        [at("prediction", 'best == "x"', number=3), at("attention@4", number=4)],
        [parse_rule("smallMargin(margin < 0.03)")],
        tokens=[on_token(1, number=5), on_token(5, number=6)],
        data=[on_change("focus", number=7)],
    )


def test_going_back_stops_at_the_same_places_and_says_nothing():
    session = armed_session(all_kinds())
    there = stops(session)
    told = len(session.said)
    assert len({each.reason for each in there}) == 4
    back = stops(session, "reverse_continue")
    assert [(place(each), each.reason, each.breakpoints) for each in back] == [
        (place(each), each.reason, each.breakpoints) for each in reversed(there)
    ]
    assert len(session.said) == told == 8


def test_going_back_asks_no_hit_counts():
    session = armed_session(Armed.of([on_line("step >= 4", ">100")], [at("decoder", None, "=2", number=2)]))
    assert [place(each) for each in stops(session)] == [(0, 1, "decoder")]
    back = stops(session, "reverse_continue")
    searches = [place(each)[1] for each in back if place(each)[2] == "search"]
    assert searches == [7, 6, 5, 4]
    assert [place(each)[1] for each in back if place(each)[2] == "decoder"] == list(range(8))[::-1]


def test_going_back_over_steps_that_ran_before_stops_where_a_condition_first_held():
    held = steps_where('token == "x"')
    assert len(held) > 1
    session = armed_session(Armed())
    finish(session)
    session.armed = Armed.of([on_line('token == "x"')])
    assert steps(stops(session, "reverse_continue")) == held[:1]


def test_going_forward_again_over_records_counts_again():
    session = armed_session(Armed.of(stages=[at("prediction", None, "=6")]))
    assert session.continue_().cursor.step == 5
    session.armed = Armed()
    session.reverse_continue()
    session.armed = Armed.of(stages=[at("prediction", None, ">=8")])
    assert session.continue_().cursor.step == 1, "six times before, and twice now"


def test_what_is_armed_may_change_between_two_positions_of_a_run():
    session = armed_session(Armed())
    session.begin(Motion.CONTINUE)
    for _ in range(3):
        assert session.advance() is None
    session.armed = Armed.of([on_line("step >= 0")])
    stop = session.advance()
    assert (stop.reason, stop.cursor.step) == (StopReason.BREAKPOINT, 3)
    session.begin(Motion.CONTINUE)
    session.armed = Armed.of(stages=[at("decoder@4"), at("prediction@4", number=2)])
    assert place(session.advance()) == (0, 4, "decoder")
    session.armed = Armed()
    assert session.continue_().reason is StopReason.END


def test_a_restart_counts_from_the_start():
    session = armed_session(Armed.of([on_line("step >= 0", "=3"), on_line("step == 5", number=2)]))
    before = [(place(each), each.breakpoints) for each in stops(session)]
    assert before == [((0, 2, "search"), (1,)), ((0, 5, "search"), (2,))]
    session.restart()
    session.start()
    assert [(place(each), each.breakpoints) for each in stops(session)] == before


def test_a_model_without_encoder_has_its_sentences_stages_and_values():
    model = PromptedModel()
    armed = Armed.of(
        [on_line("step == 2"), on_line(line=1, number=2)],
        [at("decoder@1", number=3, model=model)],
        data=[on_change("step >= 3", number=4)],
    )
    session = armed_session(armed, "ab\ncd", model=model, max_length=4, min_length=4)
    assert [place(each) for each in stops(session)] == [
        (0, 1, "decoder"),
        (0, 2, "search"),
        (0, 3, "search"),
        (1, 0, "decoder"),
        (1, 1, "decoder"),
        (1, 3, "search"),
    ]


def test_a_condition_that_cannot_be_told_stops_with_its_column():
    session = armed_session(Armed.of([on_line("attention[99] > 0")]))
    assert places(session, "continue_", 2) == [(0, 0, "search"), (0, 1, "search")]
    assert (session.stop.reason, session.stop.error.name) == (StopReason.ERROR, "expression_value")
    assert session.stop.error.details["column"] == 1


def test_what_cannot_be_told_hides_no_message_and_no_count_of_another():
    armed = Armed.of(
        [on_line("step < 2 and attention[99] > 0"), on_line("step >= 0", None, "step {step}", number=2)],
        [at("attention", "step < 2 and attention[99] > 0", number=3), at("search", None, "=4", number=4)],
        [parse_rule("lowConfidence(step < 2 and prob('nowhere') > 0)")],
        data=[on_change("attention[99] if step < 2 else 0", number=5)],
    )
    session = armed_session(armed)
    found = stops(session)
    assert [(place(each)[1:], each.reason) for each in found] == [
        ((0, "attention"), StopReason.ERROR),
        ((0, "search"), StopReason.ERROR),
        ((1, "attention"), StopReason.ERROR),
        ((1, "search"), StopReason.ERROR),
        ((2, "search"), StopReason.ERROR),
        ((3, "search"), StopReason.STAGE),
    ]
    assert session.said == [(step, f"step {step}") for step in range(8)]
