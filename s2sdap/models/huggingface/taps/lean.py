"""The attention weights of one query row in as few operations as can be.

Most families' eager functions are copies of one of two. Theirs are computed here without the rest of the
function and without repeating keys for heads in groups; beside a small model's step that is what counts.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, Final

import torch
from torch import Tensor
from transformers.models.bert.modeling_bert import eager_attention_forward as common
from transformers.models.llama.modeling_llama import eager_attention_forward as grouped

__all__ = ["is_known", "row_weights"]

KNOWN: Final = (common, grouped)
NOTHING: Final = {dtype: torch.zeros(1, dtype=dtype) for dtype in (torch.float32, torch.bfloat16)}


@cache
def is_known(eager: Callable[..., Any]) -> bool:
    """Whether a family's eager function is a copy of a known one, by what it is compiled to."""
    return any(_text(eager) == _text(known) for known in KNOWN)


def _text(function: Callable[..., Any]) -> tuple[object, ...]:
    code = getattr(function, "__code__", None)
    return (function,) if code is None else (code.co_code, code.co_names, code.co_consts)


def row_weights(query: Tensor, key: Tensor, mask: Tensor | None, scaling: float | None) -> Tensor:
    """Softmax of scaled products, `[K, H, S]`.

    Args:
        query: `[K, H, 1, D]`.
        key: `[K, H, S, D]`, or fewer heads, each shared by a group.
        mask: to add to the scores, `[K or 1, H or 1, 1, S]`.
        scaling: of the products; D ** -0.5 if it is not told.
    """
    rows, shared, keys, width = key.shape
    heads = query.shape[1]
    scores = torch.baddbmm(
        _nothing(query),
        query.reshape(rows * shared, heads // shared, width),
        key.reshape(rows * shared, keys, width).transpose(1, 2),
        beta=0,
        alpha=width**-0.5 if scaling is None else scaling,
    )
    if mask is not None:
        scores = scores.view(rows, heads, 1, keys) + mask
    if scores.dtype == torch.float32:
        weights = scores.softmax(-1)
    else:  # one of the two knows to do this in the wider type; it only makes the other more exact
        weights = scores.softmax(-1, dtype=torch.float32).to(scores.dtype)
    return weights.view(rows, heads, keys)


def _nothing(like: Tensor) -> Tensor:
    """What the products are added to: it is not read."""
    known = NOTHING.get(like.dtype) if like.device.type == "cpu" else None
    return like.new_zeros(1) if known is None else known
