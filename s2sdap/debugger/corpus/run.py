"""A corpus: decoded in batches of like length, and exactly where something is found.

The rules are asked of every choice of a batch. Where one may fire, or where a decision was closer than
what a batch may be off, the sentence is decoded again by itself, and what is told of it comes from that
run. How far a batch may be off is measured here, on sentences of this very corpus decoded both ways: the
one that is filled up the most in the first window, whose batch comes first, and then each one that is
decoded again.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from s2sdap.debugger.corpus.alone import Decoded, alone
from s2sdap.debugger.corpus.sweeping import Sweep, Swept, sweep_for
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
SAFETY: Final = 10.0
"""A batch may be off by this many times what was measured."""
LEAST: Final = 1 / 8
"""... and by this part of half its numbers' digits (the root of one rounding) at least."""
OTHERWISE: Final = "a sentence becomes another in it than by itself, and nothing was close"
"""Why a batch is not believed."""
IN_A_ROW: Final = 0.05
"""Seconds of batches that are decoded in a row before they are told of one after the other. In turn each
would find that the processor has forgotten it over the other, which costs a fast model's batch as much."""
AT_FIRST: Final = 2.0
"""A batch that shows how far batches are off is held to this many times the least: more sentences of it are
decoded again, and seldom the whole batch."""


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
    compared: int = 0
    """sentences of which a batch and a run by itself told log-probs of the same tokens"""
    measured: float = 0.0
    """the largest difference of those, in nats"""
    failed: int = 0
    """batches that failed or were not believed, so that each of their sentences was decoded by itself"""
    failure: str | None = None
    """why the first did: the words of its exception, or what was not believed"""

    def note_failure(self, error: Exception | str) -> None:
        """A batch failed, or was not believed."""
        self.failed += 1
        told = error if isinstance(error, str) else f"{type(error).__name__}: {error}"
        self.failure = self.failure or told

    def note(self, difference: float | None) -> None:
        """A sentence was decoded both ways: the batches to come are held to what it showed, if anything."""
        if difference is None:
            return
        self.compared += 1
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
        for found in self._alone(planner) if self._sweep is None else self._in_windows(planner, self._sweep):
            self.counts.seconds = time.perf_counter() - begin
            yield from found
        self.counts.seconds = time.perf_counter() - begin

    def _alone(self, planner: "_Planner") -> Iterator[Sequence[Decoded]]:
        for decoded in alone(self.model, self.program, planner, self.rules, self.training):
            self.counts.alone += 1
            self.advance()
            yield (decoded,)

    def _in_windows(self, planner: "_Planner", sweep: Sweep) -> Iterator[Sequence[Decoded]]:
        sentences = self.program.sentences[self.program.first :]
        size = self.bounds.sentences * WINDOW
        for start in range(0, len(sentences), size):
            yield _Window(self, planner, sweep, sentences[start : start + size]).decode()


_Planner = Callable[..., Plan]
_Batch = Sequence[tuple[Sentence, Plan]]


class _Begun(NamedTuple):
    """A batch, what its log-probs were taken to be off, and what tells of it: `None` where it failed.

    `known` is the place of the sentence that was decoded by itself before, where one was.
    """

    batch: _Batch
    held: float
    telling: Callable[[], Swept] | None
    known: int | None


