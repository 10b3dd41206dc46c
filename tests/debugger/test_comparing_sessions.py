"""Sides found in a session: branches, sentences, hypotheses, recordings. The session stays as it is."""

import pytest
from comparing import compare, done
from driving import session_of
from same_records import assert_same
from tiny_models import rnn

from s2sdap import Session
from s2sdap.debugger.comparing.runs import best_run
from s2sdap.debugger.comparing.sides import Side, find, finish, seek
from s2sdap.debugger.comparing.whereabouts import Outcome
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.edits import SettingEdit, SourceEdit
from s2sdap.decoding.settings import SearchSettings
from s2sdap.vocabulary.errors import S2sdapError

SETTINGS = {"beam_size": 2, "n_best": 2, "max_length": 8}


@pytest.fixture
def session():
    session = session_of(rnn(), "abcdh\nabc\nhgf", reference="xyx\nuv\nw", **SETTINGS)
    session.start()
    session.next()
    session.next()
    return session


def run_of(session, loaded=None, **side):
    return done(finish(find(session, Side(**side), loaded)))


def test_the_current_branch_is_run_to_its_end_beside_the_session(session):
    before = session.cursor, list(session.walk.branch.records), dict(session.results)
    run = run_of(session)
    assert run.text == decode(rnn(), "abcdh", SearchSettings(**SETTINGS))[0].text
    assert len(run.records) > len(before[1])
    assert (session.cursor, session.walk.branch.records, session.results) == before
    ahead = run.records
    session.step_out()
    assert_same(tuple(session.walk.branch.records), ahead)  # what the session then computed is the same


def test_another_sentence_whether_it_was_decoded_or_not(session):
    expected = decode(rnn(), "abc", SearchSettings(**SETTINGS), sentence=1)[0]
    assert run_of(session, sentence=1).tokens == expected.tokens
    assert session.walk.timeline_of(1) is None
    session.continue_()
    session.reverse_continue()
    assert run_of(session, sentence=1).tokens == expected.tokens


def test_a_sentence_with_edits_is_compared_as_it_stands(session):
    session.force("w")
    edited = run_of(session)
    while session.cursor.sentence == 0:
        session.next()
    assert run_of(session, sentence=0).tokens == edited.tokens
    timeline = session.walk.timeline_of(0)
    timeline.drop()  # as where memory is short
    again = run_of(session, sentence=0)
    assert timeline.dropped
    assert_same(again.records, edited.records)
    plain = run_of(session, sentence=0, branch=0)
    assert plain.tokens == decode(rnn(), "abcdh", SearchSettings(**SETTINGS))[0].tokens
    assert compare(plain, edited).divergence is not None


def test_a_reference_is_forced_through_the_sentence_that_is_named(session):
    for sentence, (text, reference) in enumerate((("abcdh", "xyx"), ("abc", "uv"), ("hgf", "w"))):
        run = run_of(session, sentence=sentence, reference=True)
        assert run.hypothesis.score == score(rnn(), text, reference).score
    assert run_of(session, reference="wv").hypothesis.score == score(rnn(), "abcdh", "wv").score


def test_another_model_and_other_settings(session):
    other = rnn(seed=8)
    run = run_of(session, other, model="other")
    assert run.model is other
    assert run.tokens == decode(other, "abcdh", SearchSettings(**SETTINGS))[0].tokens
    wide = run_of(session, search={"beam_size": 4})
    settings = SearchSettings(**{**SETTINGS, "beam_size": 4})
    assert wide.tokens == decode(rnn(), "abcdh", settings)[0].tokens
    assert wide.label == "beamSize=4"


