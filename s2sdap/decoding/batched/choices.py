"""What a batch keeps of its choices: numbers of the leading hypothesis, a row a choice.

`sentence` is the place in the batch. The columns bear the names of the expression language, so that
a condition can be asked of all rows at once; only those that some condition names are computed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.histories import History, Taken, histories

NUMBERS: Final = ("p", "logp", "rank", "entropy", "margin", "score", "step", "token")
"""Fields that a batch can tell of every choice by its row of log-probs; `token` is an id here."""
OF_TOKENS: Final = ("output", "tokens", "repeats")
"""Fields for which the tokens before a choice are followed back."""
OF_ATTENTION: Final = (
    *("attention", "focus", "focus_run", "special_attention", "coverage", "least_coverage"),
)
"""Fields for which the attention of each step is kept."""
OF_PROBES: Final = "not_finite"
"""The field for which every site is looked at."""


@dataclass(frozen=True, slots=True)
class Looked:
    """The fields that are looked at: of every choice, and of an output when its sentence ends.

    `None` is that nobody asks there, which is not the same as asking about no field.
    """

    steps: frozenset[str] | None = None
    ends: frozenset[str] | None = None

    @property
    def fields(self) -> frozenset[str]:
        """All of them."""
        return (self.steps or frozenset()) | (self.ends or frozenset())

    @property
    def attention(self) -> bool:
        """Whether the attention of the steps has to be kept."""
        return not self.fields.isdisjoint(OF_ATTENTION)

    @property
    def finiteness(self) -> bool:
        """Whether every number of a step has to be looked at."""
        return OF_PROBES in self.fields

    @property
    def history(self) -> bool:
        """Whether choices have to be followed back."""
        return self.attention or not self.fields.isdisjoint(OF_TOKENS)


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a batch. `errors` bound how far each column may be off, a number a row."""

    sentence: NDArray[np.int64]
    columns: dict[str, NDArray[Any]]
    errors: dict[str, NDArray[np.float64]]
    history: History | None = None

    @classmethod
    def none(cls) -> "Choices":
        """No choice."""
        return cls(np.zeros(0, np.int64), {}, {})


def with_history(choices: Choices, steps: Sequence[Taken], tolerance: float) -> Choices:
    """The choices with what came before each."""
    if "row" not in choices.columns:
        return choices
    at, row, token = (choices.columns[name] for name in ("step", "row", "token"))
    return replace(choices, history=histories(steps, choices.sentence, at, row, token, tolerance))


class ChoiceKeeper:
    """Collects the choices of a batch, step by step. `tolerance` bounds what a log-prob may be off."""

    def __init__(self, names: Collection[str] | None, tolerance: float) -> None:
        self.wanted = names is not None
        self._names = frozenset(names or ())
        self._tolerance = tolerance
        self._kept: list[tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]] = []

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
        *,
        rows: Int[Tensor, "A"] | None = None,
        finished: Bool[Tensor, "A"] | None = None,
        ended: Bool[Tensor, "A"] | None = None,
    ) -> None:
        """The leaders of `sentences` chose `tokens` in this step, from these log-probs.

        `rows` are those of the step that they come from, 0 where there is one a sentence.
        """
        names, off = self._names, self._tolerance
        columns: dict[str, Tensor] = {"step": torch.full_like(sentences, step), "token": tokens}
        errors: dict[str, Tensor] = {}
        flat = torch.full((len(sentences),), off, dtype=torch.float64, device=chosen.device)
        if names & {"p", "logp"}:
            columns["logp"], errors["logp"] = chosen, flat
            columns["p"], errors["p"] = chosen.exp(), flat
        if "score" in names:
            columns["score"], errors["score"] = scores, flat * (step + 1)
        if not names.isdisjoint((*OF_TOKENS, *OF_ATTENTION)):
            columns["row"] = torch.zeros_like(sentences) if rows is None else rows
        for name, values in (("finished", finished), ("ended", ended)):
            if name in names:
                nowhere = torch.zeros_like(sentences, dtype=torch.bool)
                columns[name] = nowhere if values is None else values
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
            return Choices.none()
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