class _Window:
    """Some sentences that follow each other in the program, while they decode."""

    def __init__(
        self, corpus: Corpus, planner: _Planner, sweep: Sweep, sentences: Sequence[Sentence]
    ) -> None:
        self.corpus, self.planner, self.sweep, self.sentences = corpus, planner, sweep, sentences
        self.decoded: dict[int, Decoded] = {}

    def decode(self) -> list[Decoded]:
        """All of them, in the program's order."""
        waiting: list[tuple[Sentence, Plan]] = []
        where, folder = self.corpus.program.name, self.corpus.program.folder
        for each in self.sentences:
            try:
                plan = self.planner(
                    each.text, sentence=each.index, line=each.line + 1, where=where, folder=folder
                )
            except S2sdapError as error:  # it has no tokens, or too many
                self._keep(Decoded(Result(each, 0, (), error), (), exact=True))
                self.corpus.counts.alone += 1
            else:
                waiting.append((each, plan))
        lengths = [self.sweep.length(plan) for _, plan in waiting]
        batches = list(grouped(lengths, self.sweep.beam, self.corpus.bounds))
        counts = self.corpus.counts
        first = None if counts.compared else _most_padded(batches, lengths)
        if first is not None:  # what is off most is known first
            batches.insert(0, batches.pop(first))
            counts.tolerance = max(counts.tolerance, LEAST * math.sqrt(self.sweep.roundoff))
        row: list[_Begun] = []
        begin = time.perf_counter()
        for number, batch in enumerate(batches):
            together = [waiting[index] for index in batch]
            measures = not counts.compared and len(batch) > 1
            row.append(self._begun(together, self._measured(together) if measures else None))
            if measures or time.perf_counter() - begin > IN_A_ROW or number + 1 == len(batches):
                for begun in row:
                    self._tell(begun)
                row, begin = [], time.perf_counter()
        return [self.decoded[sentence.index] for sentence in self.sentences]

    def _begun(self, batch: _Batch, known: int | None) -> _Begun:
        """A batch that is decoded, if it can be."""
        sentences, plans = [each for each, _ in batch], [plan for _, plan in batch]
        held = self.corpus.counts.tolerance * (1.0 if known is None else AT_FIRST)
        telling = None
        if len(batch) > 1:
            try:
                telling = self.sweep(plans, sentences, held)
            except Exception as error:  # whatever it was: by itself each sentence says what is wrong with it
                self.corpus.counts.note_failure(error)
        return _Begun(batch, held, telling, known)

    def _tell(self, begun: _Begun) -> None:
        """Keep what became of its sentences; what only a run by itself can tell of gets one."""
        counts, decoded, sentences = self.corpus.counts, self.decoded, [each for each, _ in begun.batch]
        swept = self._swept(begun)
        if swept is None:
            for sentence in sentences:
                if sentence.index not in decoded:
                    self._keep(self._by_itself(sentence))
                    counts.alone += 1
            return
        suspects = swept.suspect.tolist()
        for sentence, outputs, suspect in zip(sentences, swept.outputs, suspects, strict=True):
            if sentence.index in decoded:
                continue
            if not suspect:
                self._keep(Decoded(Result(sentence, 0, outputs), (), exact=False))
                counts.batched += 1
                continue
            again = self._by_itself(sentence)
            counts.again += 1
            counts.note(_apart(outputs, again.result.outputs))
            self._keep(again)

    def _swept(self, begun: _Begun) -> Swept | None:
        """What the sweep tells of a batch, or `None` where it failed.

        The sentence that is known shows how far the batch is off; where it became another and nothing was
        close, the batch is not believed. A batch that was held to less than batches turn out to be off is
        decoded once more.
        """
        counts = self.corpus.counts
        if begun.telling is None:
            return None
        if counts.tolerance <= begun.held:
            try:
                swept = begun.telling()
            except Exception as error:  # as above
                counts.note_failure(error)
                return None
            known = begun.known
            believed = known is None or self._compared(swept, begun.batch[known][0], known)
            if counts.tolerance <= begun.held:
                if not believed and not swept.suspect[known]:
                    counts.note_failure(OTHERWISE)
                return swept if believed else None
        return self._swept(self._begun(begun.batch, begun.known))

    def _measured(self, batch: _Batch) -> int | None:
        """Decode a sentence of a batch by itself, the first that can be, and give its place."""
        for place, (sentence, _) in enumerate(batch):
            decoded = self._by_itself(sentence)
            self._keep(decoded)
            self.corpus.counts.alone += 1
            if decoded.result.outputs:
                return place
        return None

    def _compared(self, swept: Swept, sentence: Sentence, place: int) -> bool:
        """Note how far a batch is off in the sentence that is known, and whether it can be believed."""
        batch, exact = swept.outputs[place], self.decoded[sentence.index].result.outputs
        apart = _apart(batch, exact)
        self.corpus.counts.note(apart)
        same = [each.tokens for each in batch] == [each.tokens for each in exact]
        return same or (apart is not None and bool(swept.suspect[place]))

    def _by_itself(self, sentence: Sentence) -> Decoded:
        corpus = self.corpus
        program = corpus.program.only(sentence.index)
        return next(alone(corpus.model, program, self.planner, corpus.rules, corpus.training))

    def _keep(self, decoded: Decoded) -> None:
        self.decoded[decoded.result.sentence.index] = decoded
        self.corpus.advance()


def _most_padded(batches: Sequence[Sequence[int]], lengths: Sequence[int]) -> int | None:
    """The batch that fills up its first sentence the most, of equals the longest.

    `None` where each sentence has one to itself.
    """
    padding = [lengths[batch[-1]] - lengths[batch[0]] for batch in batches]
    several = [number for number, batch in enumerate(batches) if len(batch) > 1]
    return max(several, key=lambda number: (padding[number], number), default=None)


def _apart(batch: Sequence[Output], exact: Sequence[Output]) -> float | None:
    """The largest difference of a log-prob as far as both wrote the same; `None` where that is nowhere."""
    apart: list[float] = []
    for one, other in zip(batch, exact, strict=False):
        same = [a == b for a, b in zip(one.tokens, other.tokens, strict=False)]
        length = len(same) if all(same) else same.index(False)
        pairs = zip(one.logprobs[:length], other.logprobs[:length], strict=True)
        apart += [abs(a - b) for a, b in pairs]
    return max(apart, default=None)
