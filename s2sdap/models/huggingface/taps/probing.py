"""What a forward pass is watched with: the probe, and what is known of the pass while it runs."""

from collections.abc import Callable
from typing import Any, Final, Protocol, runtime_checkable

import torch
from torch import Tensor

from s2sdap.vocabulary import sites

__all__ = ["TAPPED_SITES", "SiteProbe", "Watch", "alone", "own"]

TAPPED_SITES: Final = (
    sites.ENCODER_STATES,
    sites.ENCODER_LAYERS,
    sites.DECODER_STATE,
    sites.DECODER_LAYERS,
    sites.ATTENTION_WEIGHTS,
    sites.ATTENTION_CONTEXTS,
    sites.PREDICTION_FEATURES,
)
"""The sites that taps know how to show, in the vocabulary's order."""


@runtime_checkable
class SiteProbe(Protocol):
    """What watches a forward pass. Each call returns the tensor to go on with.

    The very tensor that was given leaves the run untouched; with another one the run goes on.
    A probe may also have `may_change(site) -> bool`: where it says no, the decoder's values of that site are
    computed and shown together when the decoder's layers have run, which costs half as much.
    """

    def part(self, site: str, layer: int, value: Tensor, /) -> Tensor:
        """One layer of a site that has an L axis."""
        ...

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """A site without layers."""
        ...


class Watch:
    """One watched forward pass: its probe, and the lengths and masks that taps note on the way."""

    __slots__ = (
        "additive",
        "attention_later",
        "later",
        "layers_later",
        "mask",
        "mask_keys",
        "probe",
        "source_length",
        "total_length",
    )

    def __init__(self, probe: SiteProbe) -> None:
        self.probe = probe
        changes: Callable[[str], bool] = getattr(probe, "may_change", _any)
        self.attention_later = not (changes(sites.ATTENTION_WEIGHTS) or changes(sites.ATTENTION_CONTEXTS))
        self.layers_later = not changes(sites.DECODER_LAYERS)
        self.later: list[Callable[[], object]] = []
        """What is looked at when the layers have run: then its code runs in one go."""
        self.source_length: int | None = None
        """How many source tokens the encoder was given, where it pads them inside."""
        self.total_length: int | None = None
        """How many positions a decoder-only model has read, this step's among them."""
        self.mask: Any = None
        self.mask_keys = 0
        self.additive: Tensor | None = None
        """The mask last made an additive one, for how many keys, and the result: layers share masks."""


def _any(_site: str) -> bool:
    return True


def alone(value: Tensor) -> Tensor:
    """`value`, contiguous and in memory of its own size."""
    if value.is_contiguous() and value.untyped_storage().nbytes() == value.nbytes:
        return value
    return value.clone(memory_format=torch.contiguous_format)


def own(value: Tensor, whole: Tensor) -> Tensor:
    """`value`, a part of `whole`, contiguous and alone in its memory: a record keeps nothing else alive."""
    if value.numel() == whole.numel():
        return value.contiguous()
    return value.clone(memory_format=torch.contiguous_format)
