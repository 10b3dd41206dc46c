"""What came before the choices of a batch: their hypotheses' tokens, and where they attended to.

A choice knows its step and the row of that step that it comes from; everything before is followed
back from there, for all choices in one go. Axes: N choices, T steps, S source tokens.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

Ints = NDArray[np.int64]


class Taken(NamedTuple):
    """What a step took: of each of the `active` sentences the rows that go on, and their tokens.

    `attention` has a row for each row that the step began with.
    """

    active: Ints
    parents: Ints
    tokens: Ints
    attention: "Attention | None"


class Attention(NamedTuple):
    """The attention of a step's rows, averaged over layers and heads, and where each is largest.

    `sure` says that no other place is as near as a batch may be off.
    """

    weights: NDArray[np.float64]
    focus: Ints
    sure: NDArray[np.bool_]

    @classmethod
    def of(cls, weights: Float[Tensor, "A k S"], tolerance: float) -> "Attention":
        """That of a step, already averaged."""
        best = weights.topk(min(2, weights.shape[-1]), dim=-1)
        sure = torch.ones_like(best.indices[..., 0], dtype=torch.bool)
        if weights.shape[-1] > 1:
            sure = best.values[..., 0] - best.values[..., 1] > 2 * tolerance
        return cls(weights.double().cpu().numpy(), best.indices[..., 0].cpu().numpy(), sure.cpu().numpy())


@dataclass(frozen=True, slots=True)
class History:
    """Of each choice: its `length`, the `tokens` of its hypothesis, -1 after its own, and attention.

    `attention` is that of its own step, `covered` the sum over all of them. There is none of it where
    nobody asked.
    """

    length: Ints
    tokens: Ints
    focus: Ints
    sure: NDArray[np.bool_]
    attention: NDArray[np.float64]
    covered: NDArray[np.float64]
    off: float
    """how far one weight may be off"""

    def repeats(self) -> Ints:
        """The length of the longest run of tokens that each ends with and that has come before."""
        found = np.zeros(len(self.length), np.int64)
        if not len(found):
            return found
        every = np.arange(len(found))
        last = self.tokens[every, self.length - 1]
        for lag in range(1, int(self.length.max())):
            there = np.flatnonzero(self.length > lag)
            same = there[self.tokens[there, self.length[there] - 1 - lag] == last[there]]
            run = 0
            while len(same):
                run += 1
                found[same] = np.maximum(found[same], run)
                same = same[self.length[same] > lag + run]
                here = self.length[same] - 1 - run
                same = same[self.tokens[same, here] == self.tokens[same, here - lag]]
        return found

    def focus_runs(self) -> tuple[Ints, Ints]:
        """The least and the most steps in a row that may have had each choice's focus."""
        every = np.arange(len(self.length))
        own, sure = self.focus[every, self.length - 1], self.sure[every, self.length - 1]
        least, most = np.ones_like(self.length), np.ones_like(self.length)
        certain, possible = sure.copy(), np.ones_like(sure)
        for back in range(1, int(self.length.max(initial=1))):
            there = self.length > back
            at = np.maximum(self.length - 1 - back, 0)
            same, known = self.focus[every, at] == own, self.sure[every, at]
            certain &= there & same & known
            possible &= there & (same | ~known | ~sure)
            least += certain
            most += possible
        return least, most


def taken_of(
    steps: Sequence[tuple[Tensor, Tensor, Tensor]], attended: Sequence[Tensor], tolerance: float
) -> list[Taken]:
    """The steps of a batch: active sentences, parents and tokens; `attended` [A, k, S] if it is asked for."""
    attention: list[Attention | None] = [Attention.of(each, tolerance) for each in attended]
    return [
        Taken(active.cpu().numpy(), parents.cpu().numpy(), tokens.cpu().numpy(), there)
        for (active, parents, tokens), there in zip(steps, attention or [None] * len(steps), strict=True)
    ]


def histories(
    steps: Sequence[Taken], sentence: Ints, at: Ints, row: Ints, token: Ints, tolerance: float
) -> History:
    """Follow choices back: those of `sentence` at step `at`, from `row` of that step."""
    count, times = len(at), len(steps)
    rows = row.copy()
    tokens = np.full((count, times), -1)
    focus, sure = np.zeros((count, times), np.int64), np.zeros((count, times), np.bool_)
    kept = [step.attention for step in steps if step.attention is not None]
    width = kept[0].weights.shape[-1] if kept else 0
    now, covered = np.zeros((count, width)), np.zeros((count, width))
    batch = int(sentence.max(initial=-1)) + 1
    for time in range(times - 1, -1, -1):
        step = steps[time]
        place = np.full(max(batch, int(step.active.max(initial=-1)) + 1), -1)
        place[step.active] = np.arange(len(step.active))
        earlier = np.flatnonzero(at > time)
        here = np.flatnonzero(at == time)
        before = place[sentence[earlier]], rows[earlier]
        tokens[earlier, time] = step.tokens[before]
        rows[earlier] = step.parents[before]
        tokens[here, time] = token[here]
        if step.attention is not None:
            both = np.concatenate((earlier, here))
            where = place[sentence[both]], rows[both]
            focus[both, time], sure[both, time] = step.attention.focus[where], step.attention.sure[where]
            weights = step.attention.weights[where]
            covered[both] += weights
            now[here] = weights[len(earlier) :]
    return History(at + 1, tokens, focus, sure, now, covered, tolerance)
