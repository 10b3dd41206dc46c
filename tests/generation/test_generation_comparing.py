"""Comparing decodes by a model's own `generate`: batches, beams, forced references, where they went."""

import math

import pytest
import torch
from debugger.comparing import compare, done
from generating import face_of, plan_of
from models.hf_tiny import folder_of, loaded

from s2sdap import Session
from s2sdap.debugger.comparing.runs import best_run, forced_run, run_on
from s2sdap.debugger.comparing.sides import Side, find, finish, seek
from s2sdap.debugger.comparing.whereabouts import Outcome, where_did_it_go
from s2sdap.debugger.program import inline_program
from s2sdap.decoding.generation.settings import GenerationSettings
from s2sdap.decoding.reference import Reference, reference_of
from s2sdap.models.loading import load_model
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

STEPS = 6
SETTINGS = {"greedy": {}, "beams": {"num_beams": 3, "num_return_sequences": 2}}


@pytest.fixture(params=SETTINGS.values(), ids=SETTINGS)
def decoded(request):
    """A batch of two, decoded to its end; the taps stay in place."""
    plan = plan_of("bart", 2, max_new_tokens=STEPS, **request.param)
    with plan.installed():
        encoder = plan.begin()
        yield plan, encoder, done(run_on(plan, encoder))


def forced(plan, encoder, tokens, sentence):
    reference = Reference("", tokens, ())
    return done(forced_run("reference", plan, encoder, reference, sentence=sentence))


@pytest.mark.parametrize("sentence", [0, 1])
def test_a_sentence_of_a_batch(decoded, sentence):
    plan, encoder, records = decoded
    free = best_run("free", plan, encoder, records, sentence=sentence)
    assert free.hypothesis.sentence == sentence
    itself = compare(free, free)
    assert itself.divergence is None
    assert {row.kl for row in done(itself.rows())} == {0.0}
    # Forced to write what it writes by itself, a hypothesis has the same log-probs in whatever batch.
    again = forced(plan, encoder, free.tokens, sentence)
    assert again.tokens == free.tokens
    assert [node.logprob for node in again.nodes] == pytest.approx(
        [node.logprob for node in free.nodes], abs=1e-5
    )
    tokens = (free.tokens[0], 5, 7)
    other = forced(plan, encoder, tokens, sentence)
    assert other.tokens == tokens
    parted = compare(free, other)
    assert parted.divergence == 1
    assert parted.parting.left.rival.token == 5
    assert parted.parting.kl == pytest.approx(0, abs=1e-9)
    assert parted.parting.attention_tv == pytest.approx(0, abs=1e-6)


def test_a_forced_reference_has_the_models_own_log_probs(decoded):
    plan, encoder, _ = decoded
    tokens = (9, 12, 7, 3)
    model = face_of("bart").model
    inputs = plan._kwargs
    start = torch.tensor([[model.generation_config.decoder_start_token_id]])
    with torch.no_grad():
        logits = model(
            input_ids=inputs["input_ids"][1:],
            attention_mask=inputs["attention_mask"][1:],
            decoder_input_ids=torch.cat([start, torch.tensor([tokens[:-1]])], dim=1),
        ).logits[0]
    expected = torch.log_softmax(logits.float(), dim=-1)[range(4), list(tokens)].tolist()
    run = forced(plan, encoder, tokens, 1)
    forcing = model.generation_config.forced_bos_token_id
    begins = 0 if forcing is None else 1  # at the first step the settings allow one token alone
    assert [node.logprob for node in run.nodes][begins:] == pytest.approx(expected[begins:], abs=1e-4)


