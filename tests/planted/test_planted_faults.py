"""Faults planted at a known stage of the trained date model: the verdict names it, and its edits mend it."""

import random
from itertools import pairwise

import pytest
import torch

from planted.__main__ import HELD_OUT, ROOT, TUNING, pairs_of
from planted.cases import cases
from planted.faults import PLANTING, Fault, FaultyModel
from s2sdap import SearchSettings, Session
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.verdict.asking import answer, question_of
from s2sdap.debugger.verdict.trials import at_once
from s2sdap.decoding.decode import decode
from s2sdap.decoding.edits import LogitEdit, SettingEdit, SiteEdit, SourceEdit
from s2sdap.models.loading import load_model
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

torch.set_num_threads(1)  # sums keep their order

SAMPLE = 15
WHOLE = 20_000
FEW = 250
"""Steps that are enough for some of the experiments."""
TEXT, REFERENCE = "7.3.1998", "1998-03-07"


@pytest.fixture(scope="module")
def dates():
    return load_model("dates")


def fault_at(stage, sound):
    """A fault at a stage that makes the date wrong."""
    pieces = sound.source.config.pieces
    match stage:
        case Stage.ENCODER:
            one, other = pieces.index("7"), pieces.index("4")
            return Fault(stage, "swap", "7 and 4 swapped", misread={one: other, other: one})
        case Stage.DECODER:
            return Fault(
                stage,
                "negated",
                "negated at step 9",
                tamper={sites.DECODER_STATE: _at(9, lambda value: -value)},
            )
        case Stage.ATTENTION:
            return Fault(
                stage,
                "shift",
                "one to the left at step 9",
                tamper={sites.ATTENTION_SCORES: _at(9, lambda value: value.roll(3, dims=-1) * 4)},
            )
        case Stage.PREDICTION:
            return Fault(stage, "raised", "'4' raised", raised={sound.target.find("4"): 16.0})
        case _:
            return Fault(stage, "length", "too short", search={"max_length": 8})


def _at(step, change):
    return lambda value, now, _tokens: change(value) if now == step else value


class FewWords(FaultyModel):
    """A faulty model that names only a few of its words, so that few are tried."""

    def source_words(self):
        return tuple("0123456789")


def session_of(sound, stage, **settings):
    fault = fault_at(stage, sound)
    program = inline_program(TEXT, REFERENCE)
    return Session(FewWords(sound, fault), program, SearchSettings(**{**settings, **fault.search}))


def test_the_sound_model_gets_it_right(dates):
    assert decode(dates, TEXT)[0].text == REFERENCE


KINDS = {
    Stage.ENCODER: SourceEdit,
    Stage.DECODER: SiteEdit,
    Stage.ATTENTION: SiteEdit,
    Stage.PREDICTION: LogitEdit,
    Stage.SEARCH: SettingEdit,
}


@pytest.mark.parametrize(
    ("stage", "beam"), [*((stage, 1) for stage in KINDS), (Stage.ATTENTION, 3), (Stage.PREDICTION, 3)]
)
def test_the_stage_is_named_and_its_edits_mend_the_session(dates, stage, beam):
    session = session_of(dates, stage, beam_size=beam)
    session.start()
    session.step_out()
    assert session.results[0].text != REFERENCE
    verdict = answer(question_of(session, limit=WHOLE), at_once)
    assert verdict.stage is stage, verdict.text
    assert verdict.edits
    assert {type(edit) for edit in verdict.edits} == {KINDS[stage]}
    assert dates.target.text(verdict.repaired_output) == REFERENCE
    session.apply(verdict.edits)
    if not session.walk.at_sentence_end:
        session.step_out()
    assert dates.target.text(session.hypotheses()[0].tokens) == REFERENCE


def test_asking_leaves_no_trace(dates):
    session = session_of(dates, Stage.ATTENTION)
    session.start()
    session.step_out()
    before = (
        session.cursor,
        session.branches,
        session.results,
        session.stop,
        tuple(session.walk.branch.records),
    )
    answer(question_of(session, limit=FEW), at_once)
    after = (
        session.cursor,
        session.branches,
        session.results,
        session.stop,
        tuple(session.walk.branch.records),
    )
    assert after == before


def test_an_edited_branch_is_judged_with_its_edits(dates):
    session = session_of(dates, Stage.ATTENTION)
    session.start()
    session.next()
    session.next()
    session.force("1", frame=None)
    session.step_out()
    output = session.hypotheses()[0].tokens
    verdict = answer(question_of(session, limit=FEW), at_once)
    assert verdict.output == output
    assert output[1] == verdict.target.wrong


def test_the_same_question_has_the_same_answer(dates):
    session = session_of(dates, Stage.DECODER)
    session.start()
    one, other = (answer(question_of(session, limit=FEW), at_once) for _ in range(2))
    assert one == other


def test_numbers_are_those_of_the_edits(dates):
    session = session_of(dates, Stage.ATTENTION)
    session.start()
    verdict = answer(question_of(session), at_once)
    found = next(each for each in verdict.experiments if each.stage is Stage.ATTENTION)
    assert found.repaired
    session.apply(found.edits)
    logits = session.walk.branch.records[verdict.target.step].sites[sites.PREDICTION_LOGITS][0]
    best = torch.log_softmax(logits, dim=-1).topk(2)
    assert int(best.indices[0]) == verdict.target.wanted
    margin = float(best.values[0] - best.values[1])
    assert margin == pytest.approx(found.numbers["marginThen"], abs=1e-5)


def test_cases_are_seeded_and_honest(dates):
    pairs = pairs_of(HELD_OUT.days)
    one, other = ([*cases(dates, pairs, 5, 5)] for _ in range(2))
    assert [(case.text, case.fault.words) for case in one] == [
        (case.text, case.fault.words) for case in other
    ]
    assert [case.fault.stage for case in one] == list(PLANTING)
    for case in one:
        assert decode(dates, case.text)[0].text == case.reference
        assert decode(case.model, case.text, case.settings)[0].text == case.output != case.reference
        assert case.text not in [text for text, _ in case.controls]


def test_seeds_of_the_page_are_apart():
    assert not set(TUNING.seeds) & set(HELD_OUT.seeds)
    assert not {text for text, _ in pairs_of(TUNING.days)} & {text for text, _ in pairs_of(HELD_OUT.days)}
    assert all(one < other for one, other in pairwise(HELD_OUT.seeds))


@pytest.mark.timeout(600)
def test_most_planted_faults_are_named(warm):
    """In a process of its own, where shapes are not checked on every call: that is several times faster."""
    done = warm.run(["-m", "planted", SAMPLE], folder=ROOT, patience=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"of {SAMPLE}" in done.stdout


def test_a_faulty_model_without_a_fault_is_the_sound_one(dates):
    draw = random.Random(3)
    for text, _ in draw.sample(pairs_of(HELD_OUT.days), 10):
        assert decode(FaultyModel(dates, Fault(Stage.SEARCH, "", "")), text) == decode(dates, text)
