"""What a batch keeps of its choices: numbers of the leading hypothesis, a row a choice.

`sentence` is the place in the batch. The columns bear the names of the expression language, so that
a condition can be asked of all rows at once; only those that some condition names are computed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

COLUMNS: Final = ("p", "logp", "rank", "entropy", "margin", "score", "step", "token")
"""Fields that a batch can tell of every choice; `token` is an id here."""


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a batch. `errors` bound how far each column may be off, a number a row."""

    sentence: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    errors: dict[str, NDArray[np.float64]]


class ChoiceKeeper:
    """Collects the choices of a batch, step by step. `tolerance` bounds what a log-prob may be off."""

    def __init__(self, names: Collection[str], tolerance: float) -> None:
        self._names = frozenset(names) & frozenset(COLUMNS)
        self._tolerance = tolerance
        self._kept: list[tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]] = []

    @property
    def wanted(self) -> bool:
        """Whether any condition looks at a choice."""
        return bool(self._names)

    @property
    def reads_rows(self) -> bool:
        """Whether it needs whole rows of log-probs; else it may be given none."""
        return bool(self._names & {"entropy", "margin", "rank"})

    def add(
        self,
        step: int,
        sentences: Int[Tensor, "A"],
        logprobs: Float[Tensor, "A V"] | None,
        tokens: Int[Tensor, "A"],
        chosen: Float[Tensor, "A"],
        scores: Float[Tensor, "A"],
    ) -> None:
        """The leaders of `sentences` chose `tokens` in this step, from these log-probs."""
        names, off = self._names, self._tolerance
        columns: dict[str, Tensor] = {"step": torch.full_like(sentences, step), "token": tokens}
        errors: dict[str, Tensor] = {}
        flat = torch.full((len(sentences),), off, dtype=torch.float64, device=chosen.device)
        if names & {"p", "logp"}:
            columns["logp"], errors["logp"] = chosen, flat
            columns["p"], errors["p"] = chosen.exp(), flat
        if "score" in names:
            columns["score"], errors["score"] = scores, flat * (step + 1)
        if logprobs is None:
            self._kept.append((sentences, columns, errors))
            return
        if "entropy" in names:
            products = logprobs.exp() * logprobs.clamp_min(-1e9)
            columns["entropy"] = -products.sum(dim=-1, dtype=torch.float64)
            errors["entropy"] = flat * (columns["entropy"] + 2)
        if "margin" in names:
            best = logprobs.topk(min(2, logprobs.shape[-1])).values.double().exp()
            columns["margin"] = best[:, 0] - (best[:, 1] if best.shape[-1] > 1 else 0.0)
            errors["margin"] = flat * 2
        if "rank" in names:
            own = logprobs.gather(1, tokens[:, None])
            above = (logprobs > own).sum(dim=-1)
            near = ((logprobs - own).abs() <= 2 * off).sum(dim=-1) - 1
            columns["rank"], errors["rank"] = above, near.clamp_min(0).double()
        self._kept.append((sentences, columns, errors))

    def all(self) -> Choices:
        """Everything that was added."""
        if not self._kept:
            return Choices(np.zeros(0, np.int64), {}, {})
        first_columns, first_errors = self._kept[0][1], self._kept[0][2]
        return Choices(
            torch.cat([sentences for sentences, _, _ in self._kept]).cpu().numpy(),
            {
                name: torch.cat([columns[name] for _, columns, _ in self._kept]).cpu().numpy()
                for name in first_columns
            },
            {
                name: torch.cat([errors[name] for _, _, errors in self._kept]).cpu().numpy()
                for name in first_errors
            },
        )
