"""Seeing every position of one forward pass of the decoder, as teacher forcing computes them together.

The debugger's own stations show the position that predicts next, and let it be edited. These look at the same
modules, show all positions, and change nothing. K rows, T positions.
"""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from s2sdap.models.huggingface.taps import interface
from s2sdap.models.huggingface.taps.anatomy import Anatomy, Attention
from s2sdap.models.huggingface.taps.around import Station, put_around, take_from_around
from s2sdap.models.huggingface.taps.inside import Inside
from s2sdap.models.huggingface.taps.places import nth_tensor
from s2sdap.vocabulary.sites import ATTENTION_CONTEXTS, DECODER_LAYERS, DECODER_STATE, PREDICTION_FEATURES

__all__ = ["Show", "every_position"]

Show = Callable[[str, int | None, Tensor], None]
"""Is shown a site, which layer of one that has some, and its value `[K, T, ...]`."""
_Look = Callable[[tuple[Any, ...], Any], None]
"""Is shown what a module was given and what it returned."""


@contextmanager
def every_position(
    anatomy: Anatomy, wanted: Collection[tuple[str, int | None]], show: Show
) -> Iterator[None]:
    """Inside, each forward pass of this thread shows the `wanted` sites and layers of the decoder."""
    here = threading.local()
    here.looking = True  # in this thread alone
    with ExitStack() as out:
        for module, look in _looks(anatomy, frozenset(wanted), show):
            _put(out, After(here, module, look))
        for layer, one in enumerate(anatomy.attention):
            if (ATTENTION_CONTEXTS, layer) in wanted:
                within = Within(here, one, partial(_contexts, anatomy, layer, show))
                if not one.through_interface:
                    _put(out, within)
                    continue
                seen = within.through_interface
                interface.attach(one.module, seen)
                out.callback(interface.detach, one.module, seen)
        yield


class After(Station):
    """Shows what a module was given and what it returned."""

    def __init__(self, here: threading.local, module: nn.Module, look: _Look) -> None:
        super().__init__(here, module)
        self.look = look

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module, and let `look` see."""
        output = self.inner(*args, **kwargs)
        if getattr(self.here, "looking", False):
            self.look(args, output)
        return output


class Within(Station):
    """Shows the contexts `[K, T, H, D]` of an attention, however it computes them."""

    def __init__(self, here: threading.local, attention: Attention, look: Callable[[Tensor], None]) -> None:
        super().__init__(here, attention.module)
        self.heads, self.look = attention.heads, look

    def through_interface(
        self, _module: nn.Module, _base: str, _eager: Any, result: tuple[Tensor, Any], *_call: Any
    ) -> tuple[Tensor, Any]:
        """Look at a call of the attention interface."""
        if getattr(self.here, "looking", False):
            self.look(result[0])
        return result

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the attention where its torch calls are seen."""
        if not getattr(self.here, "looking", False):
            return self.inner(*args, **kwargs)
        with Inside(lambda weights: weights, self._product, self._whole):
            return self.inner(*args, **kwargs)

    def _product(self, contexts: Tensor) -> Tensor:
        """Look at `[K, H, T, D]` or `[K H, T, D]`."""
        self.look(contexts.view(-1, self.heads, *contexts.shape[-2:]).transpose(1, 2))
        return contexts

    def _whole(self, output: Tensor, _args: Any, _kwargs: Mapping[str, Any]) -> Tensor:
        """Look at the output `[K, H, T, D]` of torch's own attention."""
        return self._product(output)


def _looks(
    anatomy: Anatomy, wanted: frozenset[tuple[str, int | None]], show: Show
) -> Iterator[tuple[nn.Module, _Look]]:
    """The modules whose calls show something wanted, each with what looks at them."""
    for layer, module in enumerate(anatomy.decoder_layers):
        if (DECODER_LAYERS, layer) in wanted:
            yield module, partial(_layer, anatomy, layer, show)
    state = (DECODER_STATE, None) in wanted
    if state and anatomy.stack is not None and not anatomy.state_is_output:
        yield anatomy.stack, partial(_state, anatomy, show)
    if anatomy.output is None:
        return
    if state and anatomy.state_is_output:
        yield anatomy.output, partial(_features, show, DECODER_STATE)
    if (PREDICTION_FEATURES, None) in wanted:
        yield anatomy.output, partial(_features, show, PREDICTION_FEATURES)


def _layer(anatomy: Anatomy, layer: int, show: Show, _args: tuple[Any, ...], output: Any) -> None:
    states = nth_tensor(output)
    show(
        DECODER_LAYERS, layer, _predicting(anatomy, states.transpose(0, 1) if anatomy.time_first else states)
    )


def _contexts(anatomy: Anatomy, layer: int, show: Show, contexts: Tensor) -> None:
    show(ATTENTION_CONTEXTS, layer, _predicting(anatomy, contexts))


def _state(anatomy: Anatomy, show: Show, _args: tuple[Any, ...], output: Any) -> None:
    """The decoder's output; of several streams, which come second in it, the first."""
    states = nth_tensor(output, 1 if anatomy.streams else 0)
    show(DECODER_STATE, None, states[:, : states.shape[1] // max(anatomy.streams, 1)])


def _features(show: Show, site: str, args: tuple[Any, ...], _output: Any) -> None:
    """What the output layer reads: `[K, T, D]`, or `[K, streams, T, D]`."""
    states: Tensor = args[0]
    show(site, None, states if states.dim() == 3 else states[:, 0])


def _predicting(anatomy: Anatomy, states: Tensor) -> Tensor:
    """Of positions that each stream has, those of the first predicting stream: they follow the main one's."""
    if not anatomy.streams:
        return states
    length = states.shape[1] // (1 + anatomy.streams)
    return states[:, length : 2 * length]


def _put(out: ExitStack, station: Station) -> None:
    put_around(station)
    out.callback(take_from_around, station)
