"""A corpus: decoded in batches of like length, and exactly where something is found.

The rules are asked of every choice of a batch. Where one may fire, or where a decision was closer than
what a batch may be off, the sentence is decoded again by itself, and what is told of it comes from that
run. How far a batch may be off is measured here, on sentences of this very corpus decoded both ways: the
shortest and the longest before any batch, and then each one that is decoded again.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from s2sdap.debugger.corpus.alone import Decoded, alone
from s2sdap.debugger.corpus.sweeping import Sweep, sweep_for
from s2sdap.debugger.neighbors.training import Training
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.results import Result
from s2sdap.debugger.watch_rules import ArmedRule
from s2sdap.decoding.batched.grouping import BatchBounds, grouped
from s2sdap.decoding.decode import Output
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.planning import Settings, planner_for
from s2sdap.models.contract import Described
from s2sdap.vocabulary.errors import S2sdapError

WINDOW: Final = 8
"""Batches whose sentences are sorted by length together; outputs are told a window at a time."""
TRIED: Final = 4
"""Sentences in the batch that is held against runs by themselves."""
SAFETY: Final = 10.0
"""A batch may be off by this many times what was measured."""
LEAST: Final = 1 / 8
"""... and by this part of half its numbers' digits (the root of one rounding) at least."""


@dataclass(slots=True)
class CorpusCounts:
    """What a run came to: seconds, sentences by how they were decoded, and what a batch was off by."""

    seconds: float = 0.0
    batched: int = 0
    again: int = 0
    """sentences of a batch that were decoded again by themselves"""
    alone: int = 0
    """sentences that no batch held"""
    tolerance: float = 0.0
    measured: float = 0.0
    """the largest difference of a log-prob between a batch and a run by itself, in nats"""

    def note(self, difference: float) -> None:
        """A sentence was decoded both ways: the batches to come are held to what it showed."""
        self.measured = max(self.measured, difference)
        self.tolerance = max(self.tolerance, SAFETY * self.measured)


@dataclass(slots=True)
class Corpus:
    """One run over a program. Iterate over it once; it gives every sentence in the program's order.

    `advance` is called once a sentence is decoded, which is earlier than it is given.
    """

    model: Described
    program: Program
    settings: Settings | None = None
    rules: tuple[ArmedRule, ...] = ()
    bounds: BatchBounds = field(default_factory=BatchBounds)
    exact: bool = False
    advance: Callable[[], None] = lambda: None
    training: Training | None = None
    """the index that rules about training ask"""
    counts: CorpusCounts = field(default_factory=CorpusCounts)
    singly: S2sdapError | None = None
    """why its sentences are decoded one by one, where they are and nobody asked for it"""
    _sweep: Sweep | None = None

    def __post_init__(self) -> None:
        if not self.exact:
            try:
                self._sweep = sweep_for(self.model, self.settings, self.rules)
            except S2sdapError as error:
                if error.name != "runs_singly":
                    raise
                self.singly = error

    def __iter__(self) -> Iterator[Decoded]:
        """Decode."""
        planner = planner_for(self.model, self.settings)
        begin = time.perf_counter()
        found = self._alone(planner) if self._sweep is None else self._in_windows(planner, self._sweep)
        for decoded in found:
            self.counts.seconds = time.perf_counter() - begin
            yield decoded
        self.counts.seconds = time.perf_counter() - begin

    def _alone(self, planner: "_Planner") -> Iterator[Decoded]:
        for decoded in alone(self.model, self.program, planner, self.rules, self.training):
            self.counts.alone += 1
            self.advance()
            yield decoded

    def _in_windows(self, planner: "_Planner", sweep: Sweep) -> Iterator[Decoded]:
        sentences = self.program.sentences[self.program.first :]
        size = self.bounds.sentences * WINDOW
        for start in range(0, len(sentences), size):
            window = _Window(self, planner, sweep, sentences[start : start + size])
            window.decode()
            yield from (window.decoded[sentence.index] for sentence in window.sentences)


_Planner = Callable[..., Plan]


