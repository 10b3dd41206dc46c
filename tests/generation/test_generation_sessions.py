"""Sessions over a call of `generate`: verbs, edits, rules, expressions and scopes, for each kind of model."""

import math
import random

import numpy as np
import pytest
import torch
from generating import face_of, inputs, model_of, plain, written
from left_behind import assert_same_content, record_content

from s2sdap import Session
from s2sdap.debugger import ahead
from s2sdap.debugger.breakpoints import Armed, StageBreakpoint
from s2sdap.debugger.expressions import compile_expression
from s2sdap.debugger.fields import FIELDS, OF_TRAINING
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.scopes import scopes_of
from s2sdap.debugger.stops import StopReason
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

KINDS = ("bart", "prophetnet", "whisper", "trocr", "llama", "gemma3")
STEPS = 5


@pytest.fixture
def session_of():
    """Makes sessions over a family; the taps stay in place while the test runs."""
    installed = []

    def make(name, batch=1, lines="one", budget=2**28, **settings):
        face = face_of(name)
        taps = face.taps.installed()
        taps.__enter__()
        installed.append(taps)
        arguments = {**inputs(name, batch), "max_new_tokens": STEPS, **settings}

        def planner(text, **_):
            torch.manual_seed(7)
            return GeneratePlan.of_call(face, (), arguments)

        return Session(face, inline_program(lines), planner=planner, of_call=True, budget=budget)

    yield make
    for taps in reversed(installed):
        taps.__exit__(None, None, None)


def expected(name, **settings):
    done = plain(name, max_new_tokens=STEPS, **settings)
    prompt = 1 if model_of(name).config.is_encoder_decoder else inputs(name)["input_ids"].shape[1]
    return [written(row, prompt) for row in done.sequences]


def positions(session):
    """Every position of a sentence, stage by stage."""
    stop = session.start()
    out = []
    while stop.cursor is not None:
        out.append((stop.cursor.step, stop.cursor.stage))
        stop = session.step_in()
    return out


@pytest.mark.parametrize("name", KINDS)
def test_stages_come_in_the_order_in_which_the_model_computes_them(name, session_of):
    session = session_of(name)
    inner = [Stage.ATTENTION, Stage.DECODER, Stage.PREDICTION, Stage.SEARCH]
    steps = len(expected(name)[0])
    whole = [(step, stage) for step in range(steps) for stage in inner]
    if model_of(name).config.is_encoder_decoder:
        whole.insert(0, (-1, Stage.ENCODER))
    assert positions(session) == whole
    assert [output.tokens for output in session.results[0].outputs] == expected(name)


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}, {"do_sample": True}])
@pytest.mark.parametrize("name", ["bart", "llama"])
def test_verbs_there_and_back(name, search, session_of):
    session = session_of(name, lines="one\ntwo", **search)
    session.start()
    forward = []
    while (stop := session.next()).cursor is not None:
        forward.append(stop.cursor)
    assert stop.reason is StopReason.END
    both = [session.results[sentence].outputs for sentence in (0, 1)]
    assert [each.tokens for each in both[0]] == expected(name, **search)
    assert both[0] == both[1]
    back = []
    while not session.walk.at_program_start:
        back.append(session.step_back().cursor)
    places = [(cursor.sentence, cursor.step, cursor.stage) for cursor in forward]
    there = [(cursor.sentence, cursor.step, cursor.stage) for cursor in reversed(back)]
    assert there[1:] == places[: len(there) - 1] or there == places[: len(there)]
    assert len(there) >= len(places)
    with pytest.raises(S2sdapError, match="first position"):
        session.step_back()
    end = session.step_out().cursor
    assert (end.sentence, end.stage) == (0, Stage.SEARCH)
    assert session.walk.at_sentence_end
    inside = session.step_back(stage=True).cursor
    assert (inside.step, inside.stage) == (end.step, Stage.PREDICTION)
    assert session.continue_().reason is StopReason.END
    assert session.reverse_continue().reason is StopReason.ENTRY
    assert session.results[0].outputs == both[0]


