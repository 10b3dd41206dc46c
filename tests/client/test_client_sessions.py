"""Whole sessions with the real adapter, over each way to reach it."""

import math

import pytest

from s2sdap.client import Debugger, Refused, S2sdapError

DATES = ("March 3, 1999", "24. Okt", "", "Ides of March 2044")


@pytest.fixture(params=["stdio", "tcp", "websocket"])
def debugger(request):
    if request.param == "stdio":
        made = Debugger.spawn(timeout=100)
    else:
        served = request.getfixturevalue("served")
        made = Debugger.connect_address(getattr(served, request.param), token_file=served.token_file)
    with made as debugger:
        yield debugger


@pytest.fixture
def session(served):
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as debugger:
        yield debugger


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "dates.txt"
    path.write_text("\n".join(DATES) + "\n", "utf-8")
    return path


def texts(debugger):
    return [result.outputs[0].text for result in debugger.results()]


# ---- over every transport ------------------------------------------------------------------------


def test_a_session_reads_like_a_debugger(debugger):
    stop = debugger.launch(source="March 3, 1999")
    assert (stop.reason, stop.ended) == ("entry", False)
    assert debugger.step().stage == "encoder"

    stop = debugger.next()
    assert stop.reason == "step"
    step = debugger.step(top=3)
    assert (step.step, step.stage, step.token.piece) == (0, "search", "1")
    assert [token.piece for token in step.source] == list("March 3, 1999")
    assert step.top[0] == step.token
    assert 0 < step.token.p <= 1
    assert math.log(step.token.p) == pytest.approx(step.token.logp)
    assert debugger.evaluate("token").result == "'1'"
    assert len(debugger.top_tokens(4)) == 4

    debugger.next()
    attention = debugger.attention()
    assert attention.shape == (2, len("March 3, 1999"))
    assert attention.dtype == "float64"
    assert attention.sum(axis=1) == pytest.approx([1.0, 1.0])

    stop = debugger.continue_()
    assert (stop.reason, stop.ended) == ("end", True)
    assert texts(debugger) == ["1999-03-03"]
    assert [event.name for event in debugger.events("s2s/result", "exited", "terminated")] == [
        "s2s/result",
        "exited",
        "terminated",
    ]


def test_a_forced_token_changes_the_output(debugger):
    debugger.launch(source="March 3, 1999")
    debugger.next()
    edit = debugger.force("2")
    assert (edit.step, edit.branch) == (0, 1)
    assert debugger.step().token.piece == "2"
    assert debugger.next().reason == "step"  # the stop of this step, not one that the edit made
    assert debugger.step().step == 1
    assert debugger.continue_().ended
    (result,) = debugger.results()
    assert result.branch == 1
    assert result.outputs[0].text.startswith("2")


@pytest.mark.parametrize(
    "rules", ["lowConfidence", {"lowConfidence": ""}, {"lowConfidence": " "}, {"lowConfidence": None}]
)
def test_a_rule_alone_or_with_a_blank_condition_has_its_own(debugger, rules):
    stop = debugger.launch(source="24. Okt", stop_on_entry=False, rules=rules)
    assert stop.reason == "exception"
    assert "p < 0.5" in debugger.exception_info().description


def test_a_program_with_breakpoints_stages_and_rules(debugger, program):
    stop = debugger.launch(program=program, stop_on_entry=False, breakpoints={2, 3}, rules=["lowConfidence"])
    assert stop.reason == "breakpoint"
    assert debugger.step().line == 1
    assert len(stop.breakpoints) == 1

    stop = debugger.continue_()
    assert stop.reason == "exception"
    why = debugger.exception_info()
    assert why.exception_id == "lowConfidence"
    assert "p < 0.5" in why.description
    assert why.details.message.count("p = ") > 2
    assert debugger.step().token.p < 0.5

    debugger.watch({})
    stop = debugger.continue_()  # line 3 is empty: its breakpoint stands on line 4
    assert stop.reason == "breakpoint"
    assert debugger.step().line == 3

    debugger.set_breakpoints([])
    debugger.set_stages(["attention"])
    stop = debugger.continue_()
    assert stop.reason == "function breakpoint"
    assert debugger.step().stage == "attention"
    debugger.set_stages([])
    assert debugger.continue_().ended
    assert texts(debugger)[0] == "1999-03-03"
    assert len(texts(debugger)) == 3


