"""Files as Keras 3 and 2 write them, name for name, as in files that Keras 3.15.1 wrote and in its source."""

import io
import json
import zipfile

import h5py
import numpy as np

CLASSES = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}
SNAKE = {"lstm": "lstm", "gru": "gru", "rnn": "simple_rnn"}
POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": "float32"},
    "registered_name": None,
}


def activation_of(gate):
    return "hard_sigmoid" if gate.startswith("hard") else gate


def cell_config(cell, name, *, sequences):
    config = {
        "name": name,
        "trainable": True,
        "dtype": POLICY,
        "return_sequences": sequences,
        "return_state": False,
        "go_backwards": False,
        "stateful": False,
        "unroll": False,
        "units": cell.size,
        "activation": "tanh",
        "use_bias": True,
        "dropout": 0.0,
        "recurrent_dropout": 0.0,
    }
    if cell.kind != "rnn":
        config["recurrent_activation"] = activation_of(cell.gate)
    if cell.kind == "gru":
        config["reset_after"] = cell.bias.ndim == 2
    return config


def layers_of(model, length, width=7):
    """The layers of a Sequential: class, configuration and arrays of each."""
    kind = model.encoder.kind
    names = [SNAKE[kind] + (f"_{n}" if n else "") for n in range(1 + len(model.decoder))]
    size = len(model.kernel.T)
    cells = [
        (CLASSES[kind], cell_config(cell, name, sequences=bool(at)), [cell.kernel, cell.recurrent, cell.bias])
        for at, (cell, name) in enumerate(zip((model.encoder, *model.decoder), names, strict=True))
    ]
    dense = {"name": "dense", "units": size, "activation": "softmax", "use_bias": True}
    entry = {"batch_shape": [None, width, size], "dtype": "float32", "name": "input_layer"}
    return [
        ("InputLayer", entry, []),
        cells[0],
        ("Dropout", {"name": "dropout", "rate": 0.2}, []),
        ("RepeatVector", {"name": "repeat_vector", "n": length}, []),
        *cells[1:],
        ("Dense", dense, [model.kernel, model.bias]),
    ]


def sequential(layers):
    told = [{"module": "keras.layers", "class_name": kind, "config": config} for kind, config, _ in layers]
    return {"module": "keras", "class_name": "Sequential", "config": {"name": "sequential", "layers": told}}


def write_keras(path, layers, *, config=None, version="3.15.1", root="layers"):
    """A `.keras` file."""
    data = io.BytesIO()
    with h5py.File(data, "w") as file:
        inside = file.create_group(root)
        counts = {}
        for kind, _, arrays in layers:
            if kind == "InputLayer":
                continue
            name = {"Dense": "dense", "Dropout": "dropout", "RepeatVector": "repeat_vector"}.get(kind)
            name = name or {CLASSES[each]: SNAKE[each] for each in CLASSES}.get(kind, kind.lower())
            number = counts[name] = counts.get(name, -1) + 1
            group = inside.create_group(name + (f"_{number}" if number else ""))
            group.create_group("vars")
            holds = group.create_group("cell/vars") if kind in CLASSES.values() else group["vars"]
            for at, array in enumerate(arrays):
                holds.create_dataset(str(at), data=array)
        file.create_group("vars")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "metadata.json", json.dumps({"keras_version": version, "date_saved": "2026-11-28@07:44:47"})
        )
        archive.writestr("config.json", json.dumps(config or sequential(layers)))
        archive.writestr("model.weights.h5", data.getvalue())


def write_h5(path, layers, *, config=None, version="3.15.1", suffix="", as_bytes=False):
    """A `.h5` file; Keras 2 wrote `:0` after the names of its arrays and bytes for text."""

    def text(value):
        return value.encode() if as_bytes else value

    with h5py.File(path, "w") as file:
        file.attrs["backend"], file.attrs["keras_version"] = text("torch"), text(version)
        file.attrs["model_config"] = text(json.dumps(config or sequential(layers)))
        inside = file.create_group("model_weights")
        inside.attrs["layer_names"] = np.array([layer["name"].encode() for _, layer, _ in layers])
        for _, layer, arrays in layers:
            group = inside.create_group(layer["name"])
            cell = f"{layer['name']}_cell/" if len(arrays) > 2 else ""
            parts = ("kernel", *(("recurrent_kernel",) if cell else ()), "bias")
            names = [f"{layer['name']}/{cell}{part}{suffix}" for part in parts[: len(arrays)]]
            group.attrs["weight_names"] = np.array([name.encode() for name in names])
            for name, array in zip(names, arrays, strict=True):
                group.create_dataset(name, data=array)


def keras_2_config(layers):
    """The same as the first releases of Keras 2 told it: a list, the input's shape with the first layer."""
    told = [{"class_name": kind, "config": dict(config)} for kind, config, _ in layers[1:]]
    told[0]["config"]["batch_input_shape"] = layers[0][1]["batch_shape"]
    return {"class_name": "Sequential", "config": told}


def functional(layers, *, keras_2=False):
    """The same layers as a functional model."""
    told = []
    for at, (kind, config, _) in enumerate(layers):
        before = layers[at - 1][1]["name"] if at else None
        if before is None:
            nodes = []
        elif keras_2:
            nodes = [[[before, 0, 0, {}]]]
        else:
            tensor = {"shape": [None, 1], "dtype": "float32", "keras_history": [before, 0, 0]}
            nodes = [
                {"args": [{"class_name": "__keras_tensor__", "config": tensor}], "kwargs": {"mask": None}}
            ]
        told.append({"class_name": kind, "config": config, "name": config["name"], "inbound_nodes": nodes})
    return {
        "class_name": "Model" if keras_2 else "Functional",
        "config": {"name": "functional", "layers": told},
    }
