"""Neighbours of other models than our own, layer by layer: Hugging Face's with an encoder and without one,
OpenNMT-py's and Keras'."""

import pytest
from date_index import index_of
from models.hf_tiny import folder_of
from models.keras_equations import random_model
from models.keras_files import layers_of, write_keras
from models.opennmt_files import checkpoint_file, weights

from s2sdap import Session, load_model

LINES = ("the cat sat", "a dog sat on the mat", "the dog ran", "a cat", "the mat")
OWN = 1


@pytest.fixture(scope="module", params=["marian", "gpt2"])
def opened(request, tmp_path_factory):
    """A session over a line of a tiny model. Its index has no targets: it is of the model's own outputs."""
    folder = tmp_path_factory.mktemp(request.param)
    name = f"hf:{folder_of(request.param)}"
    model = load_model(name)
    index_of(model, [(line, None) for line in LINES], folder / "index", folder / "corpus")
    session = Session.open(name, source=LINES[OWN], index=folder / "index")
    session.start()
    session.next()
    session.next()
    return request.param, session


def test_every_layer_has_neighbours(opened):
    name, session = opened
    places = ["state", "layers[0]", "layers[1]", "contexts[0]", "features"]
    if name == "marian":
        places += ["encoder[1]", "encoder.layers[0][1]"]
    for place in places:
        found = session.neighbors(place, k=2)
        first = found.neighbors[0]
        assert (first.sentence, first.source, first.position) == (OWN, LINES[OWN], 1), place
        assert first.distance <= 0.02 * max(1.0, found.neighbors[1].distance), place
        assert first.piece
        if not first.of_source:  # the model wrote this, so it predicts it
            assert (first.right, first.target, first.piece) == (True, None, session.evaluate("token"))
    assert session.evaluate("training_distance") < 0.05


def test_a_layer_can_be_copied_from_a_neighbour(opened):
    from s2sdap.debugger.editing import console

    _, session = opened
    wanted = session.neighbors("layers[0]", k=2).neighbors[1]
    console.run(session, session.frame, "layers[0] = neighbor 1")
    assert session.neighbors("layers[0]", k=1).neighbors[0].row == wanted.row
    assert session.neighbors("layers[1]", k=1).neighbors[0].distance > 0  # the layer above went on from it
    session.undo()


def opennmt_file(folder):
    model, generator = weights(form="2021")
    generator["0.bias"][3] -= 6  # of the end symbol: its outputs are long enough to be looked at
    checkpoint_file(folder / "model.pt", model, generator, form="2021")
    return f"opennmt:{folder / 'model.pt'}", ("das Haus", "das Haus ist klein", "das gross Schön")


def keras_file(folder):
    write_keras(folder / "model.keras", layers_of(random_model("gru", "hard_sigmoid"), 4))
    return f"keras:{folder / 'model.keras'}", ("1+2", "535+61", "99+901")


@pytest.mark.parametrize(
    ("file", "places"),
    [
        (opennmt_file, ("state", "layers[0]", "layers[1]", "context", "features", "encoder[1]")),
        (keras_file, ("state", "layers[0]", "features", "encoder[1]")),
    ],
)
def test_a_file_of_another_program_has_neighbours(tmp_path, file, places):
    name, lines = file(tmp_path)
    index_of(load_model(name), [(line, None) for line in lines], tmp_path / "index", tmp_path / "corpus")
    session = Session.open(name, source=lines[OWN], index=tmp_path / "index")
    session.start()
    session.next()
    session.next()
    for place in places:
        found = session.neighbors(place, k=2)
        first = found.neighbors[0]
        assert (first.sentence, first.source, first.position) == (OWN, lines[OWN], 1), place
        assert first.distance <= 0.02 * max(1.0, found.neighbors[1].distance), place
    assert session.evaluate("training_distance") < 0.05
