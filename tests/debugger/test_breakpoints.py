"""Where and why a run stops: each kind of breakpoint with its condition, hit count and message."""

import pytest
from arming import EIGHT, armed_session, at, on_change, on_line, on_token, steps, steps_where, stops
from driving import place, session_of
from tiny_models import rnn

from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.edits import SourceEdit

# ---------------------------------------------------------------- sentences


def test_a_sentence_with_a_condition_stops_at_the_first_step_where_it_holds():
    held = steps_where('token == "x" and step > 0')
    assert len(held) > 1
    session = armed_session(Armed.of([on_line('token == "x" and step > 0')]))
    (stop,) = stops(session)
    assert (stop.reason, place(stop), stop.breakpoints) == (
        StopReason.BREAKPOINT,
        (0, held[0], "search"),
        (1,),
    )
    assert stop.text == f'sentence 1, step {held[0]}: token == "x" and step > 0'


def test_a_condition_stops_once_in_each_sentence_and_in_no_other_line():
    armed = Armed.of([on_line("step > 1"), on_line("step > 2", line=2, number=2)])
    session = armed_session(armed, "aabbcc\nab\ncd")
    assert [place(each) for each in stops(session)] == [(0, 2, "search"), (2, 3, "search")]


def test_a_condition_on_the_sentence_alone_is_asked_at_its_start():
    armed = Armed.of([on_line("len(source) > 3"), on_line("len(source) > 3", line=1, number=2)])
    session = session_of(rnn(), "aabbcc\nab", **EIGHT)
    session.armed = armed
    stop = session.start()
    assert (stop.reason, place(stop), stop.breakpoints) == (StopReason.BREAKPOINT, (0, -1, "encoder"), (1,))
    assert session.continue_().reason is StopReason.END


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (">2", [3, 4, 5, 6, 7]),
        (">=2", [2, 3, 4, 5, 6, 7]),
        ("=5", [5]),
        ("5", [5]),
        ("==5", [5]),
        ("<3", [1, 2]),
        ("<=3", [1, 2, 3]),
        ("%3", [3, 6]),
        ("%10", []),
    ],
)
def test_hit_counts(written, expected):
    """The steps from 1 on are the times that the condition holds, the first of them the first."""
    session = armed_session(Armed.of([on_line("step >= 1", written)]))
    assert steps(stops(session)) == expected
    staged = armed_session(Armed.of(stages=[at("prediction", "step >= 1", written)]))
    assert steps(stops(staged)) == expected


def test_a_hit_count_without_a_condition_counts_the_times_that_a_sentence_begins():
    session = armed_session(Armed.of([on_line(None, "=2")]))
    assert stops(session) == []
    assert session.reverse_continue().reason is StopReason.BREAKPOINT, "counts are not asked going back"
    session.restart()
    assert session.start().reason is StopReason.ENTRY


# ---------------------------------------------------------------- log points


def test_a_log_point_writes_its_message_and_never_stops():
    session = armed_session(Armed.of([on_line("step >= 0", None, "{step}: {token} {{{p:.2f}}}")]))
    assert stops(session) == []
    told = []
    again = armed_session(Armed())
    while again.next().reason is not StopReason.END:
        told.append((again.cursor.step, again.evaluate("token"), again.evaluate("p")))
    assert session.said == [(step, f"{step}: {token} {{{p:.2f}}}") for step, token, p in told]


def test_a_log_point_without_a_condition_tells_of_the_sentence():
    session = armed_session(
        Armed.of([on_line(log="begins with {source[0]}, no token {token}", line=1)]), "ab\ncd"
    )
    assert stops(session) == []
    ((step, said),) = session.said
    assert step == -1
    assert said.startswith("begins with c, no token <")


def test_a_log_point_with_a_hit_count_writes_those_times_only():
    session = armed_session(Armed.of([on_line("step >= 0", "%3", "{step}")]))
    assert stops(session) == []
    assert session.said == [(2, "2"), (5, "5")]


def test_one_stop_hides_no_message_and_no_count_of_another():
    armed = Armed.of(
        [on_line("step >= 0", None, "step {step}"), on_line("step >= 0", "=4", number=2)],
        [at("search@3", number=3)],
        [parse_rule("lowConfidence(step <= 3)")],
        data=[on_change("step", number=4)],
    )
    session = armed_session(armed)
    found = stops(session)
    assert session.said == [(step, f"step {step}") for step in range(8)]
    assert steps(found) == list(range(8))
    third = found[3]
    assert (third.reason, third.breakpoints) == (StopReason.STAGE, (3,))
    only = armed_session(Armed.of([on_line("step >= 0", "=4", number=2)]))
    assert steps(stops(only)) == [3]


def test_breakpoints_of_one_place_are_all_named():
    session = armed_session(Armed.of([on_line("step == 2"), on_line("step >= 2", number=7)]))
    (stop,) = stops(session)
    assert stop.breakpoints == (1, 7)


# ---------------------------------------------------------------- source tokens


def runs_of_focus(position):
    """The steps at which a source token becomes the most attended."""
    return steps_where(f"focus == {position} and focus_run == 1")


def test_a_source_token_stops_when_it_becomes_the_most_attended():
    for position in (0, 1, 3):
        expected = runs_of_focus(position)
        found = stops(armed_session(Armed.of(tokens=[on_token(position)])))
        assert steps(found) == expected
        assert expected
        assert all(stop.reason is StopReason.BREAKPOINT and stop.breakpoints == (1,) for stop in found)
        assert all("is the most attended, with" in stop.text for stop in found)
    assert len(runs_of_focus(1)) < len(steps_where("focus == 1")), "not at each step that it is"


