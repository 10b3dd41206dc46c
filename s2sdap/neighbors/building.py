"""Building an index and adding to it. Wherever it is interrupted or killed, the same call goes on from there.

The batches of a corpus and their order follow from the corpus, the model and the bounds, so a build that
was interrupted ends with the very rows of one that was not.
"""

import functools
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from s2sdap.decoding.forced.checked import Way
from s2sdap.neighbors.admission import check_addition, check_build, unfinished
from s2sdap.neighbors.batch_states import BatchStates, BatchTask, batch_states
from s2sdap.neighbors.extraction import Extractor
from s2sdap.neighbors.manifest import CorpusRecord, ModelIdentity
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.plan import BuildPlan
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.writing import StoreWriter, creating, writing


@dataclass(frozen=True, slots=True)
class CommitBounds:
    """A commit follows the batch that reaches one of these: rows of a site, bytes of vectors, seconds."""

    rows: int = 65_536
    bytes: int = 128 * 1024 * 1024
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """How far a corpus is: tokens of both sides, sentences, and the sentences that are acknowledged."""

    tokens: int
    all_tokens: int
    sentences: int
    all_sentences: int
    committed: int


Computing = Callable[[Sequence[BatchTask], Way], Iterable[BatchStates]]
"""What becomes of batches, in their order, each as soon as it is there."""

Watch = Callable[[BuildProgress], None]
"""Hears of every batch. What it raises ends the build, which can go on later."""


def build_index(
    place: Place,
    plan: BuildPlan,
    extractor: Extractor,
    model: ModelIdentity,
    dimensions: Mapping[StateSite, int],
    *,
    run: tuple[str, int] = ("cpu", 1),
    commits: CommitBounds | None = None,
    watch: Watch | None = None,
    computing: Computing | None = None,
    wait: bool = False,
) -> CorpusRecord:
    """Build the index of one corpus, or go on with it. Returns how far it came, which is to its end.

    Args:
        place: an empty folder, one that is not there yet, or that of the same index.
        plan: what `extractor` makes of the corpus.
        extractor: of the sites of `dimensions`.
        model: what the index keeps of the extractor's model.
        dimensions: the sites, and how many numbers a vector of each has.
        run: the device and the threads, to be noted.
        commits: when what has been computed is acknowledged.
        watch: hears how far it is.
        computing: what computes the batches where `extractor` shall not, all in this process.
        wait: for another process that writes the index, which may be building this very one.

    Raises:
        S2sdapError: `index_other_model`, `index_other_build`, `corpus_changed` where another index is
            there; what `creating` and `StoreWriter.commit` raise.
    """
    with creating(place, model, dimensions, wait=wait) as writer:
        check_build(place.path, writer.manifest, model, plan, extractor.bounds, dimensions)
        return _filled(writer, plan, extractor, run, commits or CommitBounds(), watch, computing)


def add_corpus(
    place: Place,
    plan: BuildPlan,
    extractor: Extractor,
    model: ModelIdentity,
    *,
    run: tuple[str, int] = ("cpu", 1),
    commits: CommitBounds | None = None,
    watch: Watch | None = None,
    computing: Computing | None = None,
) -> CorpusRecord:
    """Add a corpus to an index, or go on with it. Returns how far it came, which is to its end.

    Raises:
        S2sdapError: `index_other_model`, `corpus_there`, `corpus_unfinished`, `corpus_changed`; what
            `writing` and `StoreWriter.commit` raise.
    """
    with writing(place) as writer:
        check_addition(place.path, writer.manifest, model, plan, extractor.bounds)
        return _filled(writer, plan, extractor, run, commits or CommitBounds(), watch, computing)


def _filled(
    writer: StoreWriter,
    plan: BuildPlan,
    extractor: Extractor,
    run: tuple[str, int],
    commits: CommitBounds,
    watch: Watch | None,
    computing: Computing | None,
) -> CorpusRecord:
    """Compute the batches that are left and commit them."""
    corpora = writer.manifest.corpora
    record = unfinished(corpora)
    if record is None:
        first = sum(each.sentences for each in corpora)
        record = plan.record(extractor.bounds, first)
        there = next((each for each in corpora if each.asked == record.asked), None)
        if there is not None:
            return there
        corpora = (*corpora, record)
        writer.commit(corpora)
    record = msgspec.structs.replace(record, device=run[0], threads=run[1])
    extractor.go_on(Way(record.way))
    tokens = plan.tokens_of(plan.batches[: record.done])
    sentences = committed = sum(map(len, plan.batches[: record.done]))
    since = time.monotonic()
    left = plan.batches[record.done :]
    tasks = [plan.task(batch, record.first) for batch in left]
    here = map(functools.partial(batch_states, extractor), tasks)
    computed = here if computing is None else computing(tasks, extractor.way)
    for batch, found in zip(left, computed, strict=True):
        if found.sentences:
            writer.add(found.states)
            writer.add_sentences(found.sentences)
        record = msgspec.structs.replace(
            record,
            done=record.done + 1,
            failed=record.failed + found.failed,
            way=found.way.value,
            apart=max(record.apart, found.apart),
        )
        tokens += plan.tokens_of([batch])
        sentences += len(batch)
        if (
            record.finished
            or writer.pending_rows >= commits.rows
            or writer.pending_bytes >= commits.bytes
            or time.monotonic() - since >= commits.seconds
        ):
            writer.commit((*corpora[:-1], record))
            committed, since = sentences, time.monotonic()
        if watch is not None:
            watch(BuildProgress(tokens, plan.tokens, sentences, len(plan.lines), committed))
    writer.tidy()
    return record
