"""What looks at one layer's attention: it shows weights and contexts, and puts edited ones in their place."""

import threading
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from s2sdap.models.huggingface.taps.around import Station
from s2sdap.models.huggingface.taps.inside import Inside
from s2sdap.models.huggingface.taps.places import LastRow, looked_at
from s2sdap.models.huggingface.taps.probing import Watch, own
from s2sdap.models.huggingface.taps.rows import (
    Eager,
    aligned,
    contexts_from,
    fitted,
    plain_eager,
    weights_of_last,
)
from s2sdap.vocabulary.sites import ATTENTION_CONTEXTS, ATTENTION_WEIGHTS

__all__ = ["Attending"]


class Attending(Station):
    """Looks at the attention of decoder layer `layer` (counted among those on show), when a pass is watched.

    As a station it serves attention that does not go through the interface; all other `through_interface`.

    Args:
        here: see `Station`.
        module: the attention.
        layer: its number in the L axis of the attention's sites.
        heads: how many heads it has.
        row: which query position is on show.
    """

    def __init__(
        self, here: threading.local, module: nn.Module, layer: int, heads: int, row: LastRow
    ) -> None:
        super().__init__(here, module)
        self.layer, self.heads, self.row = layer, heads, row

    def through_interface(
        self,
        module: nn.Module,
        base: str,
        eager: Eager,
        result: tuple[Tensor, Tensor | None],
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Any,
        arguments: Mapping[str, Any],
    ) -> tuple[Tensor, Tensor | None]:
        """Look at a call of the attention interface, whose result is `[K, T, H, D]` and maybe the weights.

        Returns:
            The result to go on with: `result` itself, unless the probe changed something.
        """
        watch: Watch | None = getattr(self.here, "watch", None)
        if watch is None:
            return result
        if not watch.attention_later:
            return self._looked_at(watch, module, base, eager, result, query, key, value, mask, arguments)
        look = partial(
            self._looked_at, watch, module, base, eager, result, query, key, value, mask, arguments
        )
        watch.later.append(look)
        return result

    def _looked_at(
        self,
        watch: Watch,
        module: nn.Module,
        base: str,
        eager: Eager,
        result: tuple[Tensor, Tensor | None],
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Any,
        arguments: Mapping[str, Any],
    ) -> tuple[Tensor, Tensor | None]:
        output, returned = result
        if base == "eager" and returned is not None:
            weights = own(returned[:, :, -1], returned)
        else:
            weights = weights_of_last(module, eager, base, query, key, value, mask, arguments, watch)
        edited = self._weights(watch, weights)
        contexts = own(output[:, -1], output)
        if edited is not None:  # the rows that nobody edited keep their very bits
            changed = (edited != weights).any(dim=-1, keepdim=True)
            contexts = torch.where(changed, contexts_from(edited, value).to(contexts.dtype), contexts)
        looked = watch.probe.part(ATTENTION_CONTEXTS, self.layer, contexts)
        if edited is None and looked is contexts:
            return result
        output = output.clone()
        output[:, -1] = looked.to(output.dtype)
        if edited is not None and returned is not None:
            returned = returned.clone()
            returned[:, :, -1] = edited
        return output, returned

    def _weights(self, watch: Watch, weights: Tensor) -> Tensor | None:
        """Show the weights of all positions; `None`, or edited ones of the positions that the cache has."""
        shown = aligned(weights, watch.total_length)
        looked = watch.probe.part(ATTENTION_WEIGHTS, self.layer, shown)
        return None if looked is shown else fitted(looked.to(weights.dtype), weights.shape[-1])

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run the attention where its torch calls are seen."""
        watch = self.watch()
        if watch is None:
            return self.inner(*args, **kwargs)
        with self._inside(watch):
            return self.inner(*args, **kwargs)

    def _inside(self, watch: Watch) -> Inside:
        return Inside(
            lambda weights: self._seen_inside(weights, lambda row: self._inside_weights(watch, row)),
            lambda contexts: self._seen_inside(
                contexts, lambda row: watch.probe.part(ATTENTION_CONTEXTS, self.layer, row)
            ),
            lambda output, args, kwargs: self._whole(output, *_call_of(*args, **kwargs)),
        )

    def _seen_inside(self, whole: Tensor, look: Callable[[Tensor], Tensor]) -> Tensor:
        """Look at the row on show of `[K, H, T, .]` or `[K H, T, .]`."""
        by_head = whole.view(-1, self.heads, *whole.shape[-2:])
        position = self.row.position(whole.shape[-2])
        looked = looked_at(by_head, (slice(None), slice(None), position), look)
        return whole if looked is by_head else looked.view(whole.shape)

    def _inside_weights(self, watch: Watch, weights: Tensor) -> Tensor:
        edited = self._weights(watch, weights)
        return weights if edited is None else edited

    def _whole(
        self,
        output: Tensor,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
        causal: bool,
        scale: float | None,
    ) -> Tensor:
        """Look at a call of torch's own attention, whose output is `[K, H, T, D]`."""
        arguments = {"scaling": scale, "is_causal": causal}
        result = output.transpose(1, 2), None
        looked, _ = self.through_interface(
            nn.Identity(), "sdpa", plain_eager, result, query, key, value, mask, arguments
        )
        return output if looked is result[0] else looked.transpose(1, 2)


def _call_of(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor | None, bool, float | None]:
    """The arguments of a call of torch's attention, by their places; dropout does not concern the weights."""
    del dropout_p, enable_gqa
    if attn_mask is not None:
        attn_mask = attn_mask[(None,) * (4 - attn_mask.dim())]
    return query, key, value, attn_mask, is_causal, scale
