"""What a batch keeps of its choices: numbers of the leading hypothesis, a row a choice.

`sentence` is the place in the batch. The columns bear the names of the expression language, so that
a condition can be asked of all rows at once; only those that some condition names are computed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.histories import History, Ints, Taken, histories
from s2sdap.decoding.likeliest import likeliest, runner_up

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


class _Kept(NamedTuple):
    """Some choices, as they were added."""

    step: int | Ints
    sentences: Tensor
    tokens: Tensor
    chosen: Tensor
    scores: Tensor
    rows: Tensor | None
    finished: Tensor | None
    ended: Tensor | None
    of_rows: dict[str, Tensor]


class ChoiceKeeper:
    """Collects the choices of a batch, step by step. `tolerance` bounds what a log-prob may be off.

    A step is only noted, but for what needs its whole rows; columns are made of all steps in one go.
    """

    def __init__(self, names: Collection[str] | None, tolerance: float) -> None:
        self.wanted = names is not None
        self._names = frozenset(names or ())
        self._tolerance = tolerance
        self._kept: list[_Kept] = []

    @property
    def reads_rows(self) -> bool:
        """Whether it needs whole rows of log-probs; else it may be given none."""
        return not self._names.isdisjoint(("entropy", "margin", "rank"))

    def add(
        self,
        step: int | Ints,
        sentences: Int[Tensor, "A"],
        tokens: Int[Tensor, "A"],
        chosen: Float[Tensor, "A"],
        scores: Float[Tensor, "A"],
        *,
        of_rows: Mapping[str, Tensor] | None = None,
        rows: Int[Tensor, "A"] | None = None,
        finished: Bool[Tensor, "A"] | None = None,
        ended: Bool[Tensor, "A"] | None = None,
    ) -> None:
        """The leaders of `sentences` chose `tokens` in this step, or each in its own.

        `of_rows` are what `of_rows` said of the log-probs that they were chosen from. `rows` are those of
        the step that they come from, 0 where there is one a sentence.
        """
        numbers = dict(of_rows or {})
        self._kept.append(_Kept(step, sentences, tokens, chosen, scores, rows, finished, ended, numbers))

    def of_rows(self, logprobs: Float[Tensor, "A V"], tokens: Int[Tensor, "A"]) -> dict[str, Tensor]:
        """What is wanted of whole rows, of which `tokens` were chosen: a number a row.

        `near` counts the tokens that may be on the other side of the chosen one.
        """
        names = self._names
        found: dict[str, Tensor] = {}
        if "entropy" in names:
            products = logprobs.exp() * logprobs.clamp_min(torch.finfo(logprobs.dtype).min)
            found["entropy"] = -products.sum(dim=-1, dtype=torch.float64)
        if "margin" in names:
            first = likeliest(logprobs)
            best = logprobs.gather(1, first[:, None])[:, 0].double().exp()
            found["margin"] = best - runner_up(logprobs, first).double().exp()
        if "rank" in names:
            own = logprobs.gather(1, tokens[:, None])
            found["rank"] = (logprobs > own).sum(dim=-1)
            found["near"] = ((logprobs - own).abs() <= 2 * self._tolerance).sum(dim=-1) - 1
        return found

    def all(self) -> Choices:
        """Everything that was added."""
        kept, names, off = self._kept, self._names, self._tolerance
        if not kept:
            return Choices.none()
        sizes = [len(each.sentences) for each in kept]
        step = np.concatenate(
            [np.broadcast_to(each.step, size) for each, size in zip(kept, sizes, strict=True)]
        )
        flat = np.full(len(step), off)
        columns: dict[str, NDArray[Any]] = {"step": step, "token": _joined([each.tokens for each in kept])}
        errors: dict[str, NDArray[np.float64]] = {}
        if not names.isdisjoint(("p", "logp")):
            columns["logp"] = _joined([each.chosen for each in kept]).astype(np.float64)
            columns["p"] = np.exp(columns["logp"])
            errors["logp"] = errors["p"] = flat
        if "score" in names:
            columns["score"] = _joined([each.scores for each in kept])
            errors["score"] = flat * (step + 1)
        if not names.isdisjoint((*OF_TOKENS, *OF_ATTENTION)):
            columns["row"] = _joined([each.rows for each in kept], sizes, np.int64)
        if "finished" in names:
            columns["finished"] = _joined([each.finished for each in kept], sizes, np.bool_)
        if "ended" in names:
            columns["ended"] = _joined([each.ended for each in kept], sizes, np.bool_)
        of_rows = {name: _joined([each.of_rows[name] for each in kept]) for name in kept[0].of_rows}
        near = of_rows.pop("near", None)
        columns |= of_rows
        if "entropy" in of_rows:
            errors["entropy"] = flat * (of_rows["entropy"] + 2)
        if "margin" in of_rows:
            errors["margin"] = flat * 2
        if near is not None:
            errors["rank"] = np.maximum(near, 0).astype(np.float64)
        return Choices(_joined([each.sentences for each in kept]), columns, errors)


def _joined(parts: Sequence[Tensor | None], sizes: Sequence[int] = (), kind: Any = None) -> NDArray[Any]:
    """The parts after each other; one that is `None` is as many zeros of that kind."""
    there = [part for part in parts if part is not None]
    if len(there) == len(parts):
        joined: NDArray[Any] = torch.cat(there).cpu().numpy()
        return joined
    filled = [
        np.zeros(size, kind) if part is None else part.cpu().numpy()
        for part, size in zip(parts, sizes, strict=True)
    ]
    return np.concatenate(filled)
