"""Which rows of a batch have a number that is a NaN or an infinity, at any site of a step.

Scores before a softmax may be minus infinity: something is masked, or forbidden.
"""

import math
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from s2sdap.models.contract import BatchingModel, Source
from s2sdap.vocabulary import sites

_MASKED: Final = frozenset({sites.ATTENTION_SCORES, sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS})


class Finiteness:
    """Looks at the sites of one step; `bad` are the rows in which something is no finite number."""

    def __init__(self) -> None:
        self.bad: Tensor | None = None

    def look(self, site: str, value: Tensor) -> None:
        """Look at what a probe is given: a row a hypothesis."""
        flat = value.flatten(1)
        if not flat.shape[1]:
            return
        bad = ~(flat.amax(dim=1) < math.inf) if site in _MASKED else ~flat.sum(dim=1).isfinite()
        self.bad = bad if self.bad is None else self.bad | bad


def not_finite_encoders(model: BatchingModel, sources: Sequence[Source]) -> Tensor:
    """Whether reading each source gives such a number. A batch probes no encoder: each is read alone."""
    found = []
    for source in sources:
        seen: list[bool] = []

        def probe(_site: str, value: Tensor, /, seen: list[bool] = seen) -> Tensor:
            seen.append(bool(value.isfinite().all()))
            return value

        model.encode(source, probe)
        found.append(not all(seen))
    return torch.tensor(found, device=model.device)