@pytest.mark.parametrize("sentence", [0, 1])
def test_every_output_of_a_batch_is_found_and_another_falls_where_it_was_passed_over(decoded, sentence):
    plan, encoder, records = decoded
    best = [each for each in plan.best(records[-1].after) if each.sentence == sentence]
    for place, output in enumerate(best):
        found = where_did_it_go(plan, encoder, records, output.tokens, sentence)
        assert found.hypothesis is output
        assert (found.outcome is Outcome.OUTPUT) == (place == 0)
        assert found.place == place
    tokens = best[0].tokens
    # By brute force: the first step at which no hypothesis has the prefix, and the rank by every score.
    for token in range(4, 40, 5):
        wanted = (*tokens[:2], token, 1)
        found = where_did_it_go(plan, encoder, records, wanted, sentence)
        step = next(
            step
            for step in range(STEPS)
            if not any(
                each.tokens[: step + 1] == wanted[: step + 1]
                for each in (*records[step].after.live, *records[step].after.finished)
                if each.sentence == sentence
            )
        )
        fall, record = found.fall, records[step]
        assert fall.step == step
        assert fall.parent.tokens == wanted[:step]
        scores = [
            parent.score + logprob
            for row, parent in enumerate(record.before.live)
            if parent.sentence == sentence
            for logprob in record.sites[sites.PREDICTION_LOGPROBS][row].double().tolist()
        ]
        assert fall.rank == sum(score > fall.score for score in scores)
        if math.isfinite(fall.score):
            kept = [
                each.score
                for each in (*record.after.live, *record.after.finished)
                if each.sentence == sentence and each.step == step
            ]
            assert fall.gap == pytest.approx(
                min((score for score in kept if score >= fall.score), default=max(kept)) - fall.score
            )


def test_a_language_that_the_settings_put_first_is_part_of_the_reference():
    face = loaded("mbart")
    text = "the cat sat"
    settings = GenerationSettings(given={"max_new_tokens": 8, "forced_bos_token_id": 7})
    session = Session(face, inline_program(text), settings)
    session.start()
    plan, encoder = session.walk.timeline.decode, session.walk.branch.encoder
    written = face.target.encode("a dog")
    assert reference_of(plan, encoder, "a dog").tokens == (7, *written, face.target.eos)


def test_a_launched_model_its_settings_its_reference_and_another_checkpoint():
    folder = folder_of("marian")
    face = load_model(f"hf:{folder}")
    settings = GenerationSettings(given={"max_new_tokens": 9})
    session = Session.open(face, source="the cat sat", reference="a dog ran", settings=settings)
    session.start()
    session.next()
    before = session.cursor

    def run(loaded=None, **side):
        return done(finish(find(session, Side(**side), loaded)))

    free = run()
    again = run(load_model(f"hf:{folder}"), model="again")
    same = compare(free, again)
    assert same.divergence is None
    assert same.same_vocabulary
    beams = run(generation={"num_beams": 3})
    assert beams.plan.settings_shown() != free.plan.settings_shown()
    short = run(search={"max_length": 3})
    assert short.tokens == (*free.tokens[:2], face.target.eos)  # this model's settings force it at the limit
    reference = run(reference=True)
    assert reference.text == "a dog ran"
    sought = done(seek(find(session, Side(reference=True))))
    assert sought.whole
    assert sought.whereabouts.outcome is not Outcome.OUTPUT
    other = run(load_model("dates"), model="dates")
    mixed = compare(free, other)
    assert not mixed.same_vocabulary
    assert "distribution" in mixed.absent
    assert session.cursor == before


def test_a_reference_that_is_too_long_for_the_settings_says_how_far_it_came():
    session = Session.open(
        loaded("marian"),
        source="the cat sat",
        reference="a dog ran on the mat and sat",
        settings=GenerationSettings(given={"max_new_tokens": 3}),
    )
    session.start()
    run = done(finish(find(session, Side(reference=True))))
    assert len(run.nodes) == 3
    assert run.label.endswith("which the settings end after 3 tokens")
    assert not done(seek(find(session, Side(reference=True)))).whole


def test_in_a_call_of_somebody_elses_only_what_it_made_can_be_compared():
    face = face_of("bart")
    plan = plan_of("bart", 2, max_new_tokens=STEPS)
    with plan.installed():
        session = Session(face, inline_program("a batch"), planner=lambda _text, **_where: plan, of_call=True)
        session.start()
        session.next()
        first = done(finish(find(session, Side(sentence=0))))
        second = done(finish(find(session, Side(sentence=1))))
        assert (first.hypothesis.sentence, second.hypothesis.sentence) == (0, 1)
        for side, name in (
            (Side(sentence=2), "no_such_sentence"),
            (Side(model="dates"), "call_not_ours"),
            (Side(search={"beam_size": 2}), "call_not_ours"),
            (Side(reference=True), "no_reference"),
        ):
            with pytest.raises(S2sdapError) as caught:
                find(session, side)
            assert caught.value.name == name
