"""How far two distributions, or two vectors, are from each other. In double precision; 0 for equal ones."""

import math

import torch
from torch import Tensor


def total_variation(left: Tensor, right: Tensor) -> float:
    """Half the sum of the differences of two distributions: 0..1, the mass that has moved."""
    return float((left.double() - right.double()).abs().sum()) / 2


def jensen_shannon(left: Tensor, right: Tensor) -> float:
    """The Jensen-Shannon divergence of two distributions in nats, 0..ln 2 (Lin 1991)."""
    p, q = left.double(), right.double()
    middle = (p + q) / 2
    return max(0.0, float(_kl(p, middle) + _kl(q, middle)) / 2)


def symmetric_kl(left: Tensor, right: Tensor) -> float:
    """KL(p || q) + KL(q || p) of two rows of log-probs, in nats.

    Infinite where one rules out what the other allows.
    """
    p, q = left.double(), right.double()
    allowed = (p > -math.inf) | (q > -math.inf)
    p, q = p[allowed], q[allowed]
    return max(0.0, float(((p.exp() - q.exp()) * (p - q)).sum()))


def euclidean(left: Tensor, right: Tensor) -> float:
    """The length of the difference of two vectors."""
    return float(torch.linalg.vector_norm(left.double() - right.double()))


def cosine(left: Tensor, right: Tensor) -> float | None:
    """1 less the cosine of the angle between two vectors, 0..2; `None` where one has no direction."""
    a, b = left.double(), right.double()
    lengths = torch.linalg.vector_norm(a), torch.linalg.vector_norm(b)
    if not all(float(each) > 0 for each in lengths):
        return None
    return float((a / lengths[0] - b / lengths[1]).square().sum()) / 2  # equal vectors give 0, not 1e-16


def _kl(p: Tensor, q: Tensor) -> Tensor:
    """Where p is 0 it adds nothing."""
    return torch.where(p > 0, p * (p.clamp_min(1e-300) / q.clamp_min(1e-300)).log(), 0.0).sum()
