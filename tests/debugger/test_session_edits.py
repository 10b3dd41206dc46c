"""Edits through the session: new branches, honest numbers after them, and refusals that change nothing."""

import math

import pytest
from driving import do, finish, places, session_of
from models.small_networks import small_config
from same_records import assert_same, run_again
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, SearchSettings, Session, load_model
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.edits import SiteEdit, TokenEdit

BEAM = {"beam_size": 3, "n_best": 3, "max_length": 6}


def at_step(step, model=None, **settings):
    session = session_of(model or rnn(), "abcdh", **(settings or BEAM))
    session.start()
    while session.cursor.step < step or session.cursor.stage != "search":
        session.step_in()
    return session


def held(session):
    """All that an edit must not change when it is refused, and of an old branch when it is not."""
    branches = session.walk.timeline.branches
    return [(branch, branch.encoder, list(branch.records)) for branch in branches]


def test_an_edit_grows_a_branch_and_leaves_the_old_one_alone():
    session = at_step(3)
    finish(session)
    session.step_back(stage=True)
    old, records = session.walk.branch, list(session.walk.branch.records)
    texts = {site: value.clone() for site, value in records[2].sites.items()}
    frame = next(each for each in session.frames() if each.step == 2)
    stop = session.force("z", frame=frame)
    assert (stop.reason, stop.cursor.branch, stop.cursor.step) == (StopReason.EDIT, 1, 2)
    new = session.walk.branch
    assert (new.parent, new.fork, new.edits) == (0, 2, (TokenEdit(2, frame.before.id, 10 - 1),))
    assert all(mine is other for mine, other in zip(new.records[:2], old.records[:2], strict=True))
    assert len(new.records) == 3
    assert all(mine is other for mine, other in zip(old.records, records, strict=True))
    for site, value in texts.items():
        assert (records[2].sites[site] == value).all()
    assert session.evaluate("token") == "z"
    finish(session)
    assert session.results[0].branch == 1
    assert session.results[0].outputs[0].pieces[2] == "z"


@pytest.mark.parametrize("verbs", [[], ["next", "next", "step_back"], ["step_in", "stage_back"]])
def test_a_fresh_run_with_the_same_edits_is_the_branch(verbs):
    session = at_step(2)
    session.edit_attention(1, 0.9)
    for verb in verbs:
        do(session, verb)
    session.force("y")
    session.edit_site("encoder.states", [0.1] * 8, index=(2,))
    session.next()
    session.next()
    session.edit_site("prediction.logits", [0.0] * 11)
    session.next()
    session.edit_attention(0, 1.0)
    finish(session)
    session.step_back(stage=True)
    branch = session.walk.branch
    encoder, records = run_again(session.walk.timeline.decode, branch.edits)
    assert_same(branch.encoder, encoder)
    assert_same(branch.records, records)
    assert {edit.step for edit in branch.edits} == {-1, 1, 2}
    assert len(session.walk.timeline.branches) == 6


def test_attention_edits_keep_a_distribution_and_the_numbers_follow():
    session = at_step(1)
    row = session.evaluate("attention")
    session.edit_attention(3, 0.7)
    edited = session.evaluate("attention")
    assert edited[3] == pytest.approx(0.7, abs=1e-6)
    assert math.fsum(edited) == pytest.approx(1.0, abs=1e-6)
    assert edited[0] / edited[1] == pytest.approx(row[0] / row[1], rel=1e-5)
    states = session.frame.encoder.sites["encoder.states"].double()
    by_hand = sum(weight * state for weight, state in zip(edited, states, strict=True)).tolist()
    assert session.evaluate("context") == pytest.approx(by_hand, abs=1e-5)
    assert session.attention()[1].tolist() == pytest.approx(edited)
    session.set_attention([2.0, 0.0, 0.0, 0.0, 6.0])
    assert session.evaluate("attention") == [0.25, 0, 0, 0, 0.75]
    assert len(session.walk.branch.edits) == 1