@pytest.mark.parametrize("search", [{}, {"num_beams": 3}, {"do_sample": True, "num_return_sequences": 2}])
def test_forcing_and_looking_again(search, session_of):
    session = session_of("bart", **search)
    session.start()
    for _ in range(3):
        session.next()
    plainly = [output.tokens for output in session.results[0].outputs] if session.results else None
    session.force(66)
    assert session.stop.reason is StopReason.EDIT
    assert session.evaluate("token") == "#66"
    assert session.evaluate("hypothesis") == session.cursor.hypothesis
    step = session.cursor.step
    session.continue_()
    best = [output.tokens for output in session.results[0].outputs]
    assert any(tokens[step] == 66 for tokens in best[: 1 if "num_beams" in search else 2])
    assert plainly is None or best != plainly


def test_editing_attention(session_of):
    for name in ("bart", "llama"):
        session = session_of(name)
        session.start()
        for _ in range(3):
            session.next()
        before = session.evaluate("logits")
        session.edit_attention(2, 1.0)
        row = session.evaluate("attention")
        assert row[2] == pytest.approx(1.0)
        assert sum(row) == pytest.approx(1.0)
        assert session.evaluate("focus") == 2
        assert session.evaluate("logits") != before
        session.continue_()


def test_editing_the_source(session_of):
    session = session_of("bart")
    session.start()
    session.edit_site("encoder.states", [0.5] * 16, index=(1,))
    session.continue_()
    assert session.results[0].branch == 1
    assert [output.tokens for output in session.results[0].outputs] != expected("bart")


def test_refused_edits_change_nothing(session_of):
    session = session_of("bart")
    session.start()
    session.next()
    before = session.evaluate("logits")
    for wrong in (
        lambda: session.edit_site("decoder.state", [0.5] * 3),
        lambda: session.edit_site("decoder.state", [math.nan] * 16),
        lambda: session.edit_site("decoder.cells", [0.5]),
        lambda: session.force("#4711"),
    ):
        with pytest.raises(S2sdapError):
            wrong()
        assert session.cursor.branch == 0
        assert session.evaluate("logits") == before


def test_stage_breakpoints_and_rules(session_of):
    session = session_of("bart", num_beams=2)
    session.armed = Armed.of(stages=[StageBreakpoint.of(4, Stage.PREDICTION)])
    session.start()
    for step in range(2):
        stop = session.continue_()
        assert (stop.reason, stop.cursor.step, stop.cursor.stage) == (
            StopReason.STAGE,
            step,
            Stage.PREDICTION,
        )
    session.armed = Armed.of(rules=[parse_rule("lowConfidence(p < 0.99)")])
    stop = session.continue_()
    assert stop.reason is StopReason.RULE
    assert stop.finding.p < 0.99
    assert stop.finding.token == session.evaluate("token")
    assert stop.finding.p == pytest.approx(session.evaluate("p"))


@pytest.mark.parametrize("search", [{}, {"num_beams": 2}, {"do_sample": True}])
def test_records_that_were_dropped_come_back(search, session_of):
    session = session_of("bart", lines="one\ntwo\nthree", budget=1, **search)
    kept = session_of("bart", lines="one\ntwo\nthree", **search)
    for each in (session, kept):
        each.start()
        each.next()
        each.next()
        each.force(70)
        each.continue_()
    assert session.results == kept.results
    for each in (session, kept):
        for _ in range(2 * STEPS + 4):
            each.step_back()
    assert session.cursor == kept.cursor
    for mine, theirs in zip(session.walk.branch.records, kept.walk.branch.records, strict=True):
        assert_same_content(record_content(mine), record_content(theirs))
    assert session.evaluate("logits") == kept.evaluate("logits")


@pytest.mark.parametrize("name", KINDS)
def test_every_field_of_every_frame(name, session_of):
    session = session_of(name, **({"num_beams": 2} if name in {"bart", "llama"} else {}))
    session.start()
    for _ in range(3):
        session.next()
    paired = model_of(name).config.is_encoder_decoder
    width = len(session.frame.source.tokens)
    for hypothesis in session.hypotheses():
        for frame in session.frames(hypothesis.id):
            values = {}
            for field in FIELDS.keys() - OF_TRAINING - {"copy"}:
                if frame.stage is Stage.ENCODER and field not in {
                    "step",
                    "stage",
                    "sentence",
                    "source",
                    "line",
                }:
                    continue
                values[field] = session.evaluate(field, frame=frame)
            if frame.stage is Stage.ENCODER:
                assert len(values["source"]) == width
                continue
            read = width if paired else width + frame.step
            assert len(values["attention"]) == read == len(frame.attended)
            assert sum(values["attention"]) == pytest.approx(1.0, abs=1e-5)
            assert len(values["coverage"]) == read
            assert sum(values["coverage"]) == pytest.approx(frame.step + 1, abs=1e-4)
            assert values["attention"][values["focus"]] == max(values["attention"])
            assert len(values["logits"]) == len(values["logprobs"]) == 99
            assert values["p"] == pytest.approx(math.exp(values["logp"]))
            assert 0 <= values["rank"] < 99
            assert len(values["tokens"]) == frame.step + 1
            assert len(values["context"]) > 0
            assert len(values["state"]) > 0
            assert values["score"] <= 0
            assert values["reference"] is None
    compile_expression("p < 0.5 and step >= 0", FIELDS)
    matrix = session.attention()
    assert matrix.shape == (session.cursor.step + 1, width if paired else width + session.cursor.step)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0, atol=1e-5)


