"""Batches, held against the debugger's own steps before anything is made of them.

A batch is quick where a model computes all positions of several sentences at once, and right only where it
looks neither ahead nor at what fills a sentence up. That is seen by one sentence run both ways, as soon as
there is one that can show it. Where they part, sentences run by themselves, and if need be step by step.
"""

from collections.abc import Collection, Sequence
from enum import StrEnum
from typing import Final

import torch

from s2sdap.decoding.forced.rows import Forced, Forcing, Rows, Wanted, joined, of_source

STEPS: Final = 12
"""Target tokens of the sentence that is run both ways."""
TELLING: Final = 3
"""Target tokens from which on a look ahead would show."""
ROUNDING: Final = 2.0**-9
"""How far rows may be apart by half precision alone, four roundings of it ..."""
ROUNDINGS: Final = 16
"""... and so many roundings of the model's own precision."""


class Way(StrEnum):
    """How the rows of several sentences come about."""

    BATCHES = "batches"
    """together"""
    SINGLY = "singly"
    """each by itself, since padding changed what a batch computed"""
    STEPS = "steps"
    """step by step, as the debugger runs, since all positions at once gave other numbers"""


class Checked:
    """Forces sentences in the quickest way that gives the debugger's states.

    Attributes:
        way: how it forces them.
        apart: the largest distance of a row from the debugger's, as part of that row's length (its L2 norm),
            over the sentences that were run both ways; 0 before there was one.
    """

    def __init__(self, forcing: Forcing) -> None:
        self.way = Way.BATCHES
        self.apart = 0.0
        self._forcing = forcing
        self._most = ROUNDING + ROUNDINGS * forcing.roundoff
        self._ahead_seen = self._padding_seen = False

    def force(self, sentences: Sequence[Forced], wanted: Collection[Wanted]) -> Rows:
        """The rows of `wanted` for one batch."""
        forcing = self._forcing
        if self.way is Way.STEPS:
            return joined([forcing.stepped(each, wanted) for each in sentences])
        if self.way is Way.SINGLY:
            rows = joined([forcing.force([each], wanted) for each in sentences])
        else:
            rows = forcing.force(sentences, wanted)
        telling = self._telling(sentences)
        if telling is None or self._agrees(sentences, rows, telling, wanted):
            return rows
        self.way = Way.SINGLY if self.way is Way.BATCHES and len(sentences) > 1 else Way.STEPS
        self._ahead_seen = self._padding_seen = False
        return self.force(sentences, wanted)

    def _telling(self, sentences: Sequence[Forced]) -> int | None:
        """The sentence of a batch that shows something not yet seen, if one does: that with most padding."""
        if self._ahead_seen and (self._padding_seen or self.way is not Way.BATCHES):
            return None
        longest = max(len(each.source.tokens) for each in sentences)
        able = [number for number, each in enumerate(sentences) if len(each.target) >= TELLING]
        if not able:
            return None
        shortest = min(able, key=lambda number: len(sentences[number].source.tokens))
        padded = self.way is Way.BATCHES and len(sentences[shortest].source.tokens) < longest
        return shortest if not self._ahead_seen or (padded and not self._padding_seen) else None

    def _agrees(
        self, sentences: Sequence[Forced], rows: Rows, number: int, wanted: Collection[Wanted]
    ) -> bool:
        """Whether the rows of a sentence are those of the debugger's steps; notes how far they are apart."""
        one = sentences[number]
        short = Forced(one.source, one.target[:STEPS])
        try:
            exact = self._forcing.stepped(short, wanted)
        except Exception:  # what the model cannot step, nobody can hold against it
            return True
        apart = 0.0
        for key in wanted:
            lengths = [len(each.source.tokens if of_source(key[0]) else each.target) for each in sentences]
            begin = sum(lengths[:number])
            expected = exact.vectors[key].float()
            found = rows.vectors[key][begin : begin + len(expected)].float()
            apart = max(apart, _distance(found, expected))
        if apart > self._most:
            return False
        self.apart = max(self.apart, apart)
        self._ahead_seen = True
        self._padding_seen |= len(one.source.tokens) < max(len(each.source.tokens) for each in sentences)
        return True


def _distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest distance of two rows as part of the length of the second; those without numbers aside."""
    finite = (found.isfinite() & expected.isfinite()).all(dim=1)
    apart = (found - expected)[finite].norm(dim=1)
    lengths = expected[finite].norm(dim=1).clamp(min=torch.finfo(torch.float16).tiny)
    return float((apart / lengths).max()) if len(apart) else 0.0
