"""Where each motion stops and why: stages, tokens, sentence borders, the ends, breakpoints, pauses."""

import threading

import pytest
from driving import everything, finish, place, places, session_of
from models.small_networks import small_config
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, Session, load_model
from s2sdap.debugger.breakpoints import Armed, SentenceBreakpoint, StageBreakpoint, stage_named
from s2sdap.debugger.breakpoints import place as place_of
from s2sdap.debugger.stops import Motion, StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.vocabulary.stages import Stage

LUONG = ("decoder", "attention", "prediction", "search")
BAHDANAU = ("attention", "decoder", "prediction", "search")
BARE = ("decoder", "prediction", "search")
TWO = {"max_length": 2, "min_length": 2}
"""Two tokens a sentence."""


def every_place(stages, sentences=2, *, encoder=True):
    return [
        (sentence, step, stage)
        for sentence in range(sentences)
        for step in (*((-1,) if encoder else ()), 0, 1)
        for stage in (("encoder",) if step == -1 else stages)
    ]


MODELS = {
    "luong": (rnn, LUONG, True),
    "bahdanau": (lambda: rnn(small_config(attention="concat", attention_query="previous")), BAHDANAU, True),
    "no attention": (lambda: rnn(small_config(attention="none")), BARE, True),
    "no encoder": (PromptedModel, BARE, False),
}


@pytest.fixture(params=MODELS)
def walked(request):
    """A session over two sentences with an empty line between, and its positions in order."""
    make, stages, encoder = MODELS[request.param]
    return session_of(make(), "ab\n\ncd", **TWO), every_place(stages, encoder=encoder)


def test_stages_one_by_one_there_and_back(walked):
    session, every = walked
    assert place(session.start()) == every[0]
    assert places(session, "step_in") == [*every[1:], None]
    assert places(session, "stage_back") == every[::-1]
    assert places(session, "step_in") == [*every[1:], None]


