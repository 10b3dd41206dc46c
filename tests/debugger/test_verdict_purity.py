"""What an index of training states says in a verdict of the word that the encoder read."""

import copy

import pytest
from date_index import date_index

from s2sdap import Session
from s2sdap.debugger.neighbors.training import Training
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.verdict import Absent, Experiment
from s2sdap.debugger.verdict.asking import answer, question_of
from s2sdap.debugger.verdict.records import PURITY
from s2sdap.debugger.verdict.trials import at_once
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

FEW = 600
"""Steps that are enough to get to the experiment."""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return date_index(tmp_path_factory).path


def purity(model, source, reference, index=None, **asked):
    training = Training(load_model("dates"), index)  # the index is of the model as it was trained
    session = Session(model, inline_program(source, reference), SearchSettings(), training=training)
    session.start()
    verdict = answer(question_of(session, limit=FEW, **asked), at_once)
    return next(each for each in (*verdict.experiments, *verdict.absent) if each.name == PURITY)


def test_a_word_that_is_read_as_it_was_in_training_has_neighbours_of_its_own(index):
    made = purity(load_model("dates"), "J 4, 2005", "2005-01-04", index)
    assert isinstance(made, Experiment)
    assert made.numbers["neighbors"] == 20
    assert made.numbers["same"] >= 0.9
    assert made.numbers["purity"] >= made.numbers["same"]
    assert 0 <= made.numbers["percentile"] <= 100
    assert not made.blames
    assert not made.edits
    assert "of the 20 training states nearest to 'J' are of it too" in made.text


def test_a_word_whose_embedding_is_another_word_s_has_the_neighbours_of_that(index):
    """'3' is read as '7' is: the neighbours say so, by the word that they are of."""
    model = load_model("dates")
    faulty = copy.copy(model)
    faulty.network = copy.deepcopy(model.network)
    ids = {token.piece: token.id for token in model.tokenize("37").tokens}
    weights = faulty.network.source_embedding.weight.data
    weights[ids["3"]] = weights[ids["7"]]
    made = purity(faulty, "March 3, 1999", "1999-03-03", index)
    assert isinstance(made, Experiment)
    assert made.numbers["same"] <= 0.1
    assert made.blames
    assert made.text.endswith("most are of '7'")


def test_without_an_index_it_says_so():
    made = purity(load_model("dates"), "J 4, 2005", "2005-01-04")
    assert made == Absent(made.stage, PURITY, "this session has opened no index of training states")


def test_an_index_that_cannot_be_opened_is_named(tmp_path):
    made = purity(load_model("dates"), "J 4, 2005", "2005-01-04", tmp_path / "none")
    assert isinstance(made, Absent)
    assert str(tmp_path / "none") in made.reason
