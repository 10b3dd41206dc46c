"""The manifest of an index: what is in it and how much of that is acknowledged. One JSON file, read strictly.

The datasets beside it may be further than it says, after a process was killed; what the manifest does
not name does not count.
"""

from dataclasses import dataclass
from importlib.metadata import version as release
from typing import Final, Literal

import msgspec

from s2sdap.vocabulary.errors import S2sdapError

FORMAT: Final = "s2sdap index"
VERSION: Final = 1
NAME: Final = "manifest.json"


class ModelIdentity(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The model whose states these are: how it is loaded again, and what tells it from another.

    `fingerprint` is the model's own, of weights and configuration; `tokenizer` is a hash of its target
    pieces and of what some lines of text become (`identity.tokenizer_of`).
    """

    spec: str
    name: str
    fingerprint: str
    tokenizer: str
    dtype: str | None = None
    revision: str | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How far one dataset is acknowledged: `rows` of them at `version` of the dataset, 0 where there is none.

    `blocks` are the rows one after the other as they were committed, each with its count and the SHA-256
    of its values.
    """

    rows: int = 0
    version: int = 0
    blocks: tuple[tuple[int, str], ...] = ()


class SiteTable(Table, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The same of the states of one site, whose vectors have `dimension` numbers."""

    site: str
    dimension: int


class FileRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that was read: its whole path, bytes, and SHA-256."""

    path: str
    size: int
    sha256: str


class CorpusRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One corpus of the index, and how far its states are in.

    Its `sentences` have the numbers from `first` on; `left_out` lines have no tokens or too many. `sample`
    and `seed` say which were drawn. The sentences are computed in `batches`, of at most `batch_sentences`
    and `batch_tokens`, in an order that follows from the corpus and these bounds. Of them `done` are
    acknowledged; `failed` sentences of those could not be run. `device` and `threads` are of the last run.
    `way` is how sentences are forced, `apart` how far a row was at most from the debugger's own steps, as
    part of its length, over those sentences that were run both ways.
    """

    file: FileRecord
    reference: FileRecord | None = None
    sample: int | None = None
    seed: int = 0
    batch_sentences: int
    batch_tokens: int
    first: int
    sentences: int
    left_out: int
    batches: int
    done: int = 0
    failed: int = 0
    way: Literal["batches", "singly", "steps"] = "batches"
    apart: float = 0.0
    device: str = "cpu"
    threads: int = 1

    @property
    def finished(self) -> bool:
        """Whether all its states are in."""
        return self.done == self.batches

    @property
    def asked(self) -> tuple[object, ...]:
        """What tells it from another: the contents of the files, and what is drawn of them."""
        reference = None if self.reference is None else self.reference.sha256
        return self.file.sha256, reference, self.sample, self.seed

    @property
    def order(self) -> tuple[object, ...]:
        """What the order and the values of its states follow from, beside the model."""
        bounds = self.batch_sentences, self.batch_tokens
        return *self.asked, *bounds, self.sentences, self.left_out, self.batches


class Recall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much of the true k nearest a kind of search found, measured on this index.

    `recall` is the mean share over `queries` of them, 0..1; `settings` are those of the search.
    """

    site: str
    kind: str
    metric: str
    k: int
    recall: float
    queries: int
    rows: int
    settings: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that an index says of itself."""

    format: str = FORMAT
    version: int = VERSION
    release: str = msgspec.field(default_factory=lambda: release("s2sdap"))
    model: ModelIdentity
    sites: tuple[SiteTable, ...]
    sentences: Table
    corpora: tuple[CorpusRecord, ...] = ()
    recall: tuple[Recall, ...] = ()


@dataclass(frozen=True, slots=True)
class _Header:
    """The fields that say whether the rest can be understood."""

    format: str
    version: int
    release: str = "?"


def encoded(manifest: Manifest) -> bytes:
    """The manifest as the text of its file."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decoded(data: bytes, path: str) -> Manifest:
    """The manifest of the index at `path`. Raises `index_newer`, `index_damaged`."""
    try:
        header = msgspec.json.decode(data, type=_Header)
        if header.format != FORMAT:
            raise msgspec.ValidationError(f"it is {header.format!r}, not {FORMAT!r}")
        if header.version > VERSION:
            raise S2sdapError(
                "index_newer", path=path, found=header.version, supported=VERSION, release=header.release
            )
        return msgspec.json.decode(data, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise S2sdapError("index_damaged", path=path, where=NAME, reason=error) from None