def test_another_attention_leads_the_bundled_model_elsewhere():
    session = session_of(load_model("dates"), "March 3, 1999")
    session.start()
    session.next()
    before = session.top_tokens(3)
    session.edit_attention(0, 1.0)
    assert session.top_tokens(3) != before
    assert session.evaluate("focus") == 0


def test_an_edit_before_search_stays_at_its_stage():
    session = at_step(1)
    session.step_in()
    session.step_in()
    assert session.cursor.stage == "attention"
    stop = session.edit_attention(2, 1.0)
    assert (stop.cursor.stage, stop.cursor.step) == ("attention", 2)
    assert session.evaluate("focus") == 2
    session.force("u")
    assert session.cursor.stage == "attention"
    session.next()
    assert (session.cursor.step, session.evaluate("token")) == (2, "u")


def test_the_followed_hypothesis_is_the_one_that_was_edited():
    session = at_step(2)
    other = session.hypotheses()[-1].id
    session.follow(other)
    assert session.stop.cursor.hypothesis == other
    parent = session.frame.before
    session.force("x")
    chosen = next(each for each in session.hypotheses() if each.id == session.cursor.hypothesis)
    assert chosen.tokens == (*parent.tokens, session.model.target.find("x"))
    assert chosen.forced
    finish(session)
    assert session.results[0].outputs[0].tokens[:3] == chosen.tokens


def test_a_forced_end_ends_a_greedy_decode():
    session = at_step(1, max_length=6, min_length=6)
    session.force("</s>")
    assert len(session.results[0].outputs[0].tokens) == 2
    assert session.continue_().reason is StopReason.END


def test_an_edit_after_the_end_replaces_the_result_and_walks_on_from_there():
    session = at_step(1, max_length=4, min_length=4)
    finish(session)
    first = session.results[0]
    session.reverse_continue()
    assert session.results[0] is first
    session.next()
    session.force("w")
    assert session.results[0] is first
    assert places(session, "next") == [(0, 1, "search"), (0, 2, "search"), (0, 3, "search"), None]
    assert session.results[0].branch == 1


# ---------------------------------------------------------------- refusals


def refusals(session):
    """Name of the error, and what is refused with it."""
    yield "bad_attention", lambda: session.edit_attention(0, -0.1)
    yield "bad_attention", lambda: session.edit_attention(0, 1.1)
    yield "bad_attention", lambda: session.edit_attention(0, math.nan)
    yield "bad_attention", lambda: session.edit_attention(5, 0.5)
    yield "bad_attention", lambda: session.edit_attention(-1, 0.5)
    yield "bad_attention", lambda: session.set_attention([0.0] * 5)
    yield "bad_attention", lambda: session.set_attention([1.0, -1.0, 0.0, 0.0, 0.0])
    yield "bad_attention", lambda: session.set_attention([])
    yield "bad_value", lambda: session.set_attention([0.5, 0.5])
    yield "bad_value", lambda: session.set_attention([0.2] * 5, layer=3, head=0)
    yield "bad_value", lambda: session.edit_attention(0, 0.5, layer=3)
    yield "bad_value", lambda: session.edit_site("decoder.state", [1.0])
    yield "bad_value", lambda: session.edit_site("decoder.state", [math.nan] * 6)
    yield "bad_value", lambda: session.edit_site("decoder.state", [1e39] * 6)
    yield "bad_value", lambda: session.edit_site("encoder.states", [1.0] * 3, index=(0,))
    yield "no_such_site", lambda: session.edit_site("decoder.cells", [1.0])
    yield "no_such_site", lambda: session.edit_site("nowhere", [1.0])
    yield "no_such_site", lambda: session.edit(SiteEdit(-1, None, "decoder.state", (1.0,) * 6))
    yield "unknown_token", lambda: session.force("nothing")
    yield "unknown_token", lambda: session.force("#11")
    yield "unknown_token", lambda: session.force(-1)
    yield "no_such_step", lambda: session.edit(TokenEdit(99, 1, 4))
    yield "no_such_step", lambda: session.edit(TokenEdit(-2, 1, 4))
    yield "no_step_here", lambda: session.edit(TokenEdit(-1, 1, 4))
    yield "unknown_thread", lambda: session.edit(TokenEdit(1, 99, 4))
    yield "unknown_thread", lambda: session.follow(99)
    yield "unknown_thread", lambda: session.frames(99)