def described(items, depth=0):
    """Every description below some, page by page."""
    count = 0
    for item in items:
        assert isinstance(item.value, str)
        count += 1
        children = getattr(item, "children", None)
        if children is not None and depth < 4:
            count += described(children.page(0, min(children.count, 12)), depth + 1)
    return count


@pytest.mark.parametrize("name", KINDS)
def test_scopes_of_all_frames(name, session_of):
    session = session_of(name, num_beams=2, no_repeat_ngram_size=2)
    session.start()
    for _ in range(9):
        session.step_in()
    seen = set()
    for hypothesis in session.hypotheses():
        for frame in session.frames(hypothesis.id):
            for scope in scopes_of(frame):
                seen.add(scope.name)
                assert described(scope.items()) > 0, scope.name
    assert "Settings" in seen
    assert len(seen) >= 5


def test_a_batch_that_ends_at_different_times(session_of):
    ends = [1, *range(10, 99, 4)]
    settings = {"num_beams": 2, "eos_token_id": ends, "max_new_tokens": 9}
    session = session_of("bart", 3, **settings)
    session.start()
    alive = []
    while session.next().cursor is not None:
        alive.append({each.sentence for each in session.hypotheses() if not each.finished})
        for hypothesis in session.hypotheses():
            frame = session.frames(hypothesis.id)[0]
            assert len(frame.source.tokens) == 9
            assert session.evaluate("tokens", frame=frame) == [f"#{token}" for token in hypothesis.tokens]
            assert session.evaluate("logp", frame=frame) == hypothesis.logprob
    assert len({frozenset(each) for each in alive}) > 2
    outputs = session.results[0].outputs
    done = plain("bart", 3, **settings).sequences.tolist()
    assert [output.tokens for output in outputs] == [
        tuple(row[1 : 1 + len(output.tokens)]) for row, output in zip(done, outputs, strict=True)
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_random_walk(seed, session_of):
    """Whatever is done, what stands at a place is what a fresh run has there."""
    dice = random.Random(seed)
    session = session_of("t5" if seed % 2 else "gemma3", num_beams=2, do_sample=seed == 2)
    session.start()
    known = {}
    for _ in range(60):
        verbs = ["step_back", "stage_back"] * (not session.walk.at_program_start)
        verbs += ["next", "step_in", "step_in"] * (not session.walk.ended)
        verb = dice.choice(verbs)
        stop = session.step_back(stage=True) if verb == "stage_back" else getattr(session, verb)()
        if stop.cursor is None or stop.cursor.step < 0:
            continue
        frame = session.frame
        place = (stop.cursor.step, stop.cursor.stage, frame.row, stop.cursor.hypothesis)
        value = (frame.hypothesis.tokens, session.evaluate("attention"))
        assert known.setdefault(place, value) == value
    assert len(known) > 8


def test_steps_whose_tensors_are_let_go_are_not_computed_ahead(session_of, monkeypatch):
    """A rule that asked one later would have it run a second time, which costs more than it spares."""
    monkeypatch.setattr(ahead, "AHEAD_SECONDS", 1e6)
    passes = []
    hook = model_of("bart").register_forward_hook(lambda *_: passes.append(1))
    try:
        session = session_of("bart")
        session.walk.looks_ahead = True
        session.armed = Armed.of(rules=[parse_rule("highEntropy(entropy >= 0 and step == 2)")])
        session.start()
        assert session.continue_().cursor.step == 2
    finally:
        hook.remove()
    assert len(passes) == 3
