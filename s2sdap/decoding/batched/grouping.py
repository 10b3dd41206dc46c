"""Which sentences decode together: those of like length, as many as the bounds allow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BatchBounds:
    """`sentences` a batch at most, and `tokens` at most: source tokens filled up, times the beam."""

    sentences: int = 64
    tokens: int = 32_768


def grouped(lengths: Sequence[int], beam: int, bounds: BatchBounds) -> Iterator[list[int]]:
    """Indices of `lengths` in batches, shortest first; one that is too long alone is a batch of its own."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        full = len(batch) >= bounds.sentences or (len(batch) + 1) * lengths[index] * beam > bounds.tokens
        if batch and full:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
