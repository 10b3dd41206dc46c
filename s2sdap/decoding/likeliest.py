"""The highest score of each row, and the one next to it, found fast over large vocabularies.

On a CPU PyTorch's `argmax` and `topk` go through a row number by number, NumPy's `argmax` and
PyTorch's `amax` by whole vector registers: over rows of 8,000 numbers that takes a tenth of the time.
"""

from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

LARGE: Final = 256
"""Scores of a row from which on NumPy is asked."""


def likeliest(scores: Float[Tensor, "*rows V"]) -> Int[Tensor, "*rows"]:
    """The token with the highest score of each row, the first of several: `argmax`, of a NaN, too."""
    if scores.device.type == "cpu" and scores.dtype == torch.float32 and scores.shape[-1] >= LARGE:
        return torch.as_tensor(scores.detach().numpy().argmax(axis=-1))
    return scores.argmax(dim=-1)


def runner_up(scores: Float[Tensor, "*rows V"], tokens: Int[Tensor, "*rows"]) -> Float[Tensor, "*rows"]:
    """The highest score of each row but that of its token; minus infinity where there is no other."""
    return scores.scatter(-1, tokens[..., None], -torch.inf).amax(dim=-1)
