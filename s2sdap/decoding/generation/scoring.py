"""What the processors make of the scores, one after the other, and what became of which token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.generation import logits_process
from transformers.generation.logits_process import LogitsProcessor, LogitsProcessorList

POOL = 10
"""How many continuations are told of a hypothesis at least, so that a person sees the runners-up."""


@dataclass(frozen=True, slots=True, eq=False)
class Processed:
    """Scores [R, V] before any processor and after each, by the processor's name.

    `logprobs` [R, V] are what the last ones say in nats: themselves, where search works on log-probs.
    """

    stages: tuple[tuple[str, Tensor], ...]
    logprobs: Tensor

    @property
    def raw(self) -> Tensor:
        """Before any."""
        return self.stages[0][1]

    @property
    def final(self) -> Tensor:
        """After all."""
        return self.stages[-1][1]

    def of(self, rows: Sequence[int], tokens: Sequence[int]) -> tuple[tuple[str, NDArray[np.float64]], ...]:
        """The scores of some (row, token) at every stage; nothing where no processor ran."""
        if len(self.stages) == 1:
            return ()
        at = (torch.tensor(rows, dtype=torch.long), torch.tensor(tokens, dtype=torch.long))
        return tuple((name, scores[at].double().cpu().numpy()) for name, scores in self.stages)

    @property
    def nbytes(self) -> int:
        """Bytes of its tensors."""
        held = {id(scores): scores.nbytes for scores in (*(each for _, each in self.stages), self.logprobs)}
        return sum(held.values())

    def forbidden(self, rows: Sequence[int]) -> list[tuple[int, int, float]]:
        """Favourites that a processor ruled out: (place in `rows`, token, log-prob before)."""
        if len(self.stages) == 1 or not rows:
            return []
        before = torch.log_softmax(self.raw[list(rows)], dim=-1).topk(min(POOL, self.raw.shape[-1]))
        after = self.final[list(rows)].gather(-1, before.indices)
        gone = (after == -torch.inf) & (before.values > -torch.inf)
        return [
            (row, int(before.indices[row, place]), float(before.values[row, place]))
            for row, place in gone.nonzero().tolist()
        ]


def process(processors: LogitsProcessorList, ids: Any, scores: Any, *, normalised: bool) -> Processed:
    """Run the processors as `LogitsProcessorList` does, keeping what each one gave.

    `normalised` says that `scores` are log-probs, on which search goes on with what comes out. A
    caller's own processor may write into what it is given: what was there is copied before.
    """
    stages = [("model", scores)]
    for processor in processors:
        foreign = is_foreign(processor)
        copied, version = scores.clone() if foreign else scores, _writes(scores)
        after = LogitsProcessorList([processor])(ids, scores)
        if version is None or _writes(scores) != version:
            stages[-1] = (stages[-1][0], copied)
        stages.append((_name(processor), after))
        scores = after
    return Processed(tuple(stages), scores if normalised else torch.log_softmax(scores, dim=-1))


def is_foreign(processor: Any) -> bool:
    """Whether a processor is somebody's own, of which nothing is known."""
    return type(processor).__module__ != logits_process.__name__


def _writes(scores: Any) -> int | None:
    """How often it was written into; a tensor of inference mode does not count."""
    return None if scores.is_inference() else scores._version


def _name(processor: Any) -> str:
    name = type(processor).__name__ if isinstance(processor, LogitsProcessor) else ""
    name = name or getattr(processor, "__name__", type(processor).__name__)
    return name.removesuffix("LogitsProcessor").removesuffix("LogitsWarper") or name
