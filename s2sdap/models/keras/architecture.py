"""Which layers a file has, in our words: an encoder, a repeated vector, a decoder, a dense layer.

Everything else is refused by name: a model of another shape would run, and mean something else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from s2sdap.models.keras.archive import Archive, Layer
from s2sdap.models.rnn.config import CellKind
from s2sdap.models.rnn.repeating.config import Gates
from s2sdap.vocabulary.errors import S2sdapError

CELLS: Final[dict[str, CellKind]] = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
_SILENT: Final = frozenset(
    {"Dropout", "SpatialDropout1D", "GaussianNoise", "GaussianDropout", "ActivityRegularization"}
)
"""Layers that do nothing but in training."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The layers that matter, in their order, and what they share."""

    encoder: Layer
    decoder: tuple[Layer, ...]
    dense: Layer
    cell: CellKind
    gates: Gates
    reset_after: bool
    source_length: int
    characters: int
    target_length: int
    backwards: bool
    """Whether the encoder itself reads from the end, beside what was done to its input."""


def shape_of(archive: Archive) -> Shape:
    """The shape of a model. Raises `keras_unsupported`, which says what is not as it must be."""
    if archive.kind not in ("Sequential", "Functional", "Model"):
        raise _other(archive, f"the class {archive.kind}")
    if archive.kind != "Sequential":
        _check_chain(archive)
    left = [each for each in archive.layers if each.kind not in _SILENT]
    width = _input_shape(archive, left)
    if left and left[0].kind == "InputLayer":
        left = left[1:]
    encoder = _taken(archive, left, CELLS, "an encoder of LSTM, GRU or SimpleRNN first")
    if encoder.config.get("return_sequences"):
        raise _other(archive, f"an encoder, {encoder.name}, that hands over all of its states")
    repeat = _taken(archive, left, ("RepeatVector",), "RepeatVector after the encoder")
    decoder = []
    while left and left[0].kind in CELLS:
        decoder.append(left.pop(0))
        if not decoder[-1].config.get("return_sequences"):
            raise _other(archive, f"a decoder, {decoder[-1].name}, that hands over its last state alone")
        if decoder[-1].config.get("go_backwards"):
            raise _other(archive, f"a decoder, {decoder[-1].name}, that runs backwards")
    if not decoder:
        raise _other(archive, f"{_name(left)} where a decoder must be")
    dense = _taken(archive, left, ("Dense", "TimeDistributed"), "a dense layer after the decoder")
    inner = dense.inner or dense
    if inner.kind != "Dense":
        raise _other(archive, f"a {inner.kind} for every step")
    _check_output(archive, inner, left)
    cell, gates = _cells(archive, (encoder, *decoder))
    after = [bool(each.config.get("reset_after", False)) for each in (encoder, *decoder)]
    if cell == "gru" and len(set(after)) > 1:
        raise _other(archive, "reset gates before and after the product")
    target = repeat.config.get("n")
    if not isinstance(target, int) or target < 1:
        raise _other(archive, f"RepeatVector({target})")
    return Shape(
        encoder=encoder,
        decoder=tuple(decoder),
        dense=dense,
        cell=cell,
        gates=gates,
        reset_after=cell == "gru" and after[0],
        source_length=width[0],
        characters=width[1],
        target_length=target,
        backwards=bool(encoder.config.get("go_backwards")),
    )


def units_of(archive: Archive, layer: Layer) -> int:
    """How wide a layer is."""
    inside = (layer.inner or layer).config
    units = inside.get("units", inside.get("output_dim"))  # the second is Keras 1's
    if not isinstance(units, int) or not 1 <= units <= 16_384:
        raise _other(archive, f"a layer, {layer.name}, of {units!r} units")
    return units


def has_bias(layer: Layer) -> bool:
    """Whether it has a bias; Keras' own default is that it has."""
    return bool((layer.inner or layer).config.get("use_bias", True))


