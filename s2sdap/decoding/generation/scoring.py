"""What the processors make of the scores, one after the other, and what became of which token."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.generation.logits_process import LogitsProcessorList

POOL = 10
"""How many continuations are told of a hypothesis at least, so that a person sees the runners-up."""


@dataclass(frozen=True, slots=True, eq=False)
class Processed:
    """Scores [R, V] before any processor and after each, by the processor's name."""

    stages: tuple[tuple[str, Tensor], ...]

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

    def forbidden(self, rows: Sequence[int]) -> list[tuple[int, int, float]]:
        """The favourites of some rows that a processor ruled out: (row, token, log-prob before)."""
        if len(self.stages) == 1 or not rows:
            return []
        before = torch.log_softmax(self.raw[list(rows)], dim=-1).topk(min(POOL, self.raw.shape[-1]))
        after = self.final[list(rows)].gather(-1, before.indices)
        gone = (after == -torch.inf) & (before.values > -torch.inf)
        return [
            (rows[row], int(before.indices[row, place]), float(before.values[row, place]))
            for row, place in gone.nonzero().tolist()
        ]


def process(processors: LogitsProcessorList, ids: Any, scores: Any) -> Processed:
    """Run the processors as `LogitsProcessorList` does, keeping what each one gave.

    One that writes into its argument leaves no trace of what was there, so its stage takes the place
    of the one before.
    """
    stages = [("model", scores)]
    for processor in processors:
        after = LogitsProcessorList([processor])(ids, scores)
        name = type(processor).__name__.removesuffix("LogitsProcessor").removesuffix("LogitsWarper")
        if after.data_ptr() == scores.data_ptr() and len(stages) > 1:
            stages.pop()
        stages.append((name, after))
        scores = after
    return Processed(tuple(stages))
