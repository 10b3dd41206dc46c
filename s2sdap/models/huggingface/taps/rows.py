"""The attention of one query position, computed beside the run as the family's own eager function would.

K hypotheses, H heads, T query positions, S key positions (of `key`, whatever the cache keeps of them).
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from s2sdap.models.huggingface.taps.lean import is_known, row_weights
from s2sdap.models.huggingface.taps.probing import Watch
from s2sdap.vocabulary.errors import S2sdapError

__all__ = ["Eager", "aligned", "contexts_from", "fitted", "plain_eager", "weights_of_last"]

Eager = Callable[..., tuple[Tensor, Tensor]]


def weights_of_last(
    module: nn.Module,
    eager: Eager,
    base: str,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Any,
    arguments: Mapping[str, Any],
    watch: Watch,
) -> Tensor:
    """The attention weights `[K, H, S]` of the last query position.

    Args:
        module: the attention module.
        eager: its family's eager attention function.
        base: the implementation that the run itself uses; it says what a missing mask means.
        query: `[K, H, T, D]`.
        key: `[K, H or fewer, S, D]`.
        value: as `key`; only its type matters here.
        mask: as the run got it: additive, boolean (true is seen), of padding `[K, S]`, or `None`.
        arguments: the further keyword arguments of the attention call.
        watch: the pass, which remembers the mask that the layers share.
    """
    length, keys = query.shape[2], key.shape[2]
    causal_upper_left = mask is None and length > 1 and base == "sdpa" and _causal(module, arguments)
    if length > 1:
        query = query[:, :, -1:]
        bias = arguments.get("position_bias")
        if bias is not None and bias.shape[-2] > 1:
            arguments = {**arguments, "position_bias": bias[:, :, -1:]}
    if mask is not None:
        if mask is not watch.mask or keys != watch.mask_keys:
            watch.mask, watch.mask_keys = mask, keys
            watch.additive = _additive(mask, query.dtype, keys)
        mask = watch.additive
    elif causal_upper_left and keys > length:  # a static cache: what lies beyond is not written yet
        mask = _seen(torch.arange(keys, device=key.device) < length, query.dtype)
    window = arguments.get("sliding_window")
    if "flash" in base and window is not None and keys > window:
        recent = _seen(torch.arange(keys, device=key.device) >= keys - window, query.dtype)
        mask = recent if mask is None else mask + recent
    if is_known(eager):
        return row_weights(query, key, mask, arguments.get("scaling"))
    # Values of no width: the function's own product costs nothing, and the weights do not depend on it.
    _, weights = eager(module, query, key, value[..., :0], mask, **{**arguments, "dropout": 0.0})
    return weights[:, :, -1]


def _causal(module: nn.Module, arguments: Mapping[str, Any]) -> bool:
    given = arguments.get("is_causal")
    return bool(getattr(module, "is_causal", True) if given is None else given)


def _additive(mask: Tensor, dtype: torch.dtype, keys: int) -> Tensor:
    """The last query position's row of a mask, as numbers to add to the scores."""
    if mask.dim() == 2:  # padding only, as flash attention takes it
        return _seen(mask[:, -keys:].bool()[:, None, None], dtype)
    row = mask[:, :, -1:]
    return _seen(row, dtype) if row.dtype == torch.bool else row


def _seen(visible: Tensor, dtype: torch.dtype) -> Tensor:
    return torch.where(visible, 0.0, torch.finfo(dtype).min).to(dtype)


def plain_eager(
    _module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None = None,
    **_further: Any,
) -> tuple[Tensor, Tensor]:
    """Attention written out, for a module that calls torch's own: contexts `[K, T, H, D]` and weights."""
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    scores = query @ key.transpose(2, 3) * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    weights = (scores if mask is None else scores + mask).softmax(-1)
    return (weights @ value).transpose(1, 2), weights


def contexts_from(weights: Tensor, value: Tensor) -> Tensor:
    """`weights @ values` per head, `[K, H, D]`; heads in groups share a value head."""
    rows, heads, length = weights.shape
    shared = value.shape[1]
    grouped = weights.to(value.dtype).reshape(rows, shared, heads // shared, length)
    return (grouped @ value).reshape(rows, heads, value.shape[-1])


def aligned(weights: Tensor, total: int | None) -> Tensor:
    """Weights over all `total` positions read so far, whatever part of them the cache keeps.

    A sliding window has lost the first ones, which get a weight of 0; a static cache has room for more.
    """
    keys = weights.shape[-1]
    if total is None or total == keys:
        return weights
    if total < keys:
        return weights[..., :total].clone()
    return nn.functional.pad(weights, (total - keys, 0))


def fitted(weights: Tensor, keys: int) -> Tensor:
    """The inverse of `aligned`: the part of edited weights that the cache has keys for.

    Raises:
        S2sdapError: a position that the sliding window has lost was given a weight.
    """
    total = weights.shape[-1]
    if total <= keys:
        return nn.functional.pad(weights, (0, keys - total))
    lost = total - keys
    if bool((weights[..., :lost] != 0).any()):
        raise S2sdapError(
            "bad_attention",
            value=f"a weight of the first {lost} positions",
            reason=f"the sliding window of this layer keeps only the last {keys} of {total}",
        )
    return weights[..., lost:]