def _cells(archive: Archive, layers: Sequence[Layer]) -> tuple[CellKind, Gates]:
    """The kind of cell and of gate that all of them share."""
    kinds = {layer.kind for layer in layers}
    if len(kinds) > 1:
        raise _other(archive, f"cells of several kinds, {' and '.join(sorted(kinds))}")
    for layer in layers:
        if (does := _activation(layer.config.get("activation"))) != "tanh":
            raise _other(archive, f"the activation {does!r} in {layer.name}")
    cell = CELLS[layers[0].kind]
    if cell == "rnn":
        return cell, "sigmoid"
    gates = {
        _activation(layer.config.get("recurrent_activation", layer.config.get("inner_activation")))
        for layer in layers
    }
    if len(gates) > 1:
        raise _other(archive, f"gates of several kinds, {' and '.join(sorted(gates))}")
    (gate,) = gates
    if gate == "hard_sigmoid":  # its slope is 0.2 in Keras 1 and 2, and 1/6 since Keras 3
        major = archive.version.partition(".")[0]
        return cell, "hard_sigmoid_sixth" if major.isdecimal() and int(major) >= 3 else "hard_sigmoid"
    if gate != "sigmoid":
        raise _other(archive, f"gates of the activation {gate!r}")
    return cell, cast("Gates", gate)


def _check_output(archive: Archive, dense: Layer, left: list[Layer]) -> None:
    """The dense layer gives logits or their softmax, and nothing but a softmax follows."""
    does = _activation(dense.config.get("activation") or "linear")
    if left and does == "linear":
        last = left.pop(0)
        does = "softmax" if last.kind == "Softmax" else _activation(last.config.get("activation"))
        if last.kind not in ("Activation", "Softmax"):
            does = last.kind
    if does not in ("softmax", "linear"):
        raise _other(archive, f"{does!r} where a softmax must be")
    if left:
        raise _other(archive, f"{_name(left)} after the softmax")


def _input_shape(archive: Archive, layers: Sequence[Layer]) -> tuple[int, int]:
    """How many positions are read, and of how many characters a one-hot vector is."""
    config = layers[0].config if layers else {}
    shape = config.get("batch_shape", config.get("batch_input_shape"))
    if shape is None and isinstance(config.get("input_dim"), int):  # Keras 1
        shape = [None, config.get("input_length"), config["input_dim"]]
    if not isinstance(shape, (list, tuple)) or len(shape) != 3:
        raise _other(archive, f"an input of the shape {shape!r}")
    length, size = shape[1:]
    if not isinstance(length, int) or not 1 <= length <= 1000:
        raise _other(archive, f"an input of {length!r} positions")
    if not isinstance(size, int) or not 1 <= size <= 65_536:
        raise _other(archive, f"an input of {size!r} features")
    return length, size


def _check_chain(archive: Archive) -> None:
    """In a functional model every layer is given what the one before it made, and nothing else."""
    for before, layer in zip(archive.layers, archive.layers[1:], strict=False):
        if (given := set(_names(layer.inbound))) != {before.name}:
            raise _other(
                archive, f"a layer, {layer.name}, that is given {' and '.join(sorted(given)) or 'nothing'}"
            )


def _names(inbound: Any) -> list[str]:
    """The layers that a node names, as Keras 3 or Keras 2 writes it."""
    if isinstance(inbound, dict):
        history = inbound.get("keras_history")
        if isinstance(history, list) and history and isinstance(history[0], str):
            return [history[0]]
        return [name for value in inbound.values() for name in _names(value)]
    if isinstance(inbound, list):
        if len(inbound) >= 3 and isinstance(inbound[0], str) and isinstance(inbound[1], int):
            return [inbound[0]]
        return [name for value in inbound for name in _names(value)]
    return []


def _activation(said: Any) -> str:
    """The name of an activation, which is a string, or an object that holds one."""
    if isinstance(said, dict):
        inside = said.get("config")
        return inside if isinstance(inside, str) else str(said.get("class_name"))
    return str(said)


def _taken(archive: Archive, left: list[Layer], kinds: Any, wanted: str) -> Layer:
    if not left or left[0].kind not in kinds:
        raise _other(archive, f"{_name(left)} where {wanted} must be" if left else f"no {wanted}")
    return left.pop(0)


def _name(left: Sequence[Layer]) -> str:
    return f"{left[0].kind} {left[0].name}" if left else "nothing"


def _other(archive: Archive, part: str) -> S2sdapError:
    return S2sdapError("keras_unsupported", path=archive.path, part=part)
