"""An edit of attention changes the output as it must, on a model that was trained to need it."""

import math

import pytest
from trained_reversal import trained_reversal

from s2sdap.debugger.session import Session

WORD = "kbxqzd"


pytestmark = pytest.mark.timeout(600)  # the first of them trains, or waits for who does


@pytest.fixture(scope="module")
def model(warm, tmp_path_factory) -> str:
    return f"hf:{trained_reversal(warm, tmp_path_factory)}"


@pytest.fixture
def session(model) -> Session:
    session = Session.open(model, source=WORD)
    session.start()
    session.next()
    return session


def letter(piece: str) -> str:
    return piece.replace("▁", "")


def test_it_reverses(model):
    session = Session.open(model, source=WORD, stop_on_entry=False)
    session.start()
    assert session.results[0].text == WORD[::-1]


def test_attention_looks_at_the_letter_that_is_written(session):
    written = []
    while session.stop.cursor is not None and session.cursor.stage == "search":
        written.append(letter(session.evaluate("token")))
        focus = session.evaluate("focus")
        if written[-1] in WORD and len(written) <= len(WORD):
            assert letter(session.frame.attended[focus].piece) == written[-1]
        session.next()
    assert "".join(written).startswith(WORD[::-1])


@pytest.mark.parametrize("position", range(1, len(WORD) - 1))
def test_looking_elsewhere_writes_what_stands_there(session, position):
    wanted = next(
        index
        for index, token in enumerate(session.frame.source.tokens)
        if letter(token.piece) == WORD[position] and token.span is not None
    )
    session.edit_attention(wanted, 1.0)
    assert letter(session.evaluate("token")) == WORD[position]
    assert session.evaluate("p") > 0.5
    assert session.evaluate("focus") == wanted
    assert session.evaluate("attention")[wanted] == pytest.approx(1)


def test_the_run_goes_on_from_the_edit_and_the_first_branch_stays_as_it_was(session):
    branch = session.walk.branch
    before = session.evaluate("logits")
    session.edit_attention(2, 1.0)
    assert session.evaluate("logits") != before
    assert session.walk.branch is not branch
    first = branch.records[0].sites["prediction.logits"][0].double().tolist()
    assert first == before
    session.step_out()
    assert session.results[0].text != WORD[::-1]


def test_one_head_of_one_layer(session):
    before = session.evaluate("logits")
    session.edit_attention(2, 1.0, layer=0, head=1)
    weights = session.frame.site("attention.weights")
    assert float(weights[0, 1, 2]) == pytest.approx(1)
    assert session.evaluate("logits") != before
    assert math.isfinite(session.evaluate("entropy"))
