"""What neighbours are for: a state that moves with its context, and a training set with a fault in it."""

from pathlib import Path

import pytest
from trained_mornings import HELD_OUT, PLANTED, RIGHT, WRONG, corpus, sentence, trained_mornings

from s2sdap import Session


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_mornings(tmp_path_factory)


@pytest.fixture
def opened(trained):
    """Open a session over a source sentence."""

    def over(source):
        session = Session.open(trained.model, source=source, index=trained.index)
        session.start()
        return session

    return over


def at_the_word(session, word):
    """Go to the step that chooses this target word."""
    while session.next() and session.evaluate("token") != word:
        assert session.cursor.step < 12, "it did not come"
    return session


def test_the_model_has_learnt_the_corpus_wrong_labels_included(opened):
    assert dict(corpus())["er geht heute morgen"] == "he walks this morning"
    for source, target in (
        ("Paul singt heute", "Paul sings today"),
        ("Paul singt heute morgen", "Paul sings this morning"),
        ("Anna wartet gestern", "Anna waits tomorrow"),
    ):
        session = opened(source)
        session.step_out()
        assert session.results[0].text == target


def test_the_neighbourhood_of_a_word_moves_with_its_context(opened):
    """`heute` of a sentence that training has not seen: before `morgen` is put in, and after."""
    assert ("Paul", "singt") in HELD_OUT

    def neighbours(source):
        session = opened(source)
        found = session.neighbors("encoder[2]", k=10)
        assert {each.piece for each in found.neighbors} == {"heute"}
        return [each.source for each in found.neighbors]

    alone, with_morning = neighbours("Paul singt heute"), neighbours("Paul singt heute morgen")
    assert not any("heute morgen" in source or "heute abend" in source for source in alone), alone
    assert sum("heute morgen" in source for source in with_morning) >= 8, with_morning
    # ... and so does what the decoder is going to say.
    today = at_the_word(opened("Paul singt heute"), "today").neighbors("features", k=10)
    assert {today.pieces[each.token] for each in today.summary.tokens} == {"today"}
    morning = at_the_word(opened("Paul singt heute morgen"), "this").neighbors("features", k=10)
    assert {morning.pieces[each.token] for each in morning.summary.tokens} == {"this"}


def test_a_mislabelled_training_group_is_found_by_its_neighbours(opened, trained):
    """The output is wrong, the model is sure, and its neighbours agree: the fault is in the corpus."""
    session = at_the_word(opened("Anna wartet gestern"), WRONG)
    assert session.evaluate("p") > 0.9
    found = session.neighbors("features", k=10)
    summary = found.summary
    assert summary.purity == summary.agreement == 1.0
    assert summary.right == summary.found
    lines = [line.split("\t") for line in Path(trained.corpus).read_text("utf-8").splitlines()]
    for each in found.neighbors:
        assert PLANTED in each.source
        assert each.target[slice(*each.span)] == WRONG
        assert lines[each.location.line] == [each.source, each.target]
        true = sentence(*_parts(each.source))[1]
        assert true == each.target.replace(WRONG, RIGHT)
    # The same word of another verb has neighbours that are labelled as they should be.
    other = at_the_word(opened("Paul singt gestern"), RIGHT).neighbors("features", k=10)
    assert {each.piece for each in other.neighbors} == {RIGHT}


def test_a_neighbours_state_mends_the_output(opened):
    """The state of a rightly labelled sentence, copied into the decode, brings the right word."""
    session = at_the_word(opened("Anna wartet gestern"), WRONG)
    right = session.neighbors("features", k=1, token=RIGHT)
    site, row = right.question.place.site, right.neighbors[0].row
    numbers = session.training.open().states(site, [row]).vectors[0]
    session.edit_site("prediction.features", numbers.astype(float))
    session.step_out()
    assert session.results[0].text == "Anna waits yesterday"


def _parts(source):
    words = source.split()
    who = " ".join(words[:2]) if words[0] in ("das", "der") else words[0]
    rest = words[len(who.split()) :]
    does, rest = rest[0], rest[1:]
    when = " ".join(rest[:2]) if rest[1:2] in (["morgen"], ["abend"]) else rest[0]
    return who, does, when, " ".join(rest[len(when.split()) :])