class _Window:
    """Some sentences that follow each other in the program, while they decode."""

    def __init__(
        self, corpus: Corpus, planner: _Planner, sweep: Sweep, sentences: Sequence[Sentence]
    ) -> None:
        self.corpus, self.planner, self.sweep, self.sentences = corpus, planner, sweep, sentences
        self.decoded: dict[int, Decoded] = {}
        self.plans: dict[int, Plan] = {}

    def decode(self) -> None:
        """All of them."""
        for sentence in self.sentences:
            try:
                self.plans[sentence.index] = self._plan(sentence)
            except S2sdapError as error:  # it has no tokens, or too many
                self._keep(Decoded(Result(sentence, 0, (), error), (), exact=True))
                self.corpus.counts.alone += 1
        waiting = [each for each in self.sentences if each.index in self.plans]
        if waiting and not self.corpus.counts.tolerance:
            self._measure(waiting)
            waiting = [each for each in waiting if each.index not in self.decoded]
        lengths = [self.sweep.length(self.plans[each.index]) for each in waiting]
        for batch in grouped(lengths, self.sweep.beam, self.corpus.bounds):
            self._batch([waiting[index] for index in batch])

    def _batch(self, sentences: Sequence[Sentence]) -> None:
        counts = self.corpus.counts
        if len(sentences) == 1:
            self._keep(self._by_itself(sentences[0]))
            counts.alone += 1
            return
        plans = [self.plans.pop(each.index) for each in sentences]
        try:
            swept = self.sweep(plans, sentences, counts.tolerance)
        except Exception:  # whatever it was: by itself each sentence says what is wrong with it
            for sentence in sentences:
                self._keep(self._by_itself(sentence))
            counts.alone += len(sentences)
            return
        suspects = swept.suspect.tolist()
        for sentence, outputs, suspect in zip(sentences, swept.outputs, suspects, strict=True):
            if not suspect:
                self.decoded[sentence.index] = Decoded(Result(sentence, 0, outputs), (), exact=False)
                self.corpus.advance()
                continue
            again = self._by_itself(sentence)
            counts.note(_apart(outputs, again.result.outputs))
            self._keep(again)
        counts.again += sum(suspects)
        counts.batched += len(sentences) - sum(suspects)

    def _measure(self, sentences: Sequence[Sentence]) -> None:
        """How far a batch is off: the shortest and the longest sentence, both ways."""
        counts = self.corpus.counts
        by_length = sorted(sentences, key=lambda each: self.sweep.length(self.plans[each.index]))
        every = max(1, len(by_length) // TRIED)
        tried = by_length[::every][:TRIED]
        if by_length[-1] is not tried[-1]:
            tried.append(by_length[-1])
        for sentence in dict.fromkeys((tried[0], tried[-1])):
            self._keep(self._by_itself(sentence))
            counts.alone += 1
        counts.tolerance = LEAST * math.sqrt(self.sweep.roundoff)
        try:
            swept = self.sweep([self.plans[each.index] for each in tried], tried, counts.tolerance)
        except Exception:  # the batches themselves will find out
            return
        for place in (0, len(tried) - 1):
            exact = self.decoded[tried[place].index].result.outputs
            counts.note(_apart(swept.outputs[place], exact))

    def _by_itself(self, sentence: Sentence) -> Decoded:
        corpus = self.corpus
        program = corpus.program.only(sentence.index)
        return next(alone(corpus.model, program, self.planner, corpus.rules, corpus.training))

    def _keep(self, decoded: Decoded) -> None:
        self.decoded[decoded.result.sentence.index] = decoded
        self.corpus.advance()

    def _plan(self, sentence: Sentence) -> Plan:
        program = self.corpus.program
        return self.planner(
            sentence.text,
            sentence=sentence.index,
            line=sentence.line + 1,
            where=program.name,
            folder=program.folder,
        )


def _apart(batch: Sequence[Output], exact: Sequence[Output]) -> float:
    """The largest difference of a log-prob, where both decoded the same."""
    pairs = [
        abs(a - b)
        for one, other in zip(batch, exact, strict=False)
        if one.tokens == other.tokens
        for a, b in zip(one.logprobs, other.logprobs, strict=True)
    ]
    return max(pairs, default=0.0)
