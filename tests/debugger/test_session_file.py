"""A session in a file: every bit of it comes back without the model, and it walks as it walked."""

import math
import shutil
from pathlib import Path

import pytest
import torch
from driving import do, everything, finish, place, places, session_of
from models.hf_tiny import folder_of
from models.small_networks import small_config
from recordings import SEARCHES, assert_recorded, edited, reopened, shown
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, SearchSettings, Session, load_model
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.edits import LogitEdit, PruneEdit, ReviveEdit, SettingEdit, SourceEdit, TokenEdit
from s2sdap.decoding.generation.settings import GenerationSettings


@pytest.mark.parametrize("search", SEARCHES)
def test_every_bit_comes_back(tmp_path, search):
    session = edited(session_of(rnn(), "abcdh\nbah", reference="uv\nw", **SEARCHES[search]))
    recorded = reopened(session, tmp_path / "session.s2s")
    assert_recorded(session, recorded)
    assert recorded.results == session.results
    assert recorded.start().cursor == session.cursor
    assert shown(recorded) == shown(session)


def test_a_model_without_attention_or_encoder_comes_back(tmp_path):
    for number, model in enumerate((rnn(small_config(attention="none")), PromptedModel(letters="uvw"))):
        session = session_of(model, "abcd", beam_size=2, max_length=4)
        session.start()
        session.next()
        session.next()
        recorded = reopened(session, tmp_path / f"{number}.s2s")
        assert_recorded(session, recorded)
        recorded.start()
        assert shown(recorded) == shown(session)


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
@pytest.mark.parametrize("search", [{}, {"num_beams": 3, "num_return_sequences": 2}], ids=["greedy", "beam"])
@pytest.mark.parametrize("name", ["marian", "byt5", "llama"])
def test_hugging_face_models_come_back_without_their_folder(tmp_path, name, search):
    folder = tmp_path / name
    shutil.copytree(folder_of(name), folder)
    settings = GenerationSettings(given={"max_new_tokens": 6, **search})
    session = Session.open(f"hf:{folder}", source="the cat sat\nüber die Brücke", settings=settings)
    session.start()
    for _ in range(3):
        session.next()
    session.force(session.frame.top_tokens(2)[-1][0])
    session.continue_()
    session.step_back()
    session.save(tmp_path / "session.s2s")
    shutil.rmtree(folder)
    recorded = Session.open_recording(tmp_path / "session.s2s")
    assert_recorded(session, recorded)
    recorded.start()
    assert shown(recorded) == shown(session)
    with pytest.raises(S2sdapError):
        load_model(f"hf:{folder}")


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_tensors_of_bfloat16_keep_their_type(tmp_path):
    model = load_model(f"hf:{folder_of('bart')}", dtype="bfloat16")
    session = Session.open(model, source="the cat", settings=GenerationSettings(given={"max_new_tokens": 3}))
    session.start()
    session.next()
    recorded = reopened(session, tmp_path / "session.s2s")
    recorded.start()
    assert recorded.walk.branch.encoder.sites["encoder.states"].dtype is torch.bfloat16
    assert_recorded(session, recorded)


def test_a_recording_walks_as_the_session_walked(tmp_path):
    session = session_of(rnn(), "abcdh\nbah", beam_size=2, max_length=5)
    session.armed = everything(session)
    session.start()
    finish(session)
    recorded = reopened(session, tmp_path / "session.s2s")
    recorded.restart()
    session.restart()
    recorded._stop_on_entry = session._stop_on_entry = False
    for verb in ("start", "continue_", "next", "step_in", "step_out", "step_back", "stage_back", "step_out"):
        theirs, ours = do(session, verb), do(recorded, verb)
        assert (ours.reason, ours.cursor, ours.text) == (theirs.reason, theirs.cursor, theirs.text)
        assert shown(recorded) == shown(session)
    assert places(recorded, "continue_") == places(session, "continue_")
    assert places(recorded, "reverse_continue") == places(session, "reverse_continue")


def test_a_recording_stops_with_the_rule_it_was_saved_at(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6, entry=False)
    rules = ("lowConfidence(step == 2)", "highEntropy(step == 2)", "smallMargin(step > 1)")
    session.armed = Armed.of(rules=[parse_rule(each) for each in rules])
    stop = session.start()
    assert stop.reason is StopReason.RULE
    assert [each.rule for each in stop.also] == ["highEntropy", "smallMargin"]
    recorded = reopened(session, tmp_path / "session.s2s")
    again = recorded.start()
    assert again == stop
    assert recorded.armed.rules[0].condition.text == "step == 2"


