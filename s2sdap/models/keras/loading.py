"""`keras:<file>` to a model: a seq2seq of the shape of `addition_rnn`, as `.keras` or `.h5`.

What Keras does not save is which characters the places of its one-hot vectors stand for, and whether
the input was turned round before. Those are the example's own, unless a file beside the model says so.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.models.adapting import fingerprint_of
from s2sdap.models.keras.architecture import Shape, has_bias, shape_of, units_of
from s2sdap.models.keras.archive import Archive, Layer, opened
from s2sdap.models.loading import usable_device
from s2sdap.models.rnn.cells import GATE_COUNT
from s2sdap.models.rnn.config import CellKind
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.models.rnn.repeating.model import RepeatingModel
from s2sdap.vocabulary.errors import S2sdapError

EXAMPLE_CHARACTERS: Final = " +0123456789"
"""Those of `addition_rnn`, sorted as it sorts them."""
SIDECAR: Final = ".characters.json"
"""What the name of the file beside the model ends with."""

_PLACES: Final[dict[CellKind, tuple[int, ...]]] = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "rnn": (0,)}
"""Where each of our gates stands among Keras': i, f, c, o of an LSTM; z, r, h of a GRU."""


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file beside a model says: its characters in their order, and whether it reads from the end."""

    characters: str
    reversed: bool = True


def load(rest: str, device: str = "cpu") -> RepeatingModel:
    """The model in the file `rest`, on `device`.

    Raises:
        S2sdapError: 2041 to 2045 of the catalogue, for whatever is not as it must be.
    """
    place = usable_device(device)
    path = Path(rest).expanduser()
    with opened(path) as archive:
        shape = shape_of(archive)
        reading = _reading(path, shape)
        config = RepeatingConfig(
            cell=shape.cell,
            gate_activation=shape.gates,
            reset_after=shape.reset_after,
            encoder_size=units_of(archive, shape.encoder),
            decoder_size=units_of(archive, shape.decoder[0]),
            layers=len(shape.decoder),
            characters=reading.characters,
            source_length=shape.source_length,
            target_length=shape.target_length,
            reversed=reading.reversed != shape.backwards,
        )
        weights = _weights(archive, shape, config)
    return RepeatingModel(
        config,
        weights,
        name=path.name,
        fingerprint=fingerprint_of(weights, msgspec.to_builtins(config)),
        device=place,
    )


def _reading(path: Path, shape: Shape) -> Reading:
    """The characters, from the file beside the model, or the example's own where they are as many."""
    beside = path.with_name(path.name + SIDECAR)
    try:
        reading = msgspec.json.decode(beside.read_bytes(), type=Reading)
    except FileNotFoundError:
        if shape.characters != len(EXAMPLE_CHARACTERS):
            raise S2sdapError(
                "keras_characters",
                path=path,
                reason=f"it reads {shape.characters} characters, and nothing says which",
                beside=beside.name,
            ) from None
        return Reading(EXAMPLE_CHARACTERS)
    except (OSError, msgspec.DecodeError, RecursionError) as error:
        raise S2sdapError("keras_characters", path=beside, reason=error, beside=beside.name) from None
    known = len(reading.characters)
    reason = None
    if known != shape.characters:
        reason = f"there are {known} characters, and the model reads {shape.characters}"
    elif len(set(reading.characters)) != known or " " not in reading.characters:
        reason = "each comes once, and the space, which is the padding, is one of them"
    if reason:
        raise S2sdapError("keras_characters", path=beside, reason=reason, beside=beside.name)
    return reading


def _weights(archive: Archive, shape: Shape, config: RepeatingConfig) -> dict[str, Tensor]:
    size = len(config.characters)
    found: dict[str, Tensor] = {}
    width = size
    for name, layer in (
        ("encoder", shape.encoder),
        *((f"decoder.{n}", each) for n, each in enumerate(shape.decoder)),
    ):
        units = units_of(archive, layer)
        if layer is not shape.encoder and units != config.decoder_size:
            part = f"decoder layers of {config.decoder_size} and of {units} units"
            raise S2sdapError("keras_unsupported", path=archive.path, part=part)
        found |= _cell(archive, layer, f"{name}.", width, units, config)
        width = units
    if units_of(archive, shape.dense) != size:
        part = f"{units_of(archive, shape.dense)} outputs for {size} characters"
        raise S2sdapError("keras_unsupported", path=archive.path, part=part)
    bias = has_bias(shape.dense)
    arrays = archive.weights(shape.dense, ((width, size), *(((size,),) if bias else ())))
    found["output.weight"] = torch.from_numpy(arrays[0].T.copy())
    found["output.bias"] = torch.from_numpy(arrays[1].copy()) if bias else torch.zeros(size)
    return found


def _cell(
    archive: Archive, layer: Layer, name: str, inputs: int, units: int, config: RepeatingConfig
) -> dict[str, Tensor]:
    """A cell's weights in our layout. Keras has a second bias where a GRU resets after the product."""
    wide = GATE_COUNT[config.cell] * units
    bias = (2, wide) if config.reset_after else (wide,)
    shapes: Sequence[Any] = ((inputs, wide), (units, wide), *((bias,) if has_bias(layer) else ()))
    arrays = archive.weights(layer, shapes)
    places = _PLACES[config.cell]
    both = arrays[2] if has_bias(layer) else np.zeros(bias, np.float32)
    found = {
        f"{name}weight_ih": _rows(arrays[0], places),
        f"{name}weight_hh": _rows(arrays[1], places),
        f"{name}bias": _rows(both[0] if config.reset_after else both, places),
    }
    if config.reset_after:
        found[f"{name}bias_hh"] = _rows(both[1], places)
    return found


def _rows(array: NDArray[np.float32], places: tuple[int, ...]) -> Tensor:
    """Keras' columns, gate by gate, as our rows."""
    gates = np.split(array, len(places), axis=-1)
    return torch.from_numpy(np.concatenate([gates[place] for place in places], axis=-1).T.copy())
