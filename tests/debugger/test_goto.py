"""Going to any computed step, starting a frame again, and what stops a run on its way back."""

import pytest
from driving import everything, finish, place, places, session_of
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError
from s2sdap.debugger.stops import StopReason

BEAM = {"beam_size": 3, "n_best": 3, "max_length": 6}


def at_step(step, model=None, **settings):
    session = session_of(model or rnn(), "abcdh", **(settings or BEAM))
    session.start()
    while session.cursor.step < step:
        session.next()
    return session


def test_every_computed_step_can_be_gone_to():
    session = at_step(4)
    tops = {}
    for step in range(5):
        stop = session.goto(step)
        assert (stop.reason, place(stop)) == (StopReason.GOTO, (0, step, "search"))
        tops[step] = session.top_tokens(3)
    assert place(session.goto(-1)) == (0, -1, "encoder")
    assert place(session.goto(2, "Attention")) == (0, 2, "attention")
    assert session.top_tokens(1)[0][0] == tops[2][0][0] if session.frame.has("prediction.logits") else True
    assert place(session.next()) == (0, 2, "search")
    assert session.top_tokens(3) == tops[2]


WRONG = {
    "a step that is not computed": (5, None, "no_such_step"),
    "before the encoder": (-2, None, "no_such_step"),
    "a stage that is none": (1, "somewhere", "unknown_stage"),
    "a stage of a step at the encoder": (-1, "search", "no_step_here"),
    "the encoder at a step": (1, "encoder", "unknown_stage"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_place_that_is_none_is_refused(case):
    step, stage, name = WRONG[case]
    session = at_step(4)
    before = session.cursor, session.stop
    with pytest.raises(S2sdapError) as refused:
        session.goto(step, stage)
    assert refused.value.name == name
    assert (session.cursor, session.stop) == before


def test_a_frame_is_started_again_with_its_hypothesis():
    session = at_step(4)
    for hypothesis in session.hypotheses():
        session.goto(4)
        frames = session.frames(hypothesis.id)
        for frame in frames[:-1]:
            stop = session.restart_frame(frame)
            assert (stop.reason, place(stop)) == (StopReason.RESTART, (0, frame.step, "decoder"))
            assert stop.cursor.hypothesis == frame.before.id
            session.goto(4)
        assert place(session.restart_frame(frames[-1])) == (0, -1, "encoder")


def test_a_frame_of_another_branch_cannot_be_started_again():
    session = at_step(3)
    frames = session.frames()
    session.force(5, frame=frames[1])
    with pytest.raises(S2sdapError) as refused:
        session.restart_frame(frames[0])
    assert refused.value.name == "other_branch"
    assert place(session.restart_frame(frames[2])) == (0, 1, "decoder"), "that step is shared"
    session.edit_site("encoder.states", [0.5] * 8, index=(0,))
    with pytest.raises(S2sdapError):
        session.restart_frame(frames[-1])


def test_without_an_encoder_the_first_step_is_the_first_place():
    session = at_step(2, PromptedModel(), max_length=4)
    assert place(session.goto(0, "decoder")) == (0, 0, "decoder")
    with pytest.raises(S2sdapError):
        session.goto(-1)


def test_going_back_stops_at_every_place_at_which_going_on_stopped():
    session = session_of(rnn(), "ab\ncd", beam_size=2, max_length=3)
    session.armed = everything(session)
    session.start()
    stops = [(place(session.stop), session.stop.reason)]
    while session.continue_().reason is not StopReason.END:
        stops.append((place(session.stop), session.stop.reason))
    back = []
    while not session.walk.at_program_start:
        session.reverse_continue()
        back.append((place(session.stop), session.stop.reason))
    assert back == stops[::-1]
    assert len({reason for _, reason in back}) == 2


def test_nothing_is_gone_to_past_the_end():
    session = at_step(1)
    finish(session)
    with pytest.raises(S2sdapError) as refused:
        session.goto(0)
    assert refused.value.name == "ended"
    assert places(session, "step_back")[-1] == (0, -1, "encoder")
