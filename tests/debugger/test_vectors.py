"""Vectors, gates and the walk-through of a step: the very numbers that the run used."""

import pytest
import torch
from jaxtyping import Float

from s2sdap import Session
from s2sdap.debugger.gates import gate_saturation, gates_at
from s2sdap.debugger.vectors import BINS, PROBABILITIES, shown_sites, steps_with, summary_of, vectors_of
from s2sdap.debugger.walkthrough import walk_through
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

assert Float  # annotations of the package are checked while it is tested


@pytest.fixture(scope="module")
def session():
    """The date model in the middle of a sentence."""
    session = Session.open(model="dates", source="March 3, 1999")
    session.start()
    for _ in range(5):
        session.next()
    return session


def test_rows_are_the_steps_own_vectors(session):
    frame = session.frame
    rows = steps_with(frame, sites.DECODER_STATE)
    table = vectors_of(frame, sites.DECODER_STATE, rows, None, None)
    assert table.shape[:2] == (5, 1)
    for row, stack in zip(table, session.frames()[:5][::-1], strict=True):
        assert torch.equal(row[0], stack.site(sites.DECODER_STATE))
    layers = vectors_of(frame, sites.DECODER_LAYERS, rows, None, None)
    assert torch.equal(layers[:, -1], table[:, 0])
    assert torch.equal(vectors_of(frame, sites.DECODER_LAYERS, rows, 0, None)[:, 0], layers[:, 0])


def test_the_encoder_has_a_row_a_token(session):
    frame = session.frame
    table = vectors_of(frame, sites.ENCODER_STATES, [], None, None)
    assert torch.equal(table[:, 0], frame.site(sites.ENCODER_STATES))
    assert len(table) == len("March 3, 1999")


def test_sites_are_those_that_have_come(session):
    before = Session.open(model="dates", source="March 3, 1999")
    before.start()
    assert {each.name for each in shown_sites(before.frame)} <= {sites.ENCODER_STATES, sites.ENCODER_LAYERS}
    shown = {each.name: each for each in shown_sites(session.frame)}
    assert shown[sites.DECODER_STATE].layers == 0
    assert shown[sites.DECODER_LAYERS].layers > 0
    assert sites.ATTENTION_WEIGHTS not in shown  # no vector of features
    with pytest.raises(S2sdapError) as refused:
        vectors_of(before.frame, sites.DECODER_STATE, [], None, None)
    assert refused.value.name == "not_yet"


def test_tokens_have_logits_and_probabilities(session):
    frame = session.frame
    shown = {each.name: each.size for each in shown_sites(frame)}
    assert shown[sites.PREDICTION_LOGITS] == shown[PROBABILITIES] == len(frame.decode.model.target)
    rows = steps_with(frame, PROBABILITIES)
    logits = vectors_of(frame, sites.PREDICTION_LOGITS, rows, None, None)
    assert torch.equal(logits[-1, 0], frame.site(sites.PREDICTION_LOGITS))
    probabilities = vectors_of(frame, PROBABILITIES, rows, None, None)
    torch.testing.assert_close(probabilities, logits.softmax(dim=-1))
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("site", "layer"), [("nothing", None), (sites.PREDICTION_LOGPROBS, None), (sites.DECODER_LAYERS, 99)]
)
def test_what_cannot_be_shown_is_refused(session, site, layer):
    frame = session.frame
    with pytest.raises(S2sdapError):
        vectors_of(frame, site, steps_with(frame, sites.DECODER_STATE), layer, None)


def test_gates_lead_to_the_state_that_was_recorded(session):
    """h' = o tanh(f c + i g) of an LSTM, n + z (h - n) of a GRU: from the gates, bit for bit."""
    frame = session.frame
    gates = gates_at(frame)
    rows = steps_with(frame, sites.DECODER_LAYERS)
    before, now = (rows[at].record.sites[sites.DECODER_LAYERS][rows[at].row] for at in (-2, -1))
    assert len(gates) == len(now)
    for layer, parts in enumerate(gates):
        if "forget" in parts:
            cells = rows[-2].record.sites[sites.DECODER_CELLS][rows[-2].row][layer]
            memory = parts["forget"] * cells + parts["input"] * parts["candidate"]
            made = parts["output"] * torch.tanh(memory)
        else:
            made = parts["candidate"] + parts["update"] * (before[layer] - parts["candidate"])
        assert torch.equal(made, now[layer])


def test_looking_at_gates_changes_nothing():
    runs = []
    for look in (False, True):
        session = Session.open(model="dates", source="J 4, 2005")
        session.start()
        while not session.hypotheses() or session.cursor.step < 6:
            session.next()
            if look:
                gates_at(session.frame)
        runs.append([frame.site(sites.DECODER_STATE) for frame in session.frames()[:6]])
    assert all(torch.equal(one, other) for one, other in zip(*runs, strict=True))


def test_a_step_in_its_parts(session):
    frame = session.frame
    parts = dict(walk_through(frame))
    assert list(parts) == ["in", "state", "scores", "weights", "context", "together", "features"]
    (state,), (context,), (both,) = parts["state"], parts["context"], parts["together"]
    assert torch.equal(both.vector, torch.cat((state.vector, context.vector)))
    embedded, before = parts["in"]
    table = session.model.target_embeddings()
    assert torch.equal(embedded.vector, table.vectors[frame.before.token])
    assert torch.equal(before.vector, session.frames()[1].site(sites.DECODER_STATE))


def test_summaries():
    found = summary_of(torch.tensor([[-1.0, 0.0, 0.0, 0.97, float("nan")]]))
    assert (found.least, found.odd, found.zero) == (-1.0, 1, 0.5)
    assert found.saturated == 0.5
    assert (len(found.counts), found.counts.sum()) == (BINS, 4)
    wide = summary_of(torch.tensor([3.0, 3.0]))
    assert (wide.saturated, wide.deviation, wide.counts.sum()) == (None, 0.0, 2)
    assert summary_of(torch.full((3,), float("inf"))).odd == 3
    assert gate_saturation(torch.tensor([0.0, 0.5, 0.96, 0.2])) == 0.5
