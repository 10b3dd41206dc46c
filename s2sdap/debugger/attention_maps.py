"""One map out of many: the attention of all layers and heads of a decode, folded into [T, S].

`mean` and `max` fold over whatever is not named by a layer or a head. `rollup` follows attention
rollout (Abnar and Zuidema 2020, section 4) as far as the records go: heads are averaged, and every
layer passes on by its residual connection half of what came from below and takes half from where it
attends itself. What the target attends to of itself is not recorded, so each position is taken to
stay where it is; the rows are scaled to sum to 1.
"""

from enum import StrEnum

import torch
from jaxtyping import Float
from torch import Tensor

from s2sdap.debugger.columns import Row
from s2sdap.debugger.frames import attention_of
from s2sdap.vocabulary import sites


class Fold(StrEnum):
    """How layers and heads that are not named become one."""

    MEAN = "mean"
    MAX = "max"
    ROLLUP = "rollup"


def folded(
    weights: Float[Tensor, "L H S"], fold: Fold, layer: int | None, head: int | None
) -> Float[Tensor, "S"]:
    """One row [S] out of a step's attention. Raises `bad_value` where there is no such layer or head."""
    mean = attention_of(weights, layer, head)
    if fold is Fold.MEAN or (layer is not None and head is not None):
        return mean
    if fold is Fold.MAX:
        kept = weights if layer is None else weights[layer : layer + 1]
        kept = kept if head is None else kept[:, head : head + 1]
        return kept.flatten(0, 1).amax(dim=0)
    if layer is not None:
        return mean
    layers = weights.mean(dim=1) if head is None else weights[:, head]
    passed = layers[0]
    for own in layers[1:]:
        passed = (passed + own) / 2
    total = passed.sum()
    return passed / total if total > 0 else passed


def attention_map(
    rows: list[Row], fold: Fold, layer: int | None, head: int | None, width: int
) -> Float[Tensor, "T S"]:
    """The attention of these steps, padded with 0 to `width`; they must have come to attention."""
    out = torch.zeros(len(rows), width)
    for place, row in enumerate(rows):
        own = folded(row.record.sites[sites.ATTENTION_WEIGHTS][row.row], fold, layer, head)
        out[place, : len(own)] = own.detach().float().cpu()
    return out
