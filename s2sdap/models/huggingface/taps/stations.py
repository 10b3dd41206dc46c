"""The stations around the layers, the ends and the output of a model: where a watched pass sees its states.

Where nothing is watched the module runs alone; where nothing is changed its output goes on untouched.
"""

import threading
from functools import partial
from typing import Any, Final

from torch import Tensor, nn

from s2sdap.models.huggingface.taps.around import Station
from s2sdap.models.huggingface.taps.places import (
    Index,
    LastRow,
    looked_at,
    nth_tensor,
    source_rows,
    with_nth_tensor,
)
from s2sdap.models.huggingface.taps.probing import Watch, alone
from s2sdap.vocabulary.sites import (
    DECODER_LAYERS,
    DECODER_STATE,
    ENCODER_LAYERS,
    ENCODER_STATES,
    PREDICTION_FEATURES,
)

__all__ = ["Decoder", "DecoderLayer", "Encoder", "EncoderLayer", "Output", "Projection"]

INPUTS: Final = ("input_ids", "inputs_embeds")


class DecoderLayer(Station):
    """Shows `decoder.layers` of layer number `layer`, at the position that `row` tells."""

    def __init__(self, here: threading.local, module: nn.Module, row: LastRow, layer: int) -> None:
        super().__init__(here, module)
        self.row, self.layer = row, layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer and look at the states it returns."""
        output = self.inner(*args, **kwargs)
        watch: Watch | None = getattr(self.here, "watch", None)
        if watch is None:
            return output
        states = nth_tensor(output)
        if watch.layers_later:
            watch.later.append(partial(self._looked_at, watch, states))
            return output
        looked = self._looked_at(watch, states)
        return output if looked is states else with_nth_tensor(output, looked)

    def _looked_at(self, watch: Watch, states: Tensor) -> Tensor:
        look = partial(watch.probe.part, DECODER_LAYERS, self.layer)
        return looked_at(states, self.row.index(states), look)


class Decoder(Station):
    """Shows `decoder.state`.

    Args:
        here: see `Station`.
        module: the decoder.
        streams: how many predicting streams there are; their states come second in the output.
        first: the first layer with attention of a decoder-only model, whose cache tells how much was read.
        shows_state: `False` where the decoder's output is more than its state.
    """

    def __init__(
        self, here: threading.local, module: nn.Module, streams: int, first: int | None, shows_state: bool
    ) -> None:
        super().__init__(here, module)
        self.streams, self.first, self.shows_state = streams, first, shows_state

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the decoder and look at the state it ends with."""
        watch = self.watch()
        if watch is None:
            return self.inner(*args, **kwargs)
        watch.later.clear()  # of a pass that failed
        if self.first is not None:
            watch.total_length = _read_so_far(args, kwargs, self.first)
        output = self.inner(*args, **kwargs)
        for look in watch.later:
            look()
        watch.later.clear()
        if not self.shows_state:
            return output
        which = 1 if self.streams else 0
        states = nth_tensor(output, which)
        last = states.shape[1] // max(self.streams, 1) - 1
        looked = looked_at(states, (slice(None), last), partial(watch.probe, DECODER_STATE))
        return output if looked is states else with_nth_tensor(output, looked, which)


class Output(Station):
    """Shows `prediction.features`; before it `decoder.state`, where `shows_state`: it is the same there."""

    def __init__(self, here: threading.local, module: nn.Module, shows_state: bool) -> None:
        super().__init__(here, module)
        self.shows_state = shows_state

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Look at what the output layer will read and run it."""
        watch = self.watch()
        if watch is None or not args:
            return self.inner(*args, **kwargs)
        states = args[0]
        # [K, D], [K, T, D], or [K, streams, T, D]
        index: Index = (slice(None), *((0,) * (states.dim() - 3)), *((-1,) * (states.dim() > 2)))
        if self.shows_state:
            states = looked_at(states, index, partial(watch.probe, DECODER_STATE))
        states = looked_at(states, index, partial(watch.probe, PREDICTION_FEATURES))
        return self.inner(states, *args[1:], **kwargs)


class EncoderLayer(Station):
    """Shows `encoder.layers` of layer number `layer`; see `source_rows` for `time_first`."""

    def __init__(self, here: threading.local, module: nn.Module, time_first: bool, layer: int) -> None:
        super().__init__(here, module)
        self.time_first, self.layer = time_first, layer

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the layer and look at the states it returns."""
        output = self.inner(*args, **kwargs)
        watch = self.watch()
        if watch is None:
            return output
        states = nth_tensor(output)
        look = partial(watch.probe.part, ENCODER_LAYERS, self.layer)
        looked = source_rows(states, watch.source_length, self.time_first, look)
        return output if looked is states else with_nth_tensor(output, looked)


class Encoder(Station):
    """Shows `encoder.states`, projected where cross-attention reads them through a `projection`.

    Edited ones go on as they are, projected already: `Projection` tells them by their width.
    """

    def __init__(self, here: threading.local, module: nn.Module, projection: nn.Linear | None) -> None:
        super().__init__(here, module)
        self.projection = projection

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the encoder and look at the states it ends with."""
        watch = self.watch()
        if watch is None:
            return self.inner(*args, **kwargs)
        watch.source_length = _source_length(args, kwargs)
        output = self.inner(*args, **kwargs)
        states = nth_tensor(output)
        if self.projection is not None:
            states = nn.functional.linear(states, self.projection.weight, self.projection.bias)
        value = alone(states)
        looked = watch.probe(ENCODER_STATES, value)
        return output if looked is value else with_nth_tensor(output, looked.to(states.dtype))


class Projection(Station):
    """Lets states that have not the encoder's `width` pass: they are edited ones, projected already."""

    def __init__(self, here: threading.local, module: nn.Module, width: int) -> None:
        super().__init__(here, module)
        self.width = width

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Project the states, unless they are."""
        return self.inner(*args, **kwargs) if args[0].shape[-1] == self.width else args[0]


def _given(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What a model was given to read: tokens or embeddings."""
    for name in INPUTS:
        if kwargs.get(name) is not None:
            return kwargs[name]
    return args[0] if args else None


def _read_so_far(args: tuple[Any, ...], kwargs: dict[str, Any], layer: int) -> int | None:
    """How many positions a decoder has read when this call ends; `layer` is one whose cache counts them."""
    given, cache = _given(args, kwargs), kwargs.get("past_key_values")
    if given is None:
        return None
    return int(given.shape[1]) + (0 if cache is None else int(cache.get_seq_length(layer)))


def _source_length(args: tuple[Any, ...], kwargs: dict[str, Any]) -> int | None:
    """How many source tokens there are. Recordings and images have other lengths than their states."""
    given = _given(args, kwargs)
    if not isinstance(given, Tensor) or (given.is_floating_point() and "inputs_embeds" not in kwargs):
        return None
    return int(given.shape[1])
