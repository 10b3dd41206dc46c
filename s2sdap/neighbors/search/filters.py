"""Which states may be neighbours: conditions on what a state belongs to."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int64
from numpy.typing import NDArray

from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """What row i belongs to: its sentence, the corpus's token there and the model's (-1 without one)."""

    sentence: Int64[np.ndarray, "N"]
    token: Int64[np.ndarray, "N"]
    predicted: Int64[np.ndarray, "N"]

    def __len__(self) -> int:
        return len(self.sentence)


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that all hold for a neighbour; None and an empty set ask nothing.

    `token` is the corpus's token. `right` asks that the model predicts that token there, or that it
    predicts another. `sentences` are the first and the last sentence number; `without` are sentences
    left out, such as the one on show.
    """

    token: int | None = None
    right: bool | None = None
    sentences: tuple[int, int] | None = None
    without: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self != Filter()

    def mask(self, labels: Labels) -> Bool[np.ndarray, "N"]:
        """Whether each row may be a neighbour. Raises `filter_predictions`."""
        allowed: NDArray[np.bool_] = np.ones(len(labels), bool)
        if self.token is not None:
            allowed &= labels.token == self.token
        if self.right is not None:
            predicted = labels.predicted >= 0
            if len(labels) and not predicted.any():
                raise S2sdapError("filter_predictions")
            allowed &= predicted & ((labels.predicted == labels.token) == self.right)
        if self.sentences is not None:
            first, last = self.sentences
            allowed &= (labels.sentence >= first) & (labels.sentence <= last)
        if self.without:
            allowed &= ~np.isin(labels.sentence, np.fromiter(self.without, np.int64))
        return allowed

    def sql(self) -> str:
        """The same condition as Lance reads it: numbers only, so nothing in it needs quoting."""
        parts = []
        if self.token is not None:
            parts.append(f"token = {self.token:d}")
        if self.right is not None:
            parts.append(f"predicted >= 0 AND predicted {'=' if self.right else '<>'} token")
        if self.sentences is not None:
            first, last = self.sentences
            parts.append(f"sentence >= {first:d} AND sentence <= {last:d}")
        if self.without:
            parts.append(f"sentence NOT IN ({', '.join(f'{each:d}' for each in sorted(self.without))})")
        return " AND ".join(parts)
