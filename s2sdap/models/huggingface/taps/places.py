"""Where in a module's output the states on show are, and how others are put in their place.

An output may be a tensor, a tuple that begins with one, or one of transformers' output classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor
from transformers.utils.generic import ModelOutput

from s2sdap.models.huggingface.taps.probing import own

__all__ = ["Index", "LastRow", "Look", "looked_at", "nth_tensor", "source_rows", "with_nth_tensor"]

Index = tuple[int | slice, ...]
LAST: Final[Index] = (slice(None), -1)
Look = Callable[[Tensor], Tensor]
"""Is shown a value and returns the one to go on with."""


def nth_tensor(output: Any, n: int = 0) -> Tensor:
    """The n-th tensor of a module's output: its states, where n is 0."""
    found: Tensor = output if isinstance(output, Tensor) else output[n]
    return found


def with_nth_tensor(output: Any, states: Tensor, n: int = 0) -> Any:
    """The output with another n-th tensor and all else as it was."""
    if isinstance(output, Tensor):
        return states
    if isinstance(output, ModelOutput):
        return type(output)(**{**output, list(output)[n]: states})
    return type(output)((*output[:n], states, *output[n + 1 :]))


def looked_at(whole: Tensor, index: Index, look: Look) -> Tensor:
    """Let `look` see `whole[index]`; the whole to go on with, the same tensor if nothing was changed."""
    value = own(whole[index], whole)
    looked = look(value)
    if looked is value:
        return whole
    changed = whole.clone()
    changed[index] = looked.to(whole.dtype)
    return changed


@dataclass(frozen=True)
class LastRow:
    """Where the last position of a decoder layer's states is.

    `time_first`: the states are `[T, K, D]` and not `[K, T, D]`. With `streams`, the T positions are followed
    by those of each predicting stream; the first stream predicts the next token, so its last position counts.
    """

    time_first: bool = False
    streams: int = 0

    def position(self, length: int) -> int:
        """Which of `length` positions is on show."""
        return 2 * (length // (1 + self.streams)) - 1 if self.streams else length - 1

    def index(self, states: Tensor) -> Index:
        """The place of the position in a layer's states."""
        if not self.streams and not self.time_first:
            return LAST
        if self.time_first:
            return (self.position(states.shape[0]),)
        return (slice(None), self.position(states.shape[1]))


def source_rows(states: Tensor, length: int | None, time_first: bool, look: Look) -> Tensor:
    """Let `look` see an encoder layer's states `[B, S, D]`; the states to go on with.

    Args:
        states: as the layer returns them: `[B, S, D]`, or `[S, B, D]` where time comes first.
        length: S; some encoders pad inside, and what is behind S is not shown.
        time_first: see `states`.
        look: sees the states.
    """
    if not time_first:
        return looked_at(states, (slice(None), slice(0, length)), look)
    return looked_at(states.transpose(0, 1), (slice(None), slice(0, length)), look).transpose(0, 1)
