"""`s2sdap run --on ray`: parts of a program, each decoded by a worker that has the model.

A part is what one process would decode as a window of its own, so that the batches are the same.
"""

import dataclasses
import time
from collections.abc import Iterator

import msgspec

from s2sdap.cli.report import SentenceLine, told
from s2sdap.cli.run import RunOptions, loaded, opening_of, training_of
from s2sdap.cluster import Cluster, mapped
from s2sdap.debugger.corpus.run import WINDOW, Corpus, CorpusCounts
from s2sdap.debugger.program import Program, Sentence


class Part(msgspec.Struct):
    """Sentences that follow each other; `first` is the number of the first of them in the program."""

    first: int
    sentences: list[tuple[int, str, str | None]]
    """of each its 0-based line, its text and its reference"""
    path: str | None
    name: str


class Decoded(msgspec.Struct):
    """What became of a part: its lines of the report, and how they were decoded."""

    lines: list[SentenceLine]
    counts: CorpusCounts


class CorpusWorker:
    """Decodes parts. Holds the model of its process."""

    def __init__(self, options: RunOptions) -> None:
        self._options = options
        self._opening = opening_of(options)
        self._model, self._settings, self._rules = loaded(options)
        self._training = training_of(options, self._model, self._rules)

    def __call__(self, part: bytes, /) -> bytes:
        """Decode one."""
        asked = msgspec.json.decode(part, type=Part)
        absent = Sentence(0, 0, "", None)  # those before it, which a run passes over
        sentences = [Sentence(asked.first + place, *each) for place, each in enumerate(asked.sentences)]
        program = Program(asked.path, asked.name, (), (absent,) * asked.first + tuple(sentences), asked.first)
        options = self._options
        corpus = Corpus(
            self._model,
            program,
            self._settings,
            self._rules,
            bounds=options.bounds,
            exact=options.exact,
            training=self._training,
        )
        lines = [told(decoded, self._opening, tokens=options.tokens) for decoded in corpus]
        return msgspec.json.encode(Decoded(lines, corpus.counts))


def decoded_on(cluster: Cluster, options: RunOptions, corpus: Corpus) -> Iterator[SentenceLine]:
    """The sentences of `corpus` in the program's order, decoded on the cluster. Its counts are filled.

    On a GPU each worker has one for itself.
    """
    gpus = 0.0 if options.device == "cpu" else 1.0
    cpus = float(options.threads)
    parts = _parts(corpus.program, options, cluster.workers(cpus, gpus))
    begin = time.perf_counter()
    made = {"options": dataclasses.replace(options, on=None)}
    outcomes = mapped(cluster, parts, CorpusWorker, made, cpus=cpus, gpus=gpus)
    for outcome in outcomes:
        done = msgspec.json.decode(outcome, type=Decoded)
        _add(corpus.counts, done.counts, time.perf_counter() - begin)
        for line in done.lines:
            corpus.advance()
            yield line


def _parts(program: Program, options: RunOptions, workers: int) -> list[bytes]:
    """Whole windows, or single batches where there would be too few windows to go round."""
    sentences = program.sentences[program.first :]
    size = options.bounds.sentences
    if len(sentences) >= 2 * workers * size * WINDOW:
        size *= WINDOW
    return [
        msgspec.json.encode(
            Part(
                sentences[start].index,
                [(each.line, each.text, each.reference) for each in sentences[start : start + size]],
                program.path,
                program.name,
            )
        )
        for start in range(0, len(sentences), size)
    ]


def _add(counts: CorpusCounts, more: CorpusCounts, seconds: float) -> None:
    counts.seconds = seconds
    counts.batched += more.batched
    counts.again += more.again
    counts.alone += more.alone
    counts.tolerance = max(counts.tolerance, more.tolerance)
    counts.compared += more.compared
    counts.measured = max(counts.measured, more.measured)
    counts.failed += more.failed
    counts.failure = counts.failure or more.failure
