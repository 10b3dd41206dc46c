"""Edits that are kept as a text and made again: the same branch, or a reason why not."""

import json

import pytest
import torch
from driving import finish, session_of
from same_records import assert_same
from tiny_models import rnn

from s2sdap.debugger.editing.console import apply, run
from s2sdap.debugger.editing.exporting import export_edits, read_export, replay
from s2sdap.decoding.edits import SourceEdit
from s2sdap.vocabulary.errors import S2sdapError

BEAM = {"beam_size": 3, "n_best": 3, "max_length": 6}


def started(source="abcdh", **settings):
    session = session_of(rnn(), source, **{**BEAM, **settings})
    session.start()
    for _ in range(3):
        session.next()
    return session


@pytest.fixture
def edited():
    session = started()
    run(session, session.frame, "attend b=0.7 [4]=0.2")
    session.next()
    run(session, session.frame, 'ban "z"')
    run(session, session.frame, "copy state from step 0")
    return session


def test_the_edits_of_an_export_give_the_same_branch(edited):
    text = export_edits(edited)
    finish(edited)
    edited.step_back(stage=True)
    other = started()
    run(other, other.frame, "force z")
    outcome, warnings = replay(other, read_export(text))
    assert warnings == []
    assert outcome.edits == edited.edits == other.edits
    finish(other)
    other.step_back(stage=True)
    assert_same(other.walk.branch.encoder, edited.walk.branch.encoder)
    assert_same(other.walk.branch.records, edited.walk.branch.records)
    assert export_edits(other) == text


def test_another_source_among_the_edits_is_kept():
    session = started()
    run(session, session.frame, "source bad")
    text = export_edits(session)
    other = started()
    outcome, _ = replay(other, read_export(text))
    assert outcome.edits == (SourceEdit("bad"),)
    assert other.frame.source.text == "bad"


def test_edits_of_another_sentence_are_refused_unless_wanted():
    edited, other = started(), started("abcda")
    run(edited, edited.frame, "states[1] = 0")
    text = export_edits(edited)
    with pytest.raises(S2sdapError, match="made for the source 'abcdh', not for 'abcda'"):
        replay(other, read_export(text))
    assert other.edits == ()
    _, warnings = replay(other, read_export(text), anyway=True)
    assert warnings == ["The edits were made for the source 'abcdh', not for 'abcda'"]
    assert other.edits == edited.edits


def test_edits_of_another_model_are_refused_unless_wanted(edited):
    kept = json.loads(export_edits(edited))
    text = json.dumps({**kept, "model": "other", "fingerprint": "0"})
    other = started()
    with pytest.raises(S2sdapError, match="for the model other"):
        replay(other, read_export(text))
    _, warnings = replay(other, read_export(text), anyway=True)
    assert "for the model other" in warnings[0]


def test_other_settings_are_told(edited):
    other = started(length_penalty=0.5)
    _, warnings = replay(other, read_export(export_edits(edited)))
    assert warnings == ["other settings: lengthPenalty"]


def test_a_replay_that_is_refused_leaves_all_as_it_was(edited):
    other = started()
    run(other, other.frame, "force z")
    before, cursor = other.edits, other.cursor
    kept = json.loads(export_edits(edited))
    kept["edits"].append({"edit": "token", "step": 3, "hypothesis": 99, "token": 4})
    with pytest.raises(S2sdapError, match="hypothesis 99"):
        replay(other, read_export(json.dumps(kept)))
    assert other.edits == before
    assert other.cursor == cursor


def test_an_edit_is_removed_by_its_number(edited):
    assert run(edited, edited.frame, "edits").text.startswith("1. step 2, hypothesis")
    run(edited, edited.frame, "remove 2")
    assert len(edited.edits) == 2
    assert "banned" not in run(edited, edited.frame, "edits").text
    run(edited, edited.frame, "undo")
    assert len(edited.edits) == 3
    with pytest.raises(S2sdapError, match="no edit 4; 3 are"):
        run(edited, edited.frame, "remove 4")
    branches = run(edited, edited.frame, "branches").text
    assert branches.count("\n") == len(edited.branches) - 1
    assert "*" in branches


def test_a_group_of_edits_is_one_thing_to_undo(edited):
    session = started()
    apply(session, edited.edits)
    assert len(session.edits) == 3
    session.undo()
    assert session.edits == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[]", "format"),
        ('{"format": "else"}', "format"),
        ('{"format": "s2sdap edits", "version": 2}', "version 2"),
        ('{"format": "s2sdap edits", "version": 1}', "model"),
    ],
)
def test_what_is_no_export(text, reason):
    with pytest.raises(S2sdapError) as refused:
        read_export(text)
    assert refused.value.name == "bad_export"
    assert reason in str(refused.value)


def test_what_is_no_edit_in_an_export(edited):
    kept = json.loads(export_edits(edited))
    kept["edits"][1]["edit"] = "wish"
    with pytest.raises(S2sdapError, match="Edit 2 of the list"):
        read_export(json.dumps(kept))


@pytest.mark.parametrize(
    "line",
    ["force z", "attend b=0.9", "state = 0", "context = 0", "logits[4] = 9", "ban z y", "boost z 3"],
)
def test_an_edit_is_of_its_hypothesis_and_no_other(line):
    session = started()
    record = session.frame.record
    row = session.frame.row
    others = [each for each in range(len(record.before.live)) if each != row]
    run(session, session.frame, line)
    again = session.walk.branch.records[record.step]
    assert again is not record
    for site, value in record.sites.items():
        assert torch.equal(value[others], again.sites[site][others]), site
