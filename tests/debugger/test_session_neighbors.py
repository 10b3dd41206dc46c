"""The neighbours of a session's states: the tensor on show is what is asked for, edits included."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from tiny_models import rnn

from s2sdap import Session
from s2sdap.debugger.breakpoints import (
    Armed,
    DataBreakpoint,
    SentenceBreakpoint,
    TokenBreakpoint,
    extras,
    watched,
)
from s2sdap.debugger.editing import console
from s2sdap.debugger.neighbors.drawing import scene_of, trajectory
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.lookups import parse_lookup
from s2sdap.debugger.neighbors.marking import marked, target_spans
from s2sdap.debugger.neighbors.pointing import frame_of
from s2sdap.debugger.neighbors.telling import line_of, looked_up, told
from s2sdap.debugger.scopes import scopes_of
from s2sdap.debugger.watch_rules import parse_rule
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

OWN = "March 3, 1999"
"""The first sentence of the index."""


@pytest.fixture
def session(date_index):
    session = Session.open(source=OWN, index=date_index.path)
    session.start()
    return session


@pytest.fixture
def at_a_month(session):
    """At the step that chooses the first digit of the month."""
    while session.cursor.step < 5:
        session.next()
    return session


def test_a_training_sentence_finds_itself(session):
    """What a batch computes is off in its last bits, so it stands at a distance of rounding."""
    found = session.neighbors("encoder[2]", k=3)
    first = found.neighbors[0]
    assert (first.sentence, first.position, first.piece) == (0, 2, "r")
    assert (first.before, first.after) == ("a", "c")
    assert first.source[slice(*first.span)] == "r"
    assert first.distance < 0.01 < found.neighbors[1].distance
    assert first.predicted is first.right is None
    session.next()
    for place, position in (("state", 0), ("context", 0), ("layers[0]", 0), ("features", 0)):
        first = session.neighbors(place, k=1).neighbors[0]
        assert (first.sentence, first.position) == (0, position), place
        assert first.distance < 0.01
        assert first.right is (first.predicted_piece == "1")


def test_the_first_to_ask_hears_how_far_the_measuring_is(session, date_index, tmp_path):
    fresh = shutil.copytree(date_index.path, tmp_path / "index", ignore=shutil.ignore_patterns("reference-*"))
    index, lookup, heard = OpenIndex(StateStore.open(fresh)), parse_lookup("neighbors(state, k=2)"), []
    session.next()
    for _ in range(2):  # what is measured is kept
        looked_up(index, session.frame, lookup, "", say=lambda *told: heard.append(told))
        assert heard[-1] == ("how far training states are apart: 1,000 of 1,000", 100.0)
        assert len(heard) == 16


def test_what_is_told_of_them(at_a_month, date_index):
    found = at_a_month.neighbors("state", k=8)
    assert found.exact
    assert (found.kind, found.metric, found.recall) == ("exact", "l2", None)
    assert [each.distance for each in found.neighbors] == sorted(each.distance for each in found.neighbors)
    first = found.neighbors[0]
    assert (first.location.path, first.location.line) == (date_index.corpus, 0)
    assert line_of(first).endswith("March 3, 1999 → 1999-›0‹3-03")
    shares = {found.pieces[each.token]: each for each in found.summary.tokens}
    assert sum(each.probability for each in shares.values()) == pytest.approx(1)
    assert shares["0"].model == pytest.approx(at_a_month.evaluate("p"))
    assert sum(each.count for each in shares.values()) == found.summary.found == 8
    assert found.summary.agreement == shares["0"].count / 8
    assert told(found).startswith("8 of ")


def test_an_edited_state_asks_for_the_neighbours_of_the_edited_state(at_a_month):
    before = at_a_month.neighbors("state", k=5)
    other = before.neighbors[4]
    outcome = console.run(at_a_month, at_a_month.frame, "copy state from neighbor 4")
    after = at_a_month.neighbors("state", k=1).neighbors[0]
    assert (after.row, after.distance) == (other.row, 0.0)
    assert "64 values of decoder.state" in outcome.text
    # The numbers themselves are in the edit: it needs no index to be made again.
    (edit,) = at_a_month.edits
    assert len(edit.values) == 64
    assert at_a_month.evaluate("state") == pytest.approx(list(edit.values))
    at_a_month.undo()
    assert at_a_month.neighbors("state", k=1).neighbors[0].row == before.neighbors[0].row


def test_source_states_are_copied_by_position(session):
    wanted = session.neighbors("encoder[9]", k=2).neighbors[1]
    console.run(session, session.frame, "states[9] = neighbor 1")
    assert session.neighbors("encoder[9]", k=1).neighbors[0].row == wanted.row
    for line, number in (
        ("copy states from neighbor 1", 4124),
        ("copy states[9] from neighbor 1 step 2", 4124),
        ("copy states[9] from neighbor 100000", 4107),
    ):
        with pytest.raises(S2sdapError, match=f"S2S{number}"):
            console.run(session, session.frame, line)
    session.next()
    with pytest.raises(S2sdapError, match="states, not attention"):
        console.run(session, session.frame, "copy attention from neighbor 1")


def test_filters(at_a_month):
    def found(**wanted):
        return at_a_month.neighbors("state", k=30, **wanted).neighbors

    assert {each.piece for each in found(token="1")} == {"1"}
    assert {each.right for each in found(right=True)} == {True}
    assert {each.sentence for each in found(sentences=(5, 9))} <= set(range(5, 10))
    assert found()[0].source == OWN
    assert all(each.source != OWN for each in found(others=True))
    assert len(found(others=True)) == 30
    cosine = at_a_month.neighbors("state", k=3, metric="cosine")
    assert all(0 <= each.distance <= 2 for each in cosine.neighbors)
    source = at_a_month.neighbors("encoder[0]", k=5, token="M").neighbors
    assert {each.piece for each in source} == {"M"}
    for wanted, number in (
        ({"token": "x"}, 4103),
        ({"k": 0}, 4107),
        ({"metric": "taxi"}, 4534),
        ({"kind": "oracle"}, 4534),
    ):
        with pytest.raises(S2sdapError, match=f"S2S{number}"):
            at_a_month.neighbors("state", **wanted)


def test_the_stage_decides_where_no_place_is_named(session):
    seen = []
    for _ in range(5):
        question = session.neighbors(k=1).question
        seen.append((session.cursor.stage.value, str(question.place.site)))
        session.step_in()
    assert seen == [
        ("encoder", "encoder.states"),
        ("decoder", "decoder.state"),
        ("attention", "attention.context"),
        ("prediction", "prediction.features"),
        ("search", "decoder.state"),
    ]


@pytest.mark.parametrize(
    ("place", "number"),
    [("encoder[99]", 4107), ("layers[7]", 4516), ("cells[0]", 4516), ("encoder.layers[0][1]", 4516)],
)
def test_places_that_are_not_there(at_a_month, place, number):
    with pytest.raises(S2sdapError, match=f"S2S{number}"):
        at_a_month.neighbors(place)


def test_a_state_that_has_not_come(session):
    with pytest.raises(S2sdapError, match="S2S4108"):
        session.neighbors("state")


def test_the_scope_opens_to_them(at_a_month):
    scope = {each.name: each for each in scopes_of(at_a_month.frame)}["Neighbours"]
    assert scope.expensive
    assert scope.slow
    items = {each.name: each for each in scope.items()}
    assert [name for name in items if name.isdigit()] == [str(number) for number in range(20)]
    assert items["0"].location.line == 0
    opened = {each.name: each for each in items["0"].children.page(0, 20)}
    assert opened["distance"].value == repr(at_a_month.neighbors(k=1).neighbors[0].distance)
    context = {each.name: each for each in items["context"].later().page(0, 100)}
    assert context["0"].value == line_of(at_a_month.neighbors("context", k=1).neighbors[0])
    assert items["context"].expression == "neighbors(context)"
    encoder = next(each for each in scopes_of(at_a_month.frames()[-1]) if each.name == "Neighbours").items()
    assert [each.name for each in encoder[:3]] == ["encoder[0]: M", "encoder[1]: a", "encoder[2]: r"]


def test_how_far_it_is_from_training(at_a_month, date_index):
    distance = at_a_month.evaluate("training_distance")
    assert distance == at_a_month.neighbors("state", k=1).neighbors[0].distance
    near = at_a_month.evaluate("training_percentile")
    state = np.array(at_a_month.evaluate("state"))
    at_a_month.edit_site("decoder.state", -5 * state)
    assert at_a_month.evaluate("training_percentile") == 100.0 > near
    assert at_a_month.neighbors("state").summary.percentile == 100.0
    assert StateStore.open(date_index.path).sentence_count == 400


def test_any_step_that_was_computed_can_be_pointed_at(at_a_month):
    frame = frame_of(at_a_month, step=0)
    assert (frame.step, frame.piece(frame.chosen.token)) == (0, "1")
    assert frame_of(at_a_month, step=-1).record is None
    at_a_month.force("1")
    assert frame_of(at_a_month, branch=0).step == 5
    assert frame_of(at_a_month, branch=0, step=5).chosen.token != frame_of(at_a_month, step=5).chosen.token
    for pointed, number in (
        ({"step": 40}, 4142),
        ({"branch": 9}, 4143),
        ({"sentence": 3}, 4403),
        ({"step": 2, "hypothesis": 77}, 4407),
    ):
        with pytest.raises(S2sdapError, match=f"S2S{number}"):
            frame_of(at_a_month, **pointed)


def test_without_an_index_everything_else_works():
    session = Session.open(rnn(), source="abc")
    session.start()
    session.next()
    assert "Neighbours" not in [each.name for each in scopes_of(session.frame)]
    for ask in (
        session.neighbors,
        lambda: session.evaluate("neighbors(state)"),
        lambda: session.evaluate("training_percentile"),
        lambda: console.run(session, session.frame, "copy state from neighbor 0"),
    ):
        with pytest.raises(S2sdapError, match="index build --model") as caught:
            ask()
        assert caught.value.number == 4550


def test_another_models_index_is_refused(date_index, tmp_path):
    with pytest.raises(S2sdapError, match="S2S4511"):
        Session.open(source=OWN, index=tmp_path)
    with pytest.raises(S2sdapError, match="S2S4514"):
        Session.open(rnn(), source="ab", index=date_index.path)


def test_where_target_tokens_stand():
    assert target_spans("1999-03", ("1", "9", "9", "9", "-", "0", "3", "</s>")) == (
        *(Span(at, at + 1) for at in range(7)),
        None,
    )
    assert target_spans("a dog", ("▁a", "▁do", "g", "</s>")) == (Span(0, 1), Span(2, 4), Span(4, 5), None)
    assert target_spans("a cat", ("a", "<unk>", "cat")) == (Span(0, 1), None, Span(2, 5))
    assert target_spans("ab", ("<unk>", "b")) == (None, None)  # where it stands after that is not known


def test_a_marked_text_is_cut_around_its_token():
    assert marked("March", Span(1, 2)) == "M›a‹rch"
    assert marked("March", None) == "March"
    long = "x" * 100 + "!" + "y" * 100
    shown = marked(long, Span(100, 101))
    assert "›!‹" in shown
    assert shown.startswith("…x")
    assert shown.endswith("y…")
    assert len(shown) == 62


@pytest.mark.parametrize(
    "armed",
    [
        Armed.of(rules=[parse_rule("farFromTraining(p < 2)")]),
        Armed.of(rules=[parse_rule("lowConfidence(training_distance > 1)")]),
        Armed.of([SentenceBreakpoint(1, 0, extras("training_percentile > 99"))]),
        Armed.of([SentenceBreakpoint(1, 0, extras(None, None, "at {training_percentile:.1f}"))]),
        Armed.of(tokens=[TokenBreakpoint(1, 0, 0, extras("training_percentile > 99"))]),
        Armed.of(data=[DataBreakpoint(1, watched("training_percentile > 50"))]),
    ],
)
def test_a_run_that_is_going_to_ask_the_index_says_so(armed):
    assert armed.of_training


def test_a_run_that_is_not_does_not():
    rules = [parse_rule("lowConfidence"), parse_rule("attentionCollapse")]
    assert not Armed.of([SentenceBreakpoint(1, 0, extras("p < 0.5", ">2"))], rules=rules).of_training


def test_a_picture_of_many_states_looks_at_fewer_neighbours_of_each(at_a_month, date_index):
    index = at_a_month.training.open()
    site = StateSite("decoder.state")
    frames = at_a_month.frames()[::-1]
    path = trajectory("left", frames, site)
    assert path.positions == (0, 1, 2, 3, 4, 5)
    target = at_a_month.model.target
    assert scene_of(site, [path], index, 7, target).neighbors == 7
    many = replace(
        path,
        positions=path.positions * 500,
        pieces=path.pieces * 500,
        vectors=np.tile(path.vectors, (500, 1)),
    )
    scene = scene_of(site, [many], index, 7, target)
    assert scene.neighbors == 3
    assert len(scene.groups[1].keys) <= 3 * 6  # each training state once
    assert scene_of(StateSite("decoder.cells", 0), [path], index, 7, target).neighbors == 0
