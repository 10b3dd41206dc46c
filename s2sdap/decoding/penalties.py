"""Length and coverage penalties of GNMT (Wu et al. 2016, equation 14).

    s(Y, X) = log P(Y|X) / lp(Y) + cp(X; Y)
    lp(Y)   = ((5 + |Y|) / 6) ** alpha
    cp(X;Y) = beta * sum_i log(min(sum_j p_ij, 1))

where p_ij is the attention of target j on source i, averaged over layers and heads here.
"""

import torch
from jaxtyping import Float
from torch import Tensor

_SMALLEST = 1e-20
"""Coverage below this counts as this: a token that was never attended costs much, not infinity."""


def length_term(length: int, alpha: float) -> float:
    """`lp` of a hypothesis of `length` target tokens, the end symbol counted."""
    return float(((5.0 + length) / 6.0) ** alpha) if alpha else 1.0


def attention_mass(weights: Float[Tensor, "K L H S"]) -> Float[Tensor, "K S"]:
    """The attention that each source token receives in one step, averaged over layers and heads."""
    return weights.mean(dim=(1, 2))


def coverage_term(coverage: Float[Tensor, "K S"], beta: float) -> list[float]:
    """`cp` of each of K hypotheses from the attention summed over their steps."""
    total = torch.log(coverage.clamp(_SMALLEST, 1.0)).sum(dim=-1)
    return [beta * value for value in total.double().tolist()]
