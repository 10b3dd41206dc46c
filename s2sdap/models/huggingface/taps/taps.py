"""The taps of one model: hooks at its layers, its attention, its encoder and its output.

Hooks stay in place while `installed`; they look at a forward pass only in a thread that is `watching` it.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from typing import cast

import torch
from torch import nn
from transformers import PreTrainedModel

from s2sdap.models.huggingface.taps import interface
from s2sdap.models.huggingface.taps.anatomy import look_over
from s2sdap.models.huggingface.taps.around import Station, put_around, take_from_around
from s2sdap.models.huggingface.taps.attending import Attending
from s2sdap.models.huggingface.taps.places import LastRow
from s2sdap.models.huggingface.taps.probing import TAPPED_SITES, SiteProbe, Watch
from s2sdap.models.huggingface.taps.stations import (
    Decoder,
    DecoderLayer,
    Encoder,
    EncoderLayer,
    Output,
    Projection,
)
from s2sdap.models.huggingface.taps.whole import Show, every_position

__all__ = ["Taps"]


class Taps:
    """What sees and edits the sites of one `PreTrainedModel`, compiled or not. Making it changes nothing.

    Attributes:
        sites: the sites that it can show, in the vocabulary's order.
        missing: why it cannot show the others.
        layers: how many decoder layers have an attention on show.
        attention_layers: which decoder layers those are.
        heads: how many heads each of them has.
        decoder_layers: how many layers the decoder has.
        encoder_layers: how many of the encoder's layers it can show.
        fallback: some attention does not ask for its implementation; it is seen from inside its forward.
        has_encoder: the model has an encoder; without one the prompt is the source.
        compiled: some part is compiled; a watched pass runs uncompiled, since compiled code calls no hooks.
    """

    def __init__(self, model: nn.Module) -> None:
        model = getattr(model, "_orig_mod", model)  # what torch.compile wraps
        self._model = model
        self._anatomy = anatomy = look_over(cast("PreTrainedModel", model))
        self._here = threading.local()
        self._lock = threading.RLock()
        self._users = 0
        self._taken_out = ExitStack()
        self._row = LastRow(anatomy.time_first, anatomy.streams)
        self.missing: dict[str, str] = anatomy.missing
        self.sites: tuple[str, ...] = tuple(site for site in TAPPED_SITES if site not in anatomy.missing)
        self.layers = len(anatomy.attention)
        self.attention_layers = anatomy.attention_layers
        self.heads = anatomy.attention[0].heads if anatomy.attention else 0
        self.decoder_layers = len(anatomy.decoder_layers)
        self.encoder_layers = len(anatomy.encoder_layers)
        self.fallback = any(not one.through_interface for one in anatomy.attention)
        self.has_encoder = anatomy.has_encoder
        self.compiled = _has_compiled(model)

    @contextmanager
    def installed(self) -> Iterator[None]:
        """The hooks are in place; afterwards the model is as it was. May be entered again, by any thread."""
        with self._lock:
            if self._users == 0:
                with ExitStack() as installing:
                    self._install(installing)
                    self._taken_out = installing.pop_all()
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._taken_out.close()

    @contextmanager
    def watching(self, probe: SiteProbe) -> Iterator[None]:
        """`probe` sees the forward passes of this thread, one at a time, and decides what they go on with."""
        before = self._watch()
        self._here.watch = Watch(probe)
        try:
            if self.compiled:
                with torch.compiler.set_stance("force_eager"):
                    yield
            else:
                yield
        finally:
            self._here.watch = before

    @contextmanager
    def every_position(self, wanted: Collection[tuple[str, int | None]], show: Show) -> Iterator[None]:
        """`show` sees all positions of the decoder in the forward passes of this thread; see `whole`."""
        with ExitStack() as inside:
            inside.enter_context(every_position(self._anatomy, wanted, show))
            if _has_compiled(self._model):
                inside.enter_context(torch.compiler.set_stance("force_eager"))
            yield

    def _watch(self) -> Watch | None:
        return getattr(self._here, "watch", None)

    def _install(self, out: ExitStack) -> None:
        """Put everything in place; `out` takes it out again, also when a later one fails."""
        anatomy, here = self._anatomy, self._here
        self.compiled = _has_compiled(self._model)
        for layer, one in enumerate(anatomy.attention):
            attending = Attending(here, one.module, layer, one.heads, self._row)
            if not one.through_interface:
                _put(out, attending)
                continue
            seen = attending.through_interface
            interface.attach(one.module, seen)
            out.callback(interface.detach, one.module, seen)
        for layer, module in enumerate(anatomy.decoder_layers):
            _put(out, DecoderLayer(here, module, self._row, layer))
        if anatomy.stack is not None:
            first = self.attention_layers[0] if self.layers and not self.has_encoder else None
            state = not anatomy.state_is_output
            _put(out, Decoder(here, anatomy.stack, anatomy.streams, first, state))
        if anatomy.output is not None:
            _put(out, Output(here, anatomy.output, anatomy.state_is_output))
        for layer, module in enumerate(anatomy.encoder_layers):
            _put(out, EncoderLayer(here, module, anatomy.time_first, layer))
        if anatomy.encoder is not None:
            _put(out, Encoder(here, anatomy.encoder, anatomy.projection))
        if anatomy.projection is not None:
            _put(out, Projection(here, anatomy.projection, anatomy.projection.in_features))


def _put(out: ExitStack, station: Station) -> None:
    put_around(station)
    out.callback(take_from_around, station)


def _has_compiled(model: nn.Module) -> bool:
    return any(
        module._compiled_call_impl is not None or hasattr(module.forward, "_torchdynamo_orig_callable")
        for module in model.modules()
    )