# ---- launching -----------------------------------------------------------------------------------


def test_search_settings_are_keywords_in_snake_case(session):
    session.launch(source="24. Okt", search={"n_best": 2}, beam_size=3)
    session.next()
    session.next()
    assert len(session.threads()) == 3
    assert len(session.beam().steps[1].hypotheses) == 3
    session.continue_()
    assert len(session.results()[0].outputs) == 2


@pytest.mark.parametrize(
    ("launch", "name"),
    [
        ({}, "no_program"),
        ({"source": "x", "program": "y"}, "two_programs"),
        ({"program": "nonexistent.txt"}, "program_missing"),
        ({"source": "x", "beam_siz": 3}, "unknown_setting"),
        ({"source": "x", "beam_size": 0}, "bad_setting"),
        ({"source": "x", "model": "nonexistent"}, "unknown_model"),
        ({"source": "x", "watch_rules": ["nonsense"]}, "unknown_watch_rule"),
        ({"source": "x", "rules": ["nonsense"]}, "unknown_watch_rule"),
        ({"source": "x", "rules": {"lowConfidence": "p <"}}, "expression_syntax"),
        ({"source": "x", "breakpoints": [2]}, "no_sentence_there"),
        ({"source": "x", "stages": ["nonsense"]}, "unknown_stage"),
    ],
)
def test_what_a_launch_is_refused_for(session, launch, name):
    with pytest.raises(Refused) as caught:
        session.launch(**launch)
    assert caught.value.name == name


def test_a_launch_that_was_refused_can_be_mended(session):
    with pytest.raises(Refused, match="S2S1007"):
        session.launch()
    stop = session.launch(source="March 3, 1999")
    assert stop.reason == "entry"
    with pytest.raises(Refused) as caught:
        session.launch(source="March 3, 1999")
    assert caught.value.name == "already_launched"
    assert session.stop is stop


def test_an_inline_source_takes_breakpoints(session):
    stop = session.launch(source="March 3, 1999\nMarch 4, 1999", stop_on_entry=False, breakpoints=[2])
    assert stop.reason == "breakpoint"
    assert session.step().output == ""
    assert texts(session) == ["1999-03-03"]


# ---- verbs ---------------------------------------------------------------------------------------


def test_back_and_forth(session):
    session.launch(source="March 3, 1999")
    for _ in range(3):
        session.next()
    assert session.step().step == 2
    session.step_back()
    assert session.step().step == 1
    session.step_back(stage=True)
    assert (session.step().step, session.step().stage) == (1, "prediction")
    session.step_in()
    assert session.step().stage == "search"
    assert session.reverse_continue().reason == "entry"
    with pytest.raises(Refused) as caught:
        session.step_back()
    assert caught.value.name == "at_start"
    assert session.stop.reason == "entry"  # the refused step left it where it was
    session.step_out()
    assert session.step().output == "1999-03-03"
    assert session.next().ended


def test_looking_as_an_editor_does(session):
    session.launch(source="March 3, 1999")
    session.next()
    session.next()
    frames = session.stack_trace()
    assert [frame.line for frame in frames] == [1] * len(frames)
    assert len(session.stack_trace(start=1, levels=1)) == 1
    older = session.scopes(frames[1].id)
    assert session.scopes()[0].name == older[0].name
    assert "output" in {variable.name for variable in session.variables(older[0].variables_reference)}
    assert session.evaluate("step", frame_id=frames[1].id).result == "0"
    assert session.threads()[0].id == session.stop.hypothesis
    assert session.request("stackTrace", thread_id=session.stop.hypothesis)["totalFrames"] == len(frames)


