"""The sentences of an index: their texts, where they stand, and their tokens as they are written."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from s2sdap.neighbors.extras import required
from s2sdap.vocabulary.positions import Span


@dataclass(frozen=True, slots=True)
class CorpusSentence:
    """A sentence of an index: its number, its texts, and its place in a file.

    `line` is 0-based. `pieces` are the source tokens as they are written and `spans` where each stands in
    `source` (`None` for one that stands nowhere). `target_pieces` are the target tokens with the end
    symbol, so that a state of step t is to predict `target_pieces[t]`; none without a target.
    """

    sentence: int
    source: str
    target: str | None
    file: str
    line: int
    pieces: tuple[str, ...]
    spans: tuple[Span | None, ...]
    target_pieces: tuple[str, ...]


def sentence_schema() -> Any:
    """The Arrow schema of the dataset of sentences, which are in the order in which they were added."""
    pa = required("pyarrow")
    fields = {
        "sentence": pa.int64(),
        "source": pa.string(),
        "target": pa.string(),
        "file": pa.string(),
        "line": pa.int64(),
        "pieces": pa.list_(pa.string()),
        "spans": pa.list_(pa.int32()),
        "target_pieces": pa.list_(pa.string()),
    }
    return pa.schema(list(fields.items()))


def sentence_table(sentences: Sequence[CorpusSentence]) -> Any:
    """The sentences as a table of that schema."""
    columns = {
        "sentence": [each.sentence for each in sentences],
        "source": [each.source for each in sentences],
        "target": [each.target for each in sentences],
        "file": [each.file for each in sentences],
        "line": [each.line for each in sentences],
        "pieces": [each.pieces for each in sentences],
        "spans": [_numbers(each.spans) for each in sentences],
        "target_pieces": [each.target_pieces for each in sentences],
    }
    return required("pyarrow").table(columns, schema=sentence_schema())


def sentences_of(table: Any) -> list[CorpusSentence]:
    """The sentences of such a table, in its order."""
    return [
        CorpusSentence(
            sentence=row["sentence"],
            source=row["source"],
            target=row["target"],
            file=row["file"],
            line=row["line"],
            pieces=tuple(row["pieces"]),
            spans=_spans(row["spans"]),
            target_pieces=tuple(row["target_pieces"]),
        )
        for row in table.to_pylist()
    ]


def sentences_digest(sentences: Sequence[CorpusSentence]) -> str:
    """The SHA-256 of these sentences in their order."""
    return hashlib.sha256(msgspec.msgpack.encode(sentences)).hexdigest()


def _numbers(spans: Sequence[Span | None]) -> list[int]:
    """Start and end of each span, -1 and -1 for none."""
    return [number for span in spans for number in (span or (-1, -1))]


def _spans(numbers: Sequence[int]) -> tuple[Span | None, ...]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(None if start < 0 else Span(start, end) for start, end in pairs)
