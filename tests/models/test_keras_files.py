"""Keras' files without Keras: they compute what Keras' equations give, and what cannot be read is refused."""

import json
import zipfile

import h5py
import numpy as np
import pytest
import torch
from keras_equations import random_model
from keras_files import functional, keras_2_config, layers_of, sequential, write_h5, write_keras

from s2sdap import S2sdapError
from s2sdap.debugger.conformance import check_model
from s2sdap.decoding.decode import decode
from s2sdap.models.keras.loading import load
from s2sdap.models.loading import load_model

KINDS = [
    ("lstm", "sigmoid", False),
    ("lstm", "hard_sigmoid_sixth", False),
    ("gru", "sigmoid", True),
    ("gru", "sigmoid", False),
    ("rnn", "sigmoid", False),
]
IDS = [2, 0, 11, 7, 7, 1, 4]  # in the order in which the file's encoder reads them


def softmax_of(model, ids):
    """What the loaded model gives for one-hot vectors that Keras would be given in this order."""
    with torch.no_grad():
        return model.network(torch.tensor([ids[::-1] if model.config.reversed else ids])).softmax(-1)[0]


def agree(model, keras, ids=IDS):
    np.testing.assert_allclose(softmax_of(model, ids), keras.layers(ids, 4)["softmax"], atol=3e-6, rtol=0)


def refusal(path):
    with pytest.raises(S2sdapError) as refused:
        load(str(path))
    return refused.value


@pytest.mark.parametrize(("kind", "gate", "after"), KINDS)
@pytest.mark.parametrize("layers", [1, 2])
def test_a_file_of_keras_3(tmp_path, kind, gate, after, layers):
    keras = random_model(kind, gate, after=after, layers=layers)
    for path, write in ((tmp_path / "sums.keras", write_keras), (tmp_path / "sums.h5", write_h5)):
        write(path, layers_of(keras, 4))
        model = load(str(path))
        agree(model, keras)
        assert (model.config.source_length, model.config.target_length, model.config.layers) == (7, 4, layers)
        assert (model.config.gate_activation, model.config.reset_after) == (gate, after)
        assert (model.config.characters, model.config.reversed) == (" +0123456789", True)


@pytest.mark.parametrize(
    ("kind", "gate"), [("lstm", "hard_sigmoid"), ("gru", "hard_sigmoid"), ("rnn", "sigmoid")]
)
def test_a_file_of_keras_2(tmp_path, kind, gate):
    """Its hard sigmoid has another slope than that of Keras 3."""
    keras = random_model(kind, gate)
    layers = layers_of(keras, 4)
    write_h5(
        tmp_path / "a.h5", layers, config=keras_2_config(layers), version="2.2.4", suffix=":0", as_bytes=True
    )
    write_h5(
        tmp_path / "b.h5", layers, config=functional(layers, keras_2=True), version="2.13.1", suffix=":0"
    )
    write_keras(tmp_path / "c.keras", layers, version="2.13.1", root="_layer_checkpoint_dependencies")
    for name in ("a.h5", "b.h5", "c.keras"):
        model = load(str(tmp_path / name))
        assert model.config.gate_activation == gate
        agree(model, keras)


def test_other_ways_to_write_the_same_network(tmp_path):
    keras = random_model("lstm", "sigmoid")
    layers = layers_of(keras, 4)
    (_, dense, arrays) = layers.pop()
    write_keras(
        tmp_path / "functional.keras",
        [*layers, ("Dense", dense, arrays)],
        config=functional([*layers, ("Dense", dense, arrays)]),
    )
    agree(load(str(tmp_path / "functional.keras")), keras)
    linear = ("Dense", {**dense, "activation": "linear"}, arrays)
    write_h5(
        tmp_path / "activation.h5",
        [*layers, linear, ("Activation", {"name": "end", "activation": "softmax"}, [])],
    )
    agree(load(str(tmp_path / "activation.h5")), keras)
    over = {"name": "every", "layer": {"class_name": "Dense", "config": dense}}
    write_h5(tmp_path / "every.h5", [*layers, ("TimeDistributed", over, arrays)])
    agree(load(str(tmp_path / "every.h5")), keras)
    layers[1][1]["go_backwards"] = True
    write_keras(tmp_path / "backwards.keras", [*layers, ("Dense", dense, arrays)])
    model = load(str(tmp_path / "backwards.keras"))
    assert not model.config.reversed
    np.testing.assert_allclose(softmax_of(model, IDS), keras.layers(IDS, 4)["softmax"], atol=3e-6, rtol=0)


