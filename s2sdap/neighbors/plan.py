"""What a build will do, known before it runs: which sentences, in which batches, and the room they need."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from jaxtyping import Int64

from s2sdap.neighbors.batch_states import BatchTask
from s2sdap.neighbors.corpus import Corpus, CorpusLine
from s2sdap.neighbors.extraction import Bounds, Example, Extractor
from s2sdap.neighbors.manifest import CorpusRecord
from s2sdap.neighbors.states import Pair, StateSite
from s2sdap.vocabulary.errors import S2sdapError

READ: Final = 2048
"""Sentences that are made tokens of at once; only their lengths are kept."""


@dataclass(frozen=True, slots=True)
class Room:
    """How much an index grows by: rows and dimension of each site, and the bytes of the sentences' text."""

    states: tuple[tuple[StateSite, int, int], ...]
    text: int

    @property
    def bytes(self) -> int:
        """Two bytes a number of every vector, and the text."""
        return self.text + sum(2 * rows * dimension for _, rows, dimension in self.states)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A line of which no state is taken, and why."""

    line: int
    error: S2sdapError


@dataclass(frozen=True, slots=True)
class Unknown:
    """How many tokens of a side, source or target, the model does not know, of how many."""

    side: str
    count: int
    of: int

    @property
    def share(self) -> float:
        """0..1, and 0 where there are no tokens."""
        return self.count / self.of if self.of else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class BuildPlan:
    """The sentences of a corpus that the model can read, in batches of like length.

    `lengths` are the target and the source tokens of each sentence; a target that nobody gave is taken to
    be as long as its source. A batch is the numbers of its sentences, from 0. `unknown` are the tokens of
    both sides that the model reads as its unknown token.
    """

    corpus: Corpus
    lines: tuple[CorpusLine, ...]
    lengths: Int64[np.ndarray, "N 2"]
    left_out: tuple[LeftOut, ...]
    batches: tuple[tuple[int, ...], ...]
    unknown: tuple[Unknown, Unknown]

    @property
    def tokens(self) -> int:
        """Tokens of both sides, which is what progress is counted in."""
        return int(self.lengths.sum())

    def tokens_of(self, batches: Sequence[Sequence[int]]) -> int:
        """The same of these batches."""
        return sum(int(self.lengths[list(batch)].sum()) for batch in batches)

    def room(self, dimensions: Mapping[StateSite, int], done: int = 0) -> Room:
        """What the sentences after the first `done` batches need, by their tokens as counted."""
        left = [number for batch in self.batches[done:] for number in batch]
        targets, sources = (int(each) for each in self.lengths[left].sum(axis=0))
        states = tuple(
            (site, sources if site.of_source else targets, size) for site, size in dimensions.items()
        )
        lines = [self.lines[number] for number in left]
        text = sum(len(each.source.encode()) + len((each.target or "").encode()) for each in lines)
        return Room(states, text)

    def record(self, bounds: Bounds, first: int) -> CorpusRecord:
        """What an index says of this corpus before any of its states is in."""
        return CorpusRecord(
            file=self.corpus.file,
            reference=self.corpus.reference,
            sample=self.corpus.sample,
            seed=self.corpus.seed,
            batch_sentences=bounds.sentences,
            batch_tokens=bounds.tokens,
            first=first,
            sentences=len(self.lines),
            left_out=len(self.left_out),
            batches=len(self.batches),
        )

    def task(self, batch: Sequence[int], first: int) -> BatchTask:
        """What is to be computed of a batch, whose sentences are numbered from `first` on."""
        lines = [self.lines[number] for number in batch]
        pairs = [
            Pair(first + number, line.source, line.target) for number, line in zip(batch, lines, strict=True)
        ]
        return BatchTask(tuple(pairs), tuple(line.line for line in lines), self.corpus.file.path)


@dataclass(frozen=True, slots=True)
class _Measured:
    """A sentence as `Extractor.batches` looks at it."""

    number: int
    lengths: tuple[int, int]


def planned(
    corpus: Corpus, extractor: Extractor, watch: Callable[[int, int], None] | None = None
) -> BuildPlan:
    """Make tokens of a corpus to see how many there are. `watch` hears how many lines are read, of how many.

    Raises:
        S2sdapError: `index_no_tokens` where the model can read none of its lines.
    """
    lines, lengths, left_out = [], [], []
    unknown = np.zeros((2, 2), np.int64)  # source and target; unknown tokens, and all
    for start in range(0, len(corpus.lines), READ):
        chunk = corpus.lines[start : start + READ]
        # A refusal names the sentence by the number of its line as people count them.
        examples, skipped = extractor.read(Pair(each.line + 1, each.source, each.target) for each in chunk)
        out = {each.sentence - 1 for each in skipped}
        lines += [each for each in chunk if each.line not in out]
        lengths += [each.lengths for each in examples]
        unknown += [_unknown_source(examples), _unknown_target(examples, extractor.model.target.unknown)]
        left_out += [LeftOut(each.sentence - 1, each.error) for each in skipped]
        if watch is not None:
            watch(start + len(chunk), len(corpus.lines))
    if not lines:
        raise S2sdapError("index_no_tokens", path=corpus.file.path, reason=left_out[0].error)
    measured = [_Measured(number, each) for number, each in enumerate(lengths)]
    batches = tuple(tuple(each.number for each in batch) for batch in extractor.batches(measured))
    told = (
        Unknown("source", int(unknown[0, 0]), int(unknown[0, 1])),
        Unknown("target", int(unknown[1, 0]), int(unknown[1, 1])),
    )
    return BuildPlan(corpus, tuple(lines), np.array(lengths, np.int64), tuple(left_out), batches, told)


def _unknown_source(examples: Sequence[Example]) -> tuple[int, int]:
    tokens = [token for each in examples for token in each.source.tokens]
    return sum(not token.known for token in tokens), len(tokens)


def _unknown_target(examples: Sequence[Example], unknown: int | None) -> tuple[int, int]:
    tokens = [token for each in examples for token in each.target or ()]
    return sum(token == unknown for token in tokens), len(tokens)


def check_room(path: str, room: Room, budget: int | None, free: int | None) -> None:
    """Refuse what is larger than the budget, or than what is free where the index goes to, in bytes.

    Raises:
        S2sdapError: `index_budget`.
    """
    for bound, limit in (("the budget", budget), ("free on that disk", free)):
        if limit is not None and room.bytes > limit:
            raise S2sdapError(
                "index_budget", path=path, need=f"{room.bytes:,}", bound=bound, limit=f"{limit:,}"
            )