def is_token_stop(at, every):
    return at[2] == "search" or at in (every[0], every[len(every) // 2])


def test_tokens_one_by_one_there_and_back(walked):
    session, every = walked
    tokens = [at for at in every if is_token_stop(at, every)]
    session.start()
    assert places(session, "next") == [*tokens[1:], None]
    assert places(session, "step_back") == tokens[::-1]


def test_next_and_back_from_the_middle_of_a_step(walked):
    session, every = walked
    session.start()
    middle = next(at for at in every if at[1] == 1)
    while place(session.step_in()) != middle:
        pass
    assert place(session.next()) == (0, 1, "search")
    assert place(session.step_back(stage=True)) == (0, 1, "prediction")
    assert place(session.step_back()) == (0, 0, "search")


def test_to_the_end_of_the_sentence(walked):
    session, every = walked
    session.start()
    border = every[len(every) // 2]
    assert places(session, "step_out") == [(0, 1, "search"), border, (1, 1, "search"), None]
    assert set(session.results) == {0, 1}


def test_continue_and_reverse_continue_run_through(walked):
    session, every = walked
    session.start()
    assert session.continue_().reason is StopReason.END
    assert session.stop.cursor is None
    back = session.reverse_continue()
    assert (back.reason, place(back)) == (StopReason.ENTRY, every[0])
    with pytest.raises(S2sdapError) as refused:
        session.step_back()
    assert refused.value.name == "at_start"
    assert session.stop is back


def test_without_a_stop_on_entry_the_run_goes_on():
    session = session_of(rnn(), "ab\ncd", entry=False, **TWO)
    assert session.start().reason is StopReason.END
    armed = session_of(rnn(), "ab\ncd", entry=False, **TWO)
    armed.armed = Armed.of([SentenceBreakpoint(7, 1)])
    stop = armed.start()
    assert (stop.reason, place(stop), stop.breakpoints) == (StopReason.BREAKPOINT, (1, -1, "encoder"), (7,))


# ---------------------------------------------------------------- what is armed


def test_a_breakpoint_comes_before_the_entry_and_the_step():
    session = session_of(rnn(), "ab\n\ncd", **TWO)
    session.armed = Armed.of([SentenceBreakpoint(1, 0), SentenceBreakpoint(2, 2), SentenceBreakpoint(3, 2)])
    assert (session.start().reason, session.stop.breakpoints) == (StopReason.BREAKPOINT, (1,))
    assert session.next().reason is StopReason.STEP
    stop = session.continue_()
    assert (place(stop), stop.breakpoints) == ((1, -1, "encoder"), (2, 3))
    assert session.continue_().reason is StopReason.END


def test_stage_breakpoints_stop_at_each_coming():
    session = session_of(rnn(), "ab\ncd", **TWO)
    session.armed = Armed.of(stages=[StageBreakpoint.of(5, Stage.ATTENTION)])
    session.start()
    there = [(s, t, "attention") for s in (0, 1) for t in (0, 1)]
    assert places(session, "continue_") == [*there, None]
    assert places(session, "reverse_continue") == [*there[::-1], (0, -1, "encoder")]
    assert session.stop.reason is StopReason.ENTRY
    assert session.continue_().breakpoints == (5,)
    assert session.stop.reason is StopReason.STAGE


def test_a_rule_stops_at_the_leaders_choice_both_ways():
    session = session_of(rnn(), "abcdh", beam_size=3, n_best=3, max_length=6)
    session.armed = Armed.of(rules=[parse_rule("lowConfidence(step == 2 or step == 4)")])
    session.start()
    assert places(session, "continue_") == [(0, 2, "search"), (0, 4, "search"), None]
    stop = session.reverse_continue()
    assert (place(stop), stop.reason) == ((0, 4, "search"), StopReason.RULE)
    finding = stop.finding
    assert finding.condition == "step == 2 or step == 4"
    assert finding.token == session.evaluate("token")
    assert finding.p == session.evaluate("p")
    assert (finding.entropy, finding.margin) == (session.evaluate("entropy"), session.evaluate("margin"))
    assert finding.rank == session.evaluate("rank")
    assert list(finding.best) == session.top_tokens(5)
    assert finding.token in stop.text


def test_breakpoints_may_change_between_two_verbs_and_while_it_runs():
    session = session_of(rnn(), "ab\ncd", **TWO)
    session.start()
    session.armed = everything(session)
    assert session.continue_().reason is StopReason.STAGE
    session.armed = Armed()
    session.begin(Motion.NEXT)
    assert session.advance() is None
    session.armed = Armed.of(stages=[StageBreakpoint.of(1, Stage.PREDICTION)])
    stop = session.advance()
    assert (stop.reason, place(stop)) == (StopReason.STAGE, (0, 0, "prediction"))


def test_a_condition_that_cannot_be_told_stops_once_a_step_and_the_run_goes_on():
    session = session_of(rnn(), "ab", **TWO)
    session.armed = Armed.of(rules=[parse_rule("lowConfidence(attention[99] > 0)")])
    session.start()
    assert places(session, "continue_") == [(0, 0, "search"), (0, 1, "search"), None]
    session.step_back()
    assert session.stop.reason is StopReason.ERROR
    assert session.stop.error.name == "expression_value"


def test_a_breakpoint_finds_the_next_line_with_text():
    program = session_of(rnn(), "\nab\n\n\ncd\n").program
    assert [place_of(program, line).line for line in range(5)] == [1, 1, 4, 4, 4]
    with pytest.raises(S2sdapError, match="line 6") as refused:
        place_of(program, 5)
    assert refused.value.name == "no_sentence_there"


def test_a_stage_is_named_as_people_write_it():
    stages = rnn().layout.stages
    assert stage_named(" Attention ", stages) is Stage.ATTENTION
    with pytest.raises(S2sdapError) as refused:
        stage_named("attention", PromptedModel().layout.stages)
    assert refused.value.details["known"] == "decoder, prediction, search"


# ---------------------------------------------------------------- the ends, pause and close


def test_nothing_moves_before_the_start_and_after_the_end():
    session = session_of(rnn(), "ab", **TWO)
    for verb in (session.next, session.step_back, session.continue_):
        with pytest.raises(S2sdapError) as refused:
            verb()
        assert refused.value.name == "not_launched"
    with pytest.raises(S2sdapError):
        session.advance()
    session.start()
    finish(session)
    for verb in (session.next, session.step_in, session.step_out, session.continue_, lambda: session.frame):
        with pytest.raises(S2sdapError) as refused:
            verb()
        assert refused.value.name == "ended"
    assert session.hypotheses() == ()
    assert place(session.step_back()) == (0, 1, "search")


class Telling(PromptedModel):
    """Says when it is well into its decode."""

    def __init__(self):
        super().__init__()
        self.going = threading.Event()

    def step(self, encoded, state, tokens, probe, /):
        if state[1] == 20:
            self.going.set()
        return super().step(encoded, state, tokens, probe)


@pytest.mark.parametrize("end", ["pause", "close"])
def test_another_thread_stops_a_run(end):
    session = session_of(Telling(), "abc", max_length=100_000, min_length=100_000)
    session.start()
    stops = []
    runner = threading.Thread(target=lambda: stops.append(session.continue_()))
    runner.start()
    assert session.model.going.wait(100)
    getattr(session, end)()
    runner.join(100)
    assert not runner.is_alive()
    (stop,) = stops
    if end == "pause":
        assert stop.reason is StopReason.PAUSE
        assert stop.cursor == session.cursor
        assert session.next().reason is StopReason.STEP
    else:
        assert (stop.reason, stop.cursor) == (StopReason.END, None)
        with pytest.raises(S2sdapError) as refused:
            session.next()
        assert refused.value.name == "ended"


def test_a_pause_while_nothing_moves_does_not_linger():
    session = session_of(rnn(), "ab", **TWO)
    session.start()
    session.pause()
    assert session.continue_().reason is StopReason.END


def test_the_example_of_the_module():
    session = Session.open(model="dates", source="March 3, 1999")
    session.start()
    session.next()
    assert session.top_tokens(3)[0][0] == session.evaluate("token") == "1"
    session.force("2")
    session.continue_()
    assert session.results[0].text.startswith("2")
    again = Session.open(model=load_model("dates"), source="March 3, 1999", stop_on_entry=False)
    again.start()
    assert again.results[0].text == "1999-03-03"