def test_layers_without_a_bias(tmp_path):
    keras = random_model("gru", "sigmoid", after=True)
    layers = layers_of(keras, 4)
    for _, config, arrays in layers:
        if "use_bias" in config:
            config["use_bias"] = False
            arrays.pop()[...] = 0
    write_keras(tmp_path / "plain.keras", layers)
    agree(load(str(tmp_path / "plain.keras")), keras)


def test_it_is_debugged_like_any_other(tmp_path):
    keras = random_model("lstm", "sigmoid", encoder=64, decoder=32)
    path = tmp_path / "sums.keras"
    write_keras(path, layers_of(keras, 4))
    model = load(str(path))
    assert model.layout.parameters == 32_524
    assert check_model(model).passed
    ids = [" +0123456789".index(each) for each in "535+61 "[::-1]]
    best = keras.layers(ids, 4)["softmax"].argmax(axis=1)
    (output,) = decode(model, "535+61")
    assert output.pieces == tuple(" +0123456789"[token] for token in best)
    assert load(str(path)).fingerprint == model.fingerprint


def test_a_launch_names_it(tmp_path):
    path = tmp_path / "sums.keras"
    write_keras(path, layers_of(random_model("rnn", "sigmoid"), 4))
    model = load_model(f"keras:{path}")
    assert (model.name, model.layout.reads_tokens) == ("sums.keras", False)
    with pytest.raises(S2sdapError) as refused:
        load_model(f"keras:{path}", dtype="float16")
    assert refused.value.name == "option_unused"


def test_characters_come_from_the_file_beside(tmp_path):
    path = tmp_path / "letters.keras"
    keras = random_model("gru", "sigmoid", size=5)
    write_keras(path, layers_of(keras, 4))
    assert refusal(path).name == "keras_characters"
    assert "letters.keras.characters.json" in str(refusal(path))
    beside = tmp_path / "letters.keras.characters.json"
    for said in (
        '{"characters": "ab "}',
        '{"characters": "abcde"}',
        '{"characters": "aab  "}',
        "{",
        '{"letters": "a"}',
    ):
        beside.write_text(said)
        assert refusal(path).name == "keras_characters"
    beside.write_text(json.dumps({"characters": "ab cd", "reversed": False}))
    model = load(str(path))
    assert (model.config.characters, model.config.reversed) == ("ab cd", False)
    agree(model, keras, [0, 1, 4, 3, 2, 2, 2])


def changed(at, **settings):
    def change(layers):
        kind, config, arrays = layers[at]
        layers[at] = (settings.pop("kind", kind), {**config, **settings}, arrays)
        return layers

    return change


def without(at):
    return lambda layers: layers[:at] + layers[at + 1 :]


LSTM = {"cell": ("lstm", "sigmoid")}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (changed(1, kind="Bidirectional"), "Bidirectional lstm where an encoder"),
        (changed(1, kind="CuDNNLSTM"), "CuDNNLSTM lstm where an encoder"),
        (changed(1, return_sequences=True), "hands over all of its states"),
        (changed(1, activation="relu"), "the activation 'relu' in lstm"),
        (changed(1, recurrent_activation="tanh"), "several kinds"),
        (changed(4, kind="GRU"), "cells of several kinds, GRU and LSTM"),
        (changed(4, return_sequences=False), "hands over its last state alone"),
        (changed(4, go_backwards=True), "runs backwards"),
        (changed(5, activation="relu"), "'relu' where a softmax"),
        (changed(5, units=9), "9 outputs for 12 characters"),
        (changed(3, kind="Flatten"), "Flatten repeat_vector where RepeatVector"),
        (changed(3, n=None), "RepeatVector(None)"),
        (changed(0, batch_shape=[None, None, 12]), "an input of None positions"),
        (changed(0, batch_shape=[None, 12]), "an input of the shape"),
        (changed(1, units=0), "of 0 units"),
        (without(4), "where a decoder"),
        (without(5), "no a dense layer"),
        (lambda layers: [*layers, ("Dense", {"name": "more"}, [])], "Dense more after the softmax"),
    ],
)
def test_what_has_another_shape_is_named(tmp_path, change, told):
    path = tmp_path / "other.h5"
    layers = change(layers_of(random_model("lstm", "sigmoid"), 4))
    write_h5(path, layers)
    error = refusal(path)
    assert (error.number, error.name) == (2043, "keras_unsupported")
    assert told in error.what


