"""The verdict on sentences of plain models: what it is asked, what it measures, what it refuses."""

import threading
from copy import copy

import pytest
import torch
from debugger.driving import session_of
from models import hf_tiny
from models.small_networks import side, small_config
from msgspec.structs import replace
from tiny_models import PromptedModel, rnn

from s2sdap import Session
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.verdict import Absent, Experiment
from s2sdap.debugger.verdict.asking import answer, answering, question_of
from s2sdap.debugger.verdict.telling import plain
from s2sdap.debugger.verdict.trials import at_once
from s2sdap.decoding.decode import decode, score
from s2sdap.decoding.edits import SourceEdit
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model
from s2sdap.models.tokenizers import TargetTokens
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

torch.set_num_threads(1)  # sums keep their order

FEW = 250
"""Steps that are enough for some of the experiments."""
DOUBTFUL, WRITTEN, WANTED = "J 4, 2005", "2005-07-04", "2005-01-04"


@pytest.fixture(scope="module")
def dates():
    """The bundled model, naming only a few of its words, so that few are tried."""
    model = load_model("dates")
    model.source_words = lambda: ("J", "M")
    return model


@pytest.fixture
def doubtful(dates):
    """A session over a date that may be read in more than one way."""
    session = Session(dates, inline_program(DOUBTFUL, WANTED), SearchSettings(beam_size=2))
    session.start()
    return session


def named(verdict, stage, name=None):
    return next(each for each in verdict.experiments if each.stage is stage and name in (None, each.name))


def test_the_numbers_are_the_models_own(doubtful, dates):
    verdict = answer(question_of(doubtful), at_once)
    piece = dates.target.piece
    target = verdict.target
    assert (target.step, piece(target.wrong), piece(target.wanted), target.whole) == (6, "7", "1", True)
    scores = named(verdict, Stage.SEARCH, "the model's own scores")
    assert scores.numbers["reference"] == pytest.approx(score(dates, DOUBTFUL, WANTED).score, abs=1e-4)
    assert scores.numbers["output"] == pytest.approx(score(dates, DOUBTFUL, WRITTEN).score, abs=1e-4)
    assert not scores.blames
    prediction = named(verdict, Stage.PREDICTION)
    assert prediction.numbers["rank"] == 1
    assert prediction.numbers["p"] == pytest.approx(0.3052, abs=1e-3)
    word = named(verdict, Stage.ENCODER, "another source word")
    assert word.repaired
    (edit,) = word.edits
    assert isinstance(edit, SourceEdit)
    assert decode(dates, edit.text)[0].text == WANTED


def test_a_verdict_says_what_it_could_not_do(doubtful):
    verdict = answer(question_of(doubtful, limit=FEW), at_once)
    missing = {(each.stage, each.name): each.reason for each in verdict.absent}
    assert (
        missing[Stage.ENCODER, "purity of the neighbours"]
        == "this session has opened no index of training states"
    )
    assert {each.stage for each in (*verdict.experiments, *verdict.absent)} == set(Stage)


def test_a_token_alone_can_be_wanted(dates):
    session = Session(dates, inline_program(DOUBTFUL))
    session.start()
    verdict = answer(question_of(session, step=6, wanted="6", limit=FEW), at_once)
    assert not verdict.target.whole
    assert dates.target.piece(verdict.target.wanted) == "6"
    assert verdict.output == decode(dates, DOUBTFUL)[0].tokens
    if verdict.edits:
        assert verdict.repaired_output[:7] == verdict.target.goal


def test_without_a_wish_the_runner_up_is_meant(dates):
    session = Session(dates, inline_program(DOUBTFUL))
    session.start()
    verdict = answer(question_of(session, step=6, limit=FEW), at_once)
    assert dates.target.piece(verdict.target.wanted) == "1"


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"reference": WRITTEN}, "nothing_wrong"),
        ({}, "no_wrong_token"),
        ({"step": 6, "wanted": "7"}, "wanted_is_there"),
        ({"step": 99}, "no_output_there"),
        ({"step": 6, "wanted": "seven"}, "unknown_token"),
        ({"sentence": 7}, "no_such_sentence"),
    ],
)
def test_refusals(dates, asked, error):
    session = Session(dates, inline_program(DOUBTFUL))
    session.start()
    with pytest.raises(S2sdapError) as refusal:
        answer(question_of(session, **asked), at_once)
    assert refusal.value.name == error


@pytest.mark.parametrize(
    ("reference", "error"), [("Haus", "cannot_tell_apart"), ("<unk>", "nothing_wrong"), ("u", None)]
)
def test_an_unknown_token_in_the_place_of_a_word_that_the_vocabulary_lacks_is_not_called_right(
    reference, error
):
    model = copy(rnn())  # that one is shared
    model.target = TargetTokens(replace(side("uvwxyz."), unit="word"))
    session = session_of(model, "abc")
    session.start()
    for token in ("<unk>", "</s>"):
        session.next()
        session.force(token)
    question = question_of(session, reference=reference, limit=FEW)
    if error is None:
        assert answer(question, at_once).target.step == 0
        return
    with pytest.raises(S2sdapError) as refusal:
        answer(question, at_once)
    assert refusal.value.name == error