def test_a_refused_edit_leaves_everything_as_it_was():
    session = at_step(2)
    session.force("u")
    before = held(session), session.cursor, session.stop, session.top_tokens(), dict(session.results)
    for name, attempt in refusals(session):
        with pytest.raises(S2sdapError) as refused:
            attempt()
        assert refused.value.name == name
        assert (
            held(session),
            session.cursor,
            session.stop,
            session.top_tokens(),
            dict(session.results),
        ) == before
    session.next()
    assert session.cursor.step == 3


def test_an_unknown_token_names_the_nearest():
    session = session_of(PromptedModel(), "ab", max_length=3)
    session.start()
    with pytest.raises(S2sdapError, match="did you mean '<unk>'"):
        session.force("<unknown>")
    with pytest.raises(S2sdapError, match=r"'qqqq' is not in the target vocabulary\."):
        session.force("qqqq")


def test_there_is_no_token_at_the_encoder():
    session = session_of(rnn(), "ab", max_length=3)
    session.start()
    for attempt in (
        lambda: session.force("u"),
        lambda: session.edit_attention(0, 1.0),
        lambda: session.edit_site("decoder.state", [0.0] * 6),
        session.top_tokens,
    ):
        with pytest.raises(S2sdapError) as refused:
            attempt()
        assert refused.value.name == "no_step_here"
    session.edit_site("encoder.states", [0.0] * 8, index=(0,))
    assert session.cursor.branch == 1
    session.next()
    assert session.evaluate("step") == 0


def test_a_model_without_attention_has_none_to_edit_or_to_show():
    session = at_step(1, rnn(small_config(attention="none")), max_length=3)
    for attempt in (
        lambda: session.edit_attention(0, 1.0),
        lambda: session.set_attention([1.0] * 5),
        lambda: session.edit_site("attention.weights", [1.0] * 5),
        *(lambda name=name: session.evaluate(name) for name in ("attention", "coverage", "context")),
    ):
        with pytest.raises(S2sdapError) as refused:
            attempt()
        assert refused.value.name == "no_such_site"
    assert session.evaluate("focus") is None
    assert session.attention().shape == (0, 5)


def test_what_is_not_computed_yet_is_not_shown():
    session = at_step(1)
    session.step_in()
    for name in ("attention", "context", "logits", "p"):
        with pytest.raises(S2sdapError) as refused:
            session.evaluate(name)
        assert refused.value.name == "not_yet"
    with pytest.raises(S2sdapError):
        session.edit_attention(0, 1.0)
    assert len(session.evaluate("state")) == 6


@pytest.mark.parametrize(
    ("settings", "error"),
    [({"prefix": "Ω"}, "bad_setting"), ({"prefix": "2005", "max_length": 4}, "settings_clash")],
)
def test_a_prefix_that_cannot_be_written_is_refused_at_once(settings, error):
    with pytest.raises(S2sdapError) as refused:
        Session.open("dates", source="May 1, 2001", settings=SearchSettings(**settings))
    assert refused.value.name == error


def test_a_row_stays_a_distribution_and_log_probs_follow_from_logits():
    session = Session.open("dates", source="May 1, 2001")
    session.start()
    session.next()
    size = len("May 1, 2001")
    session.edit_site("attention.weights", [2.0] * size, index=(0, 0))
    assert sum(session.evaluate("attention")) == pytest.approx(1.0, abs=1e-6)
    for site, values, index, error in (
        ("attention.weights", [5.0, -3.0, *[0.0] * (size - 2)], (0, 0), "bad_attention"),
        ("attention.weights", [1.0], (0, 0, 3), "bad_value"),
        ("prediction.logprobs", [5.0] * 15, (), "not_editable"),
    ):
        with pytest.raises(S2sdapError) as refused:
            session.edit_site(site, values, index=index)
        assert refused.value.name == error