def test_a_recording_keeps_the_traceback_of_a_model_that_failed(tmp_path):
    session = session_of(PromptedModel(encoder=True, fails_at=2), "abh", entry=False)
    stop = session.start()
    recorded = reopened(session, tmp_path / "session.s2s")
    again = recorded.start()
    assert again.error == stop.error
    assert "no step 2 for me" in again.traceback
    assert again.cursor == stop.cursor
    assert recorded.results[0].error == stop.error


def test_a_recording_of_half_a_decode_ends_where_it_ends(tmp_path):
    session = session_of(rnn(), "abcdh\nbah", max_length=6)
    session.start()
    session.next()
    session.next()
    recorded = reopened(session, tmp_path / "session.s2s")
    assert place(recorded.start()) == (0, 1, "search")
    assert recorded.next().reason is StopReason.END
    assert place(recorded.step_back()) == (0, 1, "search")
    assert recorded.results == {}


def test_a_recording_takes_no_edit_and_says_what_to_do(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    session.next()
    recorded = reopened(session, tmp_path / "session.s2s")
    recorded.start()
    for edit in (
        lambda: recorded.force("z"),
        lambda: recorded.edit_attention(0, 1.0),
        lambda: recorded.edit_site("encoder.states", [0.5] * 8, index=(0,)),
    ):
        with pytest.raises(S2sdapError, match=r"recording of rnn-7.*Replay it") as refused:
            edit()
        assert refused.value.name == "post_mortem"
    assert len(recorded.walk.timeline.branches) == 1
    assert shown(recorded) == shown(session)


def test_branches_of_a_recording_share_what_they_shared(tmp_path):
    session = edited(session_of(rnn(), "abcdh\nbah", beam_size=2, max_length=6))
    recorded = reopened(session, tmp_path / "session.s2s")
    assert max(branch.fork for branch in session.walk.timeline_of(0).branches) > 0
    for mine, theirs in zip(
        recorded.walk.timeline_of(0).branches, session.walk.timeline_of(0).branches, strict=True
    ):
        for step in range(max(0, theirs.fork)):
            parent = recorded.walk.timeline_of(0).branches[mine.parent]
            assert mine.records[step] is parent.records[step]


def test_what_was_dropped_is_run_again_for_the_file(tmp_path):
    session = edited(session_of(rnn(), "abcdh\nbah\nhh", max_length=5, budget=0))
    finish(session)
    whole = edited(session_of(rnn(), "abcdh\nbah\nhh", max_length=5))
    finish(whole)
    recorded = reopened(session, tmp_path / "session.s2s")
    assert_recorded(whole, reopened(whole, tmp_path / "whole.s2s"))
    kept = [each.index for each in session.program.sentences if session.walk.timeline_of(each.index)]
    assert kept
    for index in kept:
        assert recorded.walk.timeline_of(index).branch.records[0].step == 0
    assert recorded.results == session.results


def test_a_light_file_is_smaller_and_says_what_it_left_out(tmp_path):
    session = session_of(rnn(), "abcdh", beam_size=3, max_length=6)
    session.start()
    session.step_out()
    whole = session.save(tmp_path / "whole.s2s")
    light = session.save(tmp_path / "light.s2s", sites="light")
    assert light.size < whole.size
    recorded = Session.open_recording(light.path)
    recorded.start()
    assert dict(recorded.model.layout.missing)["prediction.logits"] == "the recording was saved without it"
    for field in ("token", "p", "entropy", "attention", "state", "context", "coverage", "output"):
        assert recorded.evaluate(field) == session.evaluate(field)
    with pytest.raises(S2sdapError, match=r"prediction\.logits to see here: the recording was"):
        recorded.evaluate("logits")
    only = session.save(tmp_path / "only.s2s", sites=["prediction.features"])
    names = set(Session.open_recording(only.path).walk.timeline_of(0).branch.records[0].sites)
    assert names == {"prediction.features", "prediction.logprobs", "attention.weights"}
    with pytest.raises(S2sdapError, match=r"no\.such\.site"):
        session.save(tmp_path / "none.s2s", sites=["no.such.site"])


def test_a_recording_can_be_saved_again(tmp_path):
    session = edited(session_of(rnn(), "abcdh\nbah", beam_size=2, max_length=6))
    recorded = reopened(session, tmp_path / "session.s2s")
    recorded.start()
    again = reopened(recorded, tmp_path / "session.s2s")
    assert_recorded(session, again)
    assert again.start().cursor == session.cursor


def test_only_a_session_file_is_replaced(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    with pytest.raises(S2sdapError, match="Nothing has run"):
        session.save(tmp_path / "early.s2s")
    session.start()
    mine = tmp_path / "letter.txt"
    mine.write_text("dear reader")
    with pytest.raises(S2sdapError, match="no session file"):
        session.save(mine)
    assert mine.read_text() == "dear reader"
    with pytest.raises(S2sdapError, match="Cannot write"):
        session.save(tmp_path / "nowhere" / "session.s2s")
    session.save(tmp_path / "session.s2s")
    session.save(tmp_path / "session.s2s")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["letter.txt", "session.s2s"]


def test_the_program_is_found_again_or_stands_for_itself(tmp_path):
    program = tmp_path / "dates.txt"
    program.write_text("March 3, 1999\n\nIdes of March 2044\n")
    session = Session.open("dates", program=str(program), settings=SearchSettings())
    session.start()
    session.save(tmp_path / "session.s2s")
    assert Session.open_recording(tmp_path / "session.s2s").program == session.program
    program.write_text("another text\n")
    moved = Session.open_recording(tmp_path / "session.s2s").program
    assert moved.path is None
    assert (moved.name, moved.lines, moved.sentences) == (
        "dates.txt",
        session.program.lines,
        session.program.sentences,
    )
    assert Path(program).read_text() == "another text\n"


def every_kind_of_edit():
    """A session with a branch for each kind of edit, one of another source, and a name."""
    session = session_of(rnn(), "abcdh", beam_size=3, n_best=2, max_length=6)
    session.start()
    for _ in range(4):
        session.next()
    best = session.walk.branch.records[1].before.live
    pruned = session.walk.branch.records[1].candidates
    lost = next(each for each in range(len(pruned)) if pruned.child[each] < 0)
    parent = best[int(pruned.parent[lost])].id
    session.apply((LogitEdit(1, best[0].id, 5, 2.5), LogitEdit(1, best[0].id, 6, -math.inf)))
    session.undo()
    session.apply((PruneEdit(1, best[-1].id),))
    session.undo()
    session.apply((ReviveEdit(1, parent, int(pruned.token[lost])),))
    session.name_branch(session.cursor.branch, "revived")
    session.undo()
    session.apply((SettingEdit(1, "beamSize", 2), SettingEdit(2, "lengthPenalty", 0.5)))
    session.step_out()
    session.apply((SourceEdit("bah"), TokenEdit(1, 1, 6)))
    session.next()
    return session


def test_every_kind_of_edit_comes_back_and_is_replayed(tmp_path):
    session = every_kind_of_edit()
    recorded = reopened(session, tmp_path / "session.s2s")
    assert_recorded(session, recorded)
    recorded.start()
    assert [each.name for each in recorded.branches] == ["", "", "", "revived", "", ""]
    assert recorded.branches[-1].edits[0] == SourceEdit("bah")
    for branch in session.branches:
        for one in (session, recorded):
            one.switch(branch.id)
            one.goto(len(branch.records) - 1)
        assert recorded.cursor == session.cursor
        assert shown(recorded) == shown(session)
    found = recorded.replay(rnn())
    assert found.identical, found.text
    assert len(found.branches) == len(session.branches)


def test_a_recording_takes_no_edit_of_any_kind(tmp_path):
    session = every_kind_of_edit()
    recorded = reopened(session, tmp_path / "session.s2s")
    recorded.start()
    recorded.switch(0)
    recorded.goto(2)
    before = shown(recorded)
    for branch in session.branches[1:]:
        with pytest.raises(S2sdapError) as refused:
            recorded.apply(branch.made_by)
        assert refused.value.name in ("post_mortem", "source_fixed")
    with pytest.raises(S2sdapError, match="undo"):
        recorded.undo()
    assert shown(recorded) == before
    assert recorded.restart_frame(recorded.frames()[1]).cursor.step == 1


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_edits_of_a_call_of_generate_come_back_and_are_replayed(tmp_path):
    settings = GenerationSettings(given={"max_new_tokens": 6, "num_beams": 2})
    session = Session.open(f"hf:{folder_of('marian')}", source="the cat sat", settings=settings)
    session.start()
    session.next()
    session.next()
    best = session.hypotheses()[0].id
    session.apply((LogitEdit(1, best, 7, 3.0), SettingEdit(2, "repetition_penalty", 1.7)))
    session.step_out()
    recorded = reopened(session, tmp_path / "session.s2s")
    assert_recorded(session, recorded)
    recorded.start()
    for step in range(len(session.walk.branch.records)):
        for one in (session, recorded):
            one.goto(step)
        assert shown(recorded) == shown(session)
    found = recorded.replay()
    assert found.identical, found.text