def test_a_network_that_branches_or_is_of_a_class_of_its_own(tmp_path):
    layers = layers_of(random_model("lstm", "sigmoid"), 4)
    config = functional(layers)
    config["config"]["layers"][4]["inbound_nodes"][0]["args"].append(
        {"class_name": "__keras_tensor__", "config": {"keras_history": ["input_layer", 0, 0]}}
    )
    write_keras(tmp_path / "branch.keras", layers, config=config)
    assert "given input_layer and repeat_vector" in refusal(tmp_path / "branch.keras").what
    write_keras(tmp_path / "own.keras", layers, config={**sequential(layers), "class_name": "Adder"})
    assert "the class Adder" in refusal(tmp_path / "own.keras").what


def test_files_that_are_none(tmp_path):
    absent = refusal(tmp_path / "absent.h5")
    assert (absent.number, absent.name) == (2042, "keras_unreadable")
    (tmp_path / "text.h5").write_text("weights")
    (tmp_path / "cut.keras").write_bytes(b"PK\x03\x04 and no more")
    with h5py.File(tmp_path / "bare.h5", "w") as file:
        file.create_group("layers")
    with zipfile.ZipFile(tmp_path / "empty.keras", "w") as archive:
        archive.writestr("config.json", "[]")
    layers = layers_of(random_model("lstm", "sigmoid"), 4)
    write_h5(tmp_path / "list.h5", layers, config={"class_name": "Sequential", "config": {"layers": 4}})
    for name in ("text.h5", "cut.keras", "bare.h5", "empty.keras", "list.h5"):
        assert refusal(tmp_path / name).name == "keras_unreadable", name
    assert "weights alone" in refusal(tmp_path / "bare.h5").what


def test_weights_that_do_not_fit(tmp_path):
    layers = layers_of(random_model("lstm", "sigmoid"), 4)
    write_keras(tmp_path / "wide.keras", changed(1, units=7)(layers))
    error = refusal(tmp_path / "wide.keras")
    assert (error.number, error.name) == (2044, "keras_weights")
    assert "layer lstm has arrays 12x24, 6x24, 24, and asks for 12x28, 7x28, 28" in error.what
    whole = layers_of(random_model("lstm", "sigmoid"), 4)
    whole[1][2][0][0, 0] = np.nan
    write_h5(tmp_path / "nan.h5", whole)
    assert "not finite" in refusal(tmp_path / "nan.h5").what
    whole[1][2][0] = np.zeros((12, 24), np.int32)
    write_h5(tmp_path / "whole.h5", whole)
    assert "int32" in refusal(tmp_path / "whole.h5").what


def test_no_array_is_read_from_another_file(tmp_path):
    layers = layers_of(random_model("lstm", "sigmoid"), 4)
    for name in ("link.h5", "outside.h5"):
        write_h5(tmp_path / name, layers)
        with h5py.File(tmp_path / name, "r+") as file:
            group = file["model_weights/dense/dense"]
            del group["bias"]
            if name == "link.h5":
                group["bias"] = h5py.ExternalLink("/etc/other.h5", "/bias")
            else:
                group.create_dataset("bias", (12,), "f4", external=[(tmp_path / "secret.bin", 0, 48)])
    assert "is a link" in refusal(tmp_path / "link.h5").what
    assert "in another file" in refusal(tmp_path / "outside.h5").what
