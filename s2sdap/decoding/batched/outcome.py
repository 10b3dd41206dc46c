"""What becomes of a batch, and what its searches share."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.choices import Choices
from s2sdap.decoding.decode import Output

DONE_SHARE: Final = 0.25
"""The share of finished sentences at which their rows are let go."""
_SMALLEST: Final = 1e-20  # as in `penalties`


@dataclass(frozen=True, slots=True)
class BatchOutcome:
    """What became of a batch: of each sentence the outputs, best first, and whether a decision was close.

    `ends` are the last choices of the best outputs, where somebody asks about them.
    """

    outputs: tuple[tuple[Output, ...], ...]
    close: NDArray[np.bool_]
    choices: Choices
    ends: Choices | None = None


Telling = Callable[[], BatchOutcome]
"""Tells what became of a batch that is decoded; what that takes is not done before somebody asks."""


def coverage_terms(
    coverage: Float[Tensor, "A *k S"], lengths: Int[Tensor, "A"], beta: float
) -> Float[Tensor, "A *k"]:
    """The coverage term of every row. What a row is filled up with does not count."""
    there = torch.arange(coverage.shape[-1], device=coverage.device) < lengths[:, None]
    if coverage.dim() > there.dim():
        there = there[:, None]
    total = torch.log(coverage.clamp(_SMALLEST, 1.0)) * there
    return beta * total.sum(dim=-1).double()
