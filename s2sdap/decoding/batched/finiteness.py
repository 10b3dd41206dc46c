"""Which rows of a batch have a number that is a NaN or an infinity, at any site of a step.

Scores before a softmax may be minus infinity: something is masked, or forbidden.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

import torch
from torch import Tensor

from s2sdap.models.contract import Source
from s2sdap.vocabulary import sites

_BY_POSITION: Final = frozenset({sites.ENCODER_STATES, sites.ENCODER_LAYERS})
"""Sites whose last axes are S and D."""


class Finiteness:
    """Looks at the sites of one step; `bad` are the rows in which something is no finite number."""

    def __init__(self) -> None:
        self.bad: Tensor | None = None

    def look(self, site: str, value: Tensor) -> None:
        """Look at what a probe is given: a row a hypothesis."""
        flat = value.flatten(1)
        if not flat.shape[1]:
            return
        bad = ~(flat.amax(dim=1) < math.inf) if site in sites.MAY_BE_INFINITE else ~flat.sum(dim=1).isfinite()
        self.bad = bad if self.bad is None else self.bad | bad


class SourceFiniteness:
    """The probe of a batch's sources, of which a model shows one after the other.

    `bad` [B] are those in which something is no finite number; what they are filled up with does not count.
    """

    def __init__(self, sources: Sequence[Source]) -> None:
        self._lengths = [len(source.tokens) for source in sources]
        self._shown: Counter[str] = Counter()
        self.bad = torch.zeros(len(sources), dtype=torch.bool)

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Look at a site of the next source. Returns it as it is."""
        number = self._shown[site]
        self._shown[site] += 1
        there = value[..., : self._lengths[number], :] if site in _BY_POSITION else value
        if not bool(there.isfinite().all()):
            self.bad[number] = True
        return value
