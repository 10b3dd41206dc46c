"""The corpus that an index is built from: a file of sources with their references, or a sample of it."""

import hashlib
import os
import random
from dataclasses import dataclass

from s2sdap.neighbors.manifest import FileRecord
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import lines_of, pairs_of, read_bytes


@dataclass(frozen=True, slots=True)
class CorpusLine:
    """A line with text: its 0-based number in the file, the source, and the reference if there is one."""

    line: int
    source: str
    target: str | None


@dataclass(frozen=True, slots=True)
class Corpus:
    """The sentences that were chosen, in the order of the file, and what tells the files from others."""

    file: FileRecord
    reference: FileRecord | None
    lines: tuple[CorpusLine, ...]
    sample: int | None
    seed: int


def read_corpus(
    path: str, reference: str | None = None, *, sample: int | None = None, seed: int = 0
) -> Corpus:
    """Read a UTF-8 file of sources, one a line, with a file of references in step if one is named.

    Of a file that is called `….tsv` the first column is the source, the second the reference. Empty lines
    are no sentences. `sample` of the sentences are drawn without replacement, as `seed` has it; all of
    them where there are not more.

    Raises:
        S2sdapError: `corpus_missing`, `reference_missing`, `program_not_utf8`, `program_too_large`,
            `program_columns`, `reference_length`, `corpus_empty`.
    """
    data = _read(path, "corpus_missing")
    other = None if reference is None else _read(reference, "reference_missing")
    references = None if other is None or reference is None else lines_of(other, reference)
    sources, targets = pairs_of(lines_of(data, path), path, references, reference)
    lines = [
        CorpusLine(number, source, None if targets is None else targets[number])
        for number, source in enumerate(sources)
        if source
    ]
    if not lines:
        raise S2sdapError("corpus_empty", path=path)
    if sample is not None and sample < len(lines):
        drawn = random.Random(seed).sample(range(len(lines)), sample)  # noqa: S311 - nothing is to be secret
        lines = [lines[place] for place in sorted(drawn)]
    file = _record(path, data)
    told = None if other is None or reference is None else _record(reference, other)
    return Corpus(file, told, tuple(lines), sample, seed)


def _read(path: str, missing: str) -> bytes:
    """What a file holds; `missing` is the refusal where it cannot be read."""
    try:
        return read_bytes(path)
    except S2sdapError as error:
        if error.name != "program_missing":
            raise
        raise S2sdapError(missing, **error.details) from None


def _record(path: str, data: bytes) -> FileRecord:
    return FileRecord(path=os.path.abspath(path), size=len(data), sha256=hashlib.sha256(data).hexdigest())