def test_a_source_token_that_was_never_the_most_attended_stops_at_the_end():
    assert steps_where("focus == 5") == []
    session = armed_session(Armed.of(tokens=[on_token(5)]))
    (stop,) = stops(session)
    assert (stop.reason, place(stop), stop.breakpoints) == (StopReason.BREAKPOINT, (0, 7, "search"), (1,))
    assert stop.text == "'c' was never the most attended"


def test_a_source_token_that_an_edit_took_away_stops_nowhere():
    session = armed_session(Armed.of(tokens=[on_token(5)]))
    session.edit(SourceEdit("ab"))
    assert session.continue_().reason is StopReason.END


def test_a_source_token_with_a_condition_a_count_and_a_message():
    first, second = runs_of_focus(1)
    assert steps(stops(armed_session(Armed.of(tokens=[on_token(1, f"step > {first}")])))) == [second]
    assert steps(stops(armed_session(Armed.of(tokens=[on_token(1, None, "=2")])))) == [second]
    session = armed_session(Armed.of(tokens=[on_token(1, log="at {step}")]))
    assert stops(session) == []
    assert session.said == [(step, f"at {step}") for step in (first, second)]


# ---------------------------------------------------------------- stages


def test_a_stage_at_a_step():
    session = armed_session(Armed.of(stages=[at("prediction@5")]), "aabbcc\nab")
    assert [place(each) for each in stops(session)] == [(0, 5, "prediction"), (1, 5, "prediction")]


def test_a_stage_at_a_token():
    chosen = steps_where('token == "x"')
    likeliest = steps_where('best == "x"')
    assert steps(stops(armed_session(Armed.of(stages=[at('search:"x"')])))) == chosen
    assert steps(stops(armed_session(Armed.of(stages=[at('prediction:"x"')])))) == likeliest
    number = rnn().target.find("x")
    assert steps(stops(armed_session(Armed.of(stages=[at(f'search:"#{number}"')])))) == chosen
    assert steps(stops(armed_session(Armed.of(stages=[at(f'search:"x"@{chosen[1]}')])))) == chosen[1:2]


def test_a_stage_narrowed_to_layer_and_head_tells_what_that_head_looks_at():
    session = armed_session(Armed.of(stages=[at("attention:L0.H0@1")]))
    stop = session.continue_()
    assert (stop.reason, place(stop)) == (StopReason.STAGE, (0, 1, "attention"))
    focus, weight = session.evaluate("focus"), session.evaluate("attention[focus]")
    assert stop.text == f"attention:L0.H0@1: focus {focus}, weight {weight:.3f}"


def test_a_stage_with_a_condition_and_a_hit_count():
    held = steps_where("focus == 1")
    assert steps(stops(armed_session(Armed.of(stages=[at("attention", "focus == 1")])))) == held
    assert steps(stops(armed_session(Armed.of(stages=[at("attention:L0", "focus == 1", "=2")])))) == held[1:2]
    assert steps(stops(armed_session(Armed.of(stages=[at("decoder", None, "%4")])))) == [3, 7]


def test_the_encoder_stage_is_met_once_a_sentence():
    session = session_of(rnn(), "ab\ncd", entry=False, **EIGHT)
    session.armed = Armed.of(stages=[at("encoder")])
    assert place(session.start()) == (0, -1, "encoder")
    assert [place(each) for each in stops(session)] == [(1, -1, "encoder")]


# ---------------------------------------------------------------- data breakpoints


def changes(expression, **settings):
    """The steps at which a value is another than at the step before, along a greedy decode."""
    values = []
    session = session_of(rnn(), "aabbcc", **(EIGHT | settings))
    session.start()
    while session.next().reason is not StopReason.END:
        values.append(session.evaluate(expression))
    return [step for step in range(1, len(values)) if values[step] != values[step - 1]]


@pytest.mark.parametrize(
    "written",
    [
        "focus",
        'rank_of("x")',
        'prob("x")',
        'prob("x") > 0.3',
        "token",
        "attention_at(0, 0)",
        "len(tokens) > 4",
    ],
)
def test_a_value_that_changes(written):
    expected = changes(written)
    found = stops(armed_session(Armed.of(data=[on_change(written)])))
    assert steps(found) == expected
    assert expected
    assert all((each.reason, each.breakpoints) == (StopReason.DATA, (1,)) for each in found)
    assert all(f"{written} was " in each.text and ", now " in each.text for each in found)


def test_a_value_that_never_changes_never_stops():
    assert (
        stops(armed_session(Armed.of(data=[on_change("sentence"), on_change("len(source)", number=2)]))) == []
    )


def test_a_change_with_a_condition_and_a_hit_count():
    changed = changes("focus")
    after = [step for step in changed if step > 2]
    assert steps(stops(armed_session(Armed.of(data=[on_change("focus", "step > 2")])))) == after
    assert steps(stops(armed_session(Armed.of(data=[on_change("focus", "step > 2", "=2")])))) == after[1:2]


def test_the_best_hypothesis_changes():
    settings = {"beam_size": 3, "max_length": 12, "min_length": 12}
    session = session_of(rnn(), "abcdh", **settings)
    session.start()
    outputs = []
    while session.next().reason is not StopReason.END:
        leader = session.hypotheses()[0]
        outputs.append(leader)
    overtaken = [step for step in range(1, len(outputs)) if outputs[step].parent is not outputs[step - 1]]
    assert overtaken, "this beam changes its mind"
    found = stops(armed_session(Armed.of(data=[on_change("best hypothesis")]), "abcdh", **settings))
    assert steps(found) == overtaken
    assert all(each.reason is StopReason.DATA and " led, now " in each.text for each in found)
    greedy = armed_session(Armed.of(data=[on_change("best hypothesis")]))
    assert stops(greedy) == []