def test_a_source_that_was_changed_is_what_the_other_side_reads(session):
    session.apply((SourceEdit("hgf"),))
    session.name_branch(1, "shorter")
    changed = run_of(session)
    assert changed.label == "branch 1 'shorter'"
    expected = decode(rnn(), "hgf", SearchSettings(**SETTINGS))[0].tokens
    assert changed.tokens == expected
    assert run_of(session, rnn(), model="again").tokens == expected
    assert run_of(session, reference="xyx").hypothesis.score == score(rnn(), "hgf", "xyx").score
    parted = compare(run_of(session, branch=0), changed)
    assert parted.absent == {"attention": "the sources have 5 and 3 tokens"}


def test_settings_that_change_on_the_way_are_those_of_the_branch(session):
    session.apply((SettingEdit(1, "noRepeatNgram", 1), SettingEdit(1, "beamSize", 3)))
    edited = run_of(session)
    session.step_out()
    best = session.walk.branch.plan.best(session.walk.branch.tip)
    assert edited.tokens == best[0].tokens
    assert len(set(edited.tokens)) == len(edited.tokens)


def test_a_hypothesis_goes_no_further_than_it_has_come(session):
    for hypothesis in session.hypotheses():
        run = run_of(session, hypothesis=hypothesis.id)
        assert run.hypothesis is hypothesis
        assert len(run.nodes) == len(run.records) == 2
    session.step_back()
    session.step_back(stage=True)
    with pytest.raises(S2sdapError) as caught:
        run_of(session, hypothesis=99)
    assert caught.value.name == "no_hypothesis"


def test_where_the_reference_of_a_session_went(session):
    sought = done(seek(find(session, Side(reference=True))))
    assert sought.reference.text == "xyx"
    assert sought.whole
    assert sought.forced.tokens == sought.reference.tokens
    assert sought.whereabouts.outcome is not Outcome.OUTPUT
    best = run_of(session).text
    assert done(seek(find(session, Side(sentence=1, reference="uv")))).reference.text == "uv"
    assert "<unk>" in best or done(seek(find(session, Side(reference=best)))).whereabouts.place == 0


def test_a_recording_is_compared_as_far_as_it_goes(session, tmp_path):
    session.force("w")
    session.save(tmp_path / "session.s2sdap")
    recording = Session.open_recording(tmp_path / "session.s2sdap")
    recording.start()
    branches = session.walk.timeline.branches
    runs = [best_run("live", session.walk.timeline.decode, each.encoder, each.records) for each in branches]
    live, recorded = compare(*runs), compare(run_of(recording, branch=0), run_of(recording))
    assert recorded.divergence == live.divergence
    assert done(recorded.rows()) == done(live.rows())
    sought = done(seek(find(recording, Side(reference=True))))
    assert sought.forced is None
    assert not sought.whole
    assert sought.whereabouts.outcome in (Outcome.NEVER, Outcome.PRUNED, Outcome.OPEN)
    with pytest.raises(S2sdapError, match="cannot be forced along a reference") as caught:
        run_of(recording, reference=True)
    assert caught.value.name == "post_mortem"
    with pytest.raises(S2sdapError) as caught:
        run_of(recording, branch=0, reference="another")
    assert caught.value.name == "not_recorded"


def test_a_recording_decodes_nothing_anew_and_says_so(session, tmp_path):
    session.save(tmp_path / "session.s2sdap")
    recording = Session.open_recording(tmp_path / "session.s2sdap")
    recording.start()
    for side, what in (
        ({"search": {"beam_size": 4}}, "decode under other settings"),
        ({"generation": {"num_beams": 4}}, "decode under other settings"),
        ({"sentence": 1}, "decode a sentence that it does not hold"),
    ):
        with pytest.raises(S2sdapError, match=f"recording of rnn-7, which cannot {what}") as caught:
            run_of(recording, **side)
        assert caught.value.name == "post_mortem"
    other = run_of(recording, rnn(), model="another", search={"beam_size": 1, "n_best": 1})
    expected = decode(rnn(), "abcdh", SearchSettings(**{**SETTINGS, "beam_size": 1, "n_best": 1}))[0]
    assert other.tokens == expected.tokens
