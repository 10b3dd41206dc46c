"""Paired measurement, and the rows of the table."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """A line of the table: what was measured, ours, the peer's, their ratio and what it should be."""

    what: str
    ours: str
    peer: str
    ratio: float | None = None
    at_most: float | None = None

    @property
    def verdict(self) -> str:
        """Whether the goal was met, where there is one."""
        if self.ratio is None or self.at_most is None:
            return ""
        return "met" if self.ratio <= self.at_most else "MISSED"


def paired(ours: Callable[[], float], peer: Callable[[], float], runs: int) -> tuple[float, float, float]:
    """Medians of both and of the ratio pair by pair, after one pair that is not counted."""
    pairs = [(ours(), peer()) for _ in range(runs + 1)][1:]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def milliseconds(seconds: float) -> str:
    """Seconds as milliseconds."""
    return f"{seconds * 1000:.2f} ms"
