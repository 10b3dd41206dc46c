"""A recording run again: the same model gives the same bits, another one is told where it differs."""

import pytest
import torch
from driving import finish, session_of
from models.hf_tiny import folder_of
from models.small_networks import small_config
from recordings import SEARCHES, edited, reopened
from tiny_models import PromptedModel, rnn

from s2sdap import S2sdapError, Session
from s2sdap.decoding.generation.settings import GenerationSettings


@pytest.mark.parametrize("search", SEARCHES)
def test_the_same_model_gives_the_same_bits(tmp_path, search):
    session = edited(session_of(rnn(), "abcdh\nbah", **SEARCHES[search]))
    found = reopened(session, tmp_path / "session.s2s").replay(rnn())
    branches = [len(session.walk.timeline_of(index).branches) for index in (0, 1)]
    assert found.same_model
    assert found.identical, found.text
    assert len(found.branches) == sum(branches)
    assert sum(each.steps for each in found.branches) == sum(
        len(branch.records) for index in (0, 1) for branch in session.walk.timeline_of(index).branches
    )
    assert all(each.recorded == each.replayed for each in found.branches)


@pytest.mark.filterwarnings("ignore:Recommended. pip install sacremoses")
def test_a_hugging_face_model_is_loaded_again_and_gives_the_same_bits(tmp_path):
    settings = GenerationSettings(given={"max_new_tokens": 5, "num_beams": 2})
    session = Session.open(f"hf:{folder_of('marian')}", source="the cat sat", settings=settings)
    session.start()
    session.next()
    session.force(session.frame.top_tokens(2)[-1][0])
    finish(session)
    found = reopened(session, tmp_path / "session.s2s").replay()
    assert found.same_model
    assert found.identical, found.text


def perturbed(change):
    """The tiny network with one of its weights changed, and its own fingerprint."""
    model = rnn.__wrapped__()
    with torch.no_grad():
        change(model.network)
    model.fingerprint = "changed"
    return model


def test_a_changed_output_layer_is_found_at_the_logits(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    session.step_out()
    recording = reopened(session, tmp_path / "session.s2s")

    def change(network):
        network.output.bias[network.output.bias.argmin()] -= 1e-3

    found = recording.replay(perturbed(change))
    (branch,) = found.branches
    assert not found.same_model
    assert "is not the recorded model" in found.text
    assert (branch.first.step, branch.first.kind, branch.first.name) == (0, "site", "prediction.logits")
    assert branch.first.largest == pytest.approx(1e-3, rel=1e-3)
    assert branch.parted is None
    assert dict(branch.widest).keys() == {"prediction.logits", "prediction.logprobs"}
    assert branch.steps == len(session.walk.timeline_of(0).branch.records)


def test_a_changed_encoder_is_found_before_any_step(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    session.step_out()
    recording = reopened(session, tmp_path / "session.s2s")

    def change(network):
        network.source_embedding.weight.mul_(-3)

    (branch,) = recording.replay(perturbed(change)).branches
    assert (branch.first.step, branch.first.name) == (-1, "encoder.states")
    assert branch.first.largest > 0


def test_tokens_that_go_apart_are_told_with_both_outputs(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    session.step_out()
    first = session.walk.timeline_of(0).branch.records[0].after.live[0].token
    recording = reopened(session, tmp_path / "session.s2s")

    def change(network):
        network.output.bias[first] -= 100

    found = recording.replay(perturbed(change))
    (branch,) = found.branches
    assert (branch.parted.step, branch.parted.kind) == (0, "tokens")
    assert branch.steps == 1
    assert branch.recorded == session.results[0].text
    assert branch.replayed not in (None, branch.recorded)
    assert f"output {branch.recorded!r} recorded, {branch.replayed!r} now" in found.text


def test_an_edit_that_another_model_refuses_is_told(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    session.next()
    session.edit_attention(1, 0.9)
    recording = reopened(session, tmp_path / "session.s2s")
    found = recording.replay(rnn(small_config(attention="none")))
    assert found.branches[0].first.text.startswith("reading the source") or found.branches[0].first.step == 0
    refused = found.branches[1].parted
    assert (refused.kind, refused.step) == ("refused", 0)
    assert "no attention.weights" in refused.text


def test_a_model_that_fails_is_told_with_its_words(tmp_path):
    session = session_of(PromptedModel(), "abh", max_length=4)
    session.start()
    session.step_out()
    recording = reopened(session, tmp_path / "session.s2s")
    (branch,) = recording.replay(PromptedModel(fails_at=1)).branches
    assert (branch.parted.kind, branch.parted.step) == ("refused", 1)
    assert "no step 1 for me" in branch.parted.text


def test_a_light_recording_is_held_against_what_it_kept(tmp_path):
    session = session_of(rnn(), "abcdh", beam_size=2, max_length=6)
    session.start()
    session.step_out()
    recording = reopened(session, tmp_path / "session.s2s", sites="light")
    assert recording.replay(rnn()).identical


def test_a_recording_that_names_no_model_says_so(tmp_path):
    session = session_of(rnn(), "abcdh", max_length=6)
    session.start()
    recording = reopened(session, tmp_path / "session.s2s")
    with pytest.raises(S2sdapError, match="so name one"):
        recording.replay()


def test_a_file_does_not_decide_whether_a_models_own_code_may_run(tmp_path):
    session = Session.open("dates", source="March 3, 1999")
    session.origin = {"model": "dates", "trust_remote_code": True}
    session.start()
    recording = reopened(session, tmp_path / "session.s2s")
    assert recording.origin["trust_remote_code"] is True
    assert recording.replay().identical  # a model of ours refuses every option that is given
