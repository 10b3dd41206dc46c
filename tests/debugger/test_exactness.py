"""A decode that is stopped everywhere and stepped in every manner is the decode that nobody watches.

Bit for bit: tokens, scores, every tensor of every record, every snapshot.
"""

import pytest
from driving import BACKWARD, do, everything, finish, session_of
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from same_records import assert_same, run_again
from tiny_models import CONFIGS, PromptedModel, rnn

from s2sdap import SearchSettings, decode, load_model
from s2sdap.debugger.stops import StopReason
from s2sdap.decoding.step import Decode

VERBS = ("next", "step_in", "step_out", "continue_", *BACKWARD)
SOURCE = "abc\n\nhgfedcba\nb"


@st.composite
def searches(draw, prefix="zy"):
    """Settings of every kind of search; `prefix` is text that the model can write."""
    kind = draw(st.sampled_from(["greedy", "beam", "sample"]))
    max_length = draw(st.integers(1, 7))
    common = {
        "max_length": max_length,
        "min_length": draw(st.integers(0, max_length)),
        "no_repeat_ngram": draw(st.sampled_from([0, 0, 1, 2, 3])),
        "length_penalty": draw(st.sampled_from([0.0, 0.6])),
        "coverage_penalty": draw(st.sampled_from([0.0, 0.3])),
        "prefix": draw(st.sampled_from(["", prefix])) if max_length > len(prefix) else "",
    }
    if kind == "beam":
        width = draw(st.integers(2, 6))
        return common | {
            "beam_size": width,
            "n_best": draw(st.integers(1, width)),
            "early_stopping": draw(st.booleans()),
        }
    if kind == "sample":
        return common | {
            "sample": True,
            "n_best": draw(st.integers(1, 4)),
            "seed": draw(st.integers(0, 2**63 - 1)),
            "temperature": draw(st.sampled_from([1.0, 0.7, 3.0])),
            "top_k": draw(st.sampled_from([0, 3])),
            "top_p": draw(st.sampled_from([1.0, 0.8])),
        }
    return common


def check(model, settings, verbs, *, source=SOURCE, armed=True):
    session = session_of(model, source, **settings)
    if armed:
        session.armed = everything(session)
    session.start()
    for verb in verbs:
        if verb in BACKWARD and session.walk.at_program_start:
            continue
        if do(session, verb).reason is StopReason.END:
            session.step_back(stage=True)
    finish(session)
    branches = {}
    while not session.walk.at_program_start:
        session.step_back()
        branches[session.cursor.sentence] = session.walk.branch
    for sentence in session.program.sentences:
        plan = Decode.of(model, sentence.text, session.settings, sentence=sentence.index)
        encoder, records = run_again(plan)
        assert branches[sentence.index].id == 0
        assert_same(branches[sentence.index].encoder, encoder)
        assert_same(branches[sentence.index].records, records)
        plain = decode(model, sentence.text, session.settings, sentence=sentence.index)
        assert session.results[sentence.index].outputs == plain
    assert len(session.results) == len(session.program.sentences)


@given(
    config=st.sampled_from(CONFIGS),
    settings=searches(),
    verbs=st.lists(st.sampled_from(VERBS), max_size=25),
    armed=st.booleans(),
)
@hypothesis_settings(max_examples=40, deadline=None)
def test_stepping_changes_no_bit(config, settings, verbs, armed):
    check(rnn(config), settings, verbs, armed=armed)


@given(
    settings=searches(prefix="vu"), verbs=st.lists(st.sampled_from(VERBS), max_size=25), encoder=st.booleans()
)
@hypothesis_settings(max_examples=20, deadline=None)
def test_nor_for_a_model_without_attention_or_encoder(settings, verbs, encoder):
    check(PromptedModel(encoder=encoder), settings, verbs, source="abc\nde\nf")


@pytest.mark.parametrize(
    "settings", [{}, {"beam_size": 4, "n_best": 4, "length_penalty": 0.6, "coverage_penalty": 0.2}]
)
def test_nor_for_the_bundled_model(settings):
    model = load_model("dates")
    verbs = ["step_in"] * 5 + ["next", "next", "step_back", "stage_back", "continue_", "step_out"] * 2
    source = "March 3, 1999\n\nden 4. Mai 2021"
    check(model, settings, verbs, source=source)
    check(
        model,
        settings,
        ["reverse_continue", "step_out", "reverse_continue", "next"],
        source=source,
        armed=False,
    )


def test_reading_everything_changes_no_bit():
    """Expressions, scopes and frames of every stop, opened to the last value."""
    from s2sdap.debugger.fields import FIELDS, OF_TRAINING
    from s2sdap.debugger.scopes import scopes_of

    def opened(description):
        for child in description.children.page(0, 4) if description.children else ():
            opened(child)

    model = rnn()
    settings = {"beam_size": 2, "n_best": 2, "max_length": 3}
    session = session_of(model, "abc", **settings)
    session.start()
    while True:
        for hypothesis in session.hypotheses():
            for frame in session.frames(hypothesis.id):
                for scope in scopes_of(frame):
                    for item in scope.items():
                        opened(item)
                if frame.stage == "search":
                    for name in FIELDS.keys() - OF_TRAINING - {"copy"}:
                        session.evaluate(name, frame=frame)
        branch = session.walk.branch
        if session.step_in().reason is StopReason.END:
            break
    encoder, records = run_again(Decode.of(model, "abc", SearchSettings(**settings)))
    assert_same(branch.encoder, encoder)
    assert_same(branch.records, records)


def test_a_second_run_of_the_same_session_is_the_first():
    session = session_of(rnn(), SOURCE, sample=True, n_best=2, seed=4, max_length=6)
    session.start()
    finish(session)
    first = dict(session.results)
    session.restart()
    assert session.results == {}
    assert not session.walk.begun
    session.start()
    finish(session)
    assert session.results == first