def test_nobody_is_blamed_for_what_the_vocabulary_cannot_write(dates):
    session = Session(dates, inline_program(DOUBTFUL))
    session.start()
    for reference, lacking, step in (("x", "'x'", 0), ("2005-ñ1-04", "'ñ'", 5)):
        with pytest.raises(S2sdapError, match=f"lacks {lacking} of the reference of line 1") as refusal:
            answer(question_of(session, reference=reference), at_once)
        assert refusal.value.name == "unwritable_reference"
        assert f"at step {step}," in refusal.value.what
    verdict = answer(question_of(session, reference="2005-01-ñ4", limit=FEW), at_once)
    assert dates.target.text(verdict.target.goal) == "2005-01-"
    assert (verdict.target.step, verdict.target.whole) == (6, False)
    assert "the vocabulary lacks 'ñ', so no output can read like the reference" in verdict.text
    if verdict.edits:
        assert dates.target.text(verdict.repaired_output).startswith("2005-01-")


def test_few_steps_leave_experiments_out(doubtful):
    few = answer(question_of(doubtful, limit=200), at_once)
    assert few.steps_run <= 250
    reasons = [each.reason for each in few.absent]
    assert "it would take more than 200 steps" in reasons
    assert few.stage is None, "nothing can be excluded by experiments that were not made"


def test_other_sentences_with_references_are_controls(dates):
    lines = [DOUBTFUL, "March 3, 1999", "24. April 2001"]
    references = [WANTED, "1999-03-03", "2001-04-24"]
    session = Session(dates, inline_program("\n".join(lines), "\n".join(references)))
    session.start()
    verdict = answer(question_of(session, limit=3 * FEW), at_once)
    other_states = [each for each in verdict.experiments if each.name == "the state of another word"]
    assert other_states, "a control has a word that reads as the wanted token"
    asked = answer(question_of(session, sentence=1, reference="1999-03-04", limit=FEW), at_once)
    assert dates.target.text(asked.output) == "1999-03-03"


@pytest.mark.parametrize(
    "model",
    [
        rnn(small_config(attention="none")),
        rnn(small_config(cell="lstm", attention="concat", attention_query="previous")),
        rnn(small_config(layers=2)),
        PromptedModel(encoder=True),
        PromptedModel(),
    ],
    ids=["no attention", "previous query", "two layers", "no attention of its own", "no encoder"],
)
def test_any_model_of_the_contract(model):
    session = session_of(model, "abcd", max_length=8)
    session.start()
    output = decode(model, "abcd", SearchSettings(max_length=8))[0]
    target = model.target
    step = len(output.tokens) - 1
    wanted = next(token for token in range(4, len(target)) if token != output.tokens[step])
    verdict = answer(question_of(session, step=step, wanted=wanted, limit=2000), at_once)
    made = {each.stage for each in (*verdict.experiments, *verdict.absent)}
    assert made == set(Stage)
    lacking = {each.stage for each in verdict.absent}
    assert set(Stage) - set(model.layout.stages) <= lacking
    if verdict.edits:
        session.apply(verdict.edits)
        if not session.walk.at_sentence_end:
            session.step_out()
        assert session.hypotheses()[0].tokens == verdict.repaired_output


def test_a_model_with_its_own_search():
    face = hf_tiny.loaded("marian")
    session = Session(face, inline_program("the cat sat"))
    session.start()
    session.step_out()
    written = session.results[0].outputs[0].tokens
    wanted = next(token for token in range(5, len(face.target)) if token != written[1])
    verdict = answer(question_of(session, step=1, wanted=wanted, limit=FEW), at_once)
    assert {each.stage for each in (*verdict.experiments, *verdict.absent)} == set(Stage)
    assert verdict.output == written
    assert plain(verdict, face.target)["step"] == 1


def test_in_steps_it_is_the_same(doubtful):
    at_a_time = answering(question_of(doubtful, limit=FEW))
    seen = []
    while True:
        try:
            seen.append(next(at_a_time))
        except StopIteration as stop:
            found = stop.value
            break
    assert seen == list(range(1, len(seen) + 1))
    assert len(seen) >= found.steps_run
    assert found == answer(question_of(doubtful, limit=FEW), at_once)


def test_given_up_it_stops(doubtful):
    before = set(threading.enumerate())  # those that other tests have left may end meanwhile
    at_a_time = answering(question_of(doubtful, limit=FEW))
    for _ in range(20):
        next(at_a_time)
    (worker,) = set(threading.enumerate()) - before
    assert worker.name == "s2sdap verdict"
    at_a_time.close()
    worker.join(timeout=100)
    assert not worker.is_alive()
    assert set(threading.enumerate()) <= before


def test_what_the_work_raises_is_raised(dates):
    session = Session(dates, inline_program(DOUBTFUL))
    session.start()
    with pytest.raises(S2sdapError, match="S2S4421"):
        list(answering(question_of(session)))


def test_as_plain_data(doubtful, dates):
    verdict = answer(question_of(doubtful, limit=FEW), at_once)
    told = plain(verdict, dates.target)
    assert (told["wrong"], told["wanted"], told["output"]) == ("7", "1", WRITTEN)
    assert len(told["experiments"]) == sum(isinstance(each, Experiment) for each in verdict.experiments)
    assert len(told["absent"]) == sum(isinstance(each, Absent) for each in verdict.absent)
    assert len(told["edits"]) == len(told["edit_texts"]) == len(verdict.edits)