def test_setting_a_variable_is_an_edit_too(session):
    session.launch(source="March 3, 1999")
    session.next()
    scopes = session.scopes()
    found = [
        (scope.variables_reference, variable.name)
        for scope in scopes
        for variable in session.variables(scope.variables_reference)
        if variable.name == "token"
    ]
    session.set_variable(*found[0], "2")
    assert session.step().token.piece == "2"
    assert session.continue_().ended
    assert texts(session)[0].startswith("2")


def test_edits_of_attention_and_of_a_site(session):
    session.launch(source="March 3, 1999")
    session.next()
    session.edit_attention(4, 0.75)
    assert session.step().attention[4] == pytest.approx(0.75)
    session.set_attention([1.0] * 13)
    assert session.step().attention == pytest.approx([1 / 13] * 13)
    session.edit_site("attention.weights", [1.0] + [0.0] * 12, index=(0, 0))
    assert session.step().focus == 0
    assert session.attention(layer=0, head=0)[0, 0] == pytest.approx(1.0)
    with pytest.raises(Refused) as caught:
        session.edit_site("nonsense", [1.0])
    assert caught.value.name == "no_such_site"
    with pytest.raises(Refused) as caught:
        session.force("nonsense")
    assert caught.value.name == "unknown_token"


def test_a_long_run_is_paused_and_goes_on(session, tmp_path):
    program = tmp_path / "long.txt"
    program.write_text("March 3, 1999\n" * 20_000)
    session.launch(program=program)
    session.resume()
    assert session.stop is None
    stop = session.pause()
    assert stop.reason == "pause"
    assert session.pause() is stop  # already
    assert session.next().reason == "step"
    with pytest.raises(Refused):
        session.exception_info()
    session.set_breakpoints([session.step().line + 10])
    session.resume()
    assert session.wait_for_stop().reason == "breakpoint"
    assert session.terminate().ended
    assert session.terminate().ended
    with pytest.raises(Refused, match="S2S4004"):
        session.resume()
    assert session.pause().ended


def test_a_wait_that_is_too_short_says_so_and_loses_nothing(session, tmp_path):
    program = tmp_path / "long.txt"
    program.write_text("March 3, 1999\n" * 20_000)
    session.launch(program=program)
    with pytest.raises(S2sdapError) as caught:
        session.continue_(timeout=0.05)
    assert caught.value.name == "no_answer"
    assert session.pause().reason == "pause"


def test_restart_begins_again_with_what_is_armed(session):
    session.launch(source="March 3, 1999", stop_on_entry=False)
    assert session.stop.ended
    session.set_stages(["prediction"])
    assert session.restart().reason == "function breakpoint"
    assert session.results() == []


def test_after_the_end_the_connection_is_closed_from_this_side(session):
    session.launch(source="March 3, 1999")
    session.disconnect()
    session.disconnect()
    with pytest.raises(S2sdapError) as caught:
        session.next()
    assert caught.value.number == 5202


def test_a_session_is_saved_opened_and_replayed(session, served, tmp_path):
    session.launch(source="March 3, 1999", beam_size=2)
    session.next()
    session.force("2")
    session.step_out()
    shown = [(each.piece, each.p) for each in session.top_tokens(4)]
    saved = session.save(tmp_path / "session.s2s")
    assert (saved.sentences, saved.size) == (1, (tmp_path / "session.s2s").stat().st_size)
    with Debugger.connect_address(served.tcp, token_file=served.token_file) as recorded:
        recorded.launch(session=tmp_path / "session.s2s")
        assert [(each.piece, each.p) for each in recorded.top_tokens(4)] == shown
        with pytest.raises(Refused, match="recording of dates"):
            recorded.force("1")
        found = recorded.replay()
        assert found.identical
        assert [each.branch for each in found.branches] == [0, 1]
    assert session.replay(tmp_path / "session.s2s", model="dates").same_model
