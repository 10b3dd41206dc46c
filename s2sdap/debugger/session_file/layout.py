"""What a session file holds: a zip of `session.json`, told here, and parts of tensors beside it.

Records, encoders, hypotheses and texts are numbered lists that point at each other by number, and
what several branches share stands once. Whatever must keep its bits is a tensor; the document has
names, texts and whole numbers. See docs/session-files.md.
"""

from typing import Any, Final

import msgspec

FORMAT: Final = "s2sdap session"
VERSION: Final = 1
DOCUMENT: Final = "session.json"
ALL: Final = "all"
"""What `Document.kept` says where every site was saved."""
MAX_DOCUMENT: Final = 256 * 1024 * 1024
"""Bytes of the document, for the writer as for the reader."""
PART_BYTES: Final = 8 * 1024 * 1024
"""A part of tensors is closed once it has this many bytes; its last record may take it beyond."""
MAX_PART: Final = 2 * 1024 * 1024 * 1024
MAX_PARTS: Final = 100_000


def part_name(number: int) -> str:
    """The entry of part `number`."""
    return f"tensors-{number:05d}.safetensors"


class Header(msgspec.Struct, frozen=True):
    """What says whether the rest can be understood."""

    format: str
    version: int
    release: str


class TokenPart(msgspec.Struct, frozen=True, array_like=True):
    """A source token; `span` is its place in the text, if it has one."""

    piece: str
    id: int
    seen: str
    span: tuple[int, int] | None
    known: bool


class SourcePart(msgspec.Struct, frozen=True):
    """A source sentence as it was read."""

    text: str
    tokens: list[TokenPart]


class TextTree(msgspec.Struct, frozen=True):
    """The text of every recorded prefix of target tokens, as what each token changes of it.

    Node 0 is the empty prefix with `start` as its text. Node n + 1 continues node `parent[n]` by
    `token[n]`: its text is the first `keep[n]` characters of the other's, and `add[n]`. A word that a source
    added has its number in `VocabularyPart.added`, behind the vocabulary's.
    """

    start: str
    parent: list[int]
    token: list[int]
    keep: list[int]
    add: list[str]


class VocabularyPart(msgspec.Struct, frozen=True):
    """The target vocabulary. `found` are pieces that mean another token than the first so written.

    `begin` is how the begin symbol is written, which may be no token of it; `encoded` are the tokens of
    the references. `added` are the words that sources add to it, of all sentences together.
    """

    bos: int
    begin: str
    eos: int
    unknown: int | None
    pieces: list[str]
    found: dict[str, int]
    encoded: dict[str, list[int]]
    texts: TextTree
    added: list[str] = []


class ModelPart(msgspec.Struct, frozen=True):
    """What the model tells of itself."""

    name: str
    fingerprint: str
    device: str
    max_source_length: int | None
    stages: list[str]
    sites: list[str]
    sizes: list[tuple[str, int]]
    parameters: int
    missing: list[tuple[str, str]]
    vocabulary: VocabularyPart


class SentencePart(msgspec.Struct, frozen=True):
    """A sentence of the program; `text` is left out where it is its line."""

    line: int
    reference: str | None = None
    text: str | None = None


class ProgramPart(msgspec.Struct, frozen=True):
    """The program."""

    path: str | None
    name: str
    lines: list[str]
    sentences: list[SentencePart]


class SettingPart(msgspec.Struct, frozen=True, array_like=True):
    """A setting as it is shown: name, value, where it came from."""

    name: str
    value: Any
    origin: str


class SettingsPart(msgspec.Struct, frozen=True):
    """The settings of the session: `kind` is search, generation, default or call.

    Those of a call that somebody's own program made are not known.
    """

    kind: str
    given: dict[str, Any]


class ErrorPart(msgspec.Struct, frozen=True):
    """A refusal of the catalogue."""

    number: int
    name: str
    what: str
    remedy: str


class EncoderPart(msgspec.Struct, frozen=True):
    """What reading the source computed. `sites` names the tensors of each source of the batch.

    `added` are the words that this source adds to the vocabulary, in the order of their ids there; where it
    adds any, `encoded` are the tokens of its reference.
    """

    part: int
    sources: list[SourcePart]
    sites: list[list[str]]
    live: list[int]
    next_id: int
    edits: list[dict[str, Any]] = []
    added: list[int] = []
    encoded: dict[str, list[int]] = {}


class StepPart(msgspec.Struct, frozen=True):
    """One step. `before` is the number of the step before it, or -1 - n after encoder n.

    `live`, `finished` and `best` are hypotheses; `decided` counts the candidates at hand at once,
    `processors` names the rows of their scores. `shown` is its table of settings, where a person changed
    some before it or at it.
    """

    part: int
    step: int
    before: int
    sites: list[str]
    live: list[int]
    finished: list[int]
    best: list[int]
    next_id: int
    ended: bool
    decided: int
    processors: list[str] = []
    edits: list[dict[str, Any]] = []
    shown: int | None = None


class BranchPart(msgspec.Struct, frozen=True):
    """A branch: its encoder and the numbers of its steps. `shown` is its table of settings.

    `text` is what it reads in place of the sentence, where a person changed the source; `made_by` are the
    edits that it was grown for, `error` is what the model failed with after its last step.
    """

    id: int
    parent: int | None
    fork: int
    encoder: int
    steps: list[int]
    shown: int
    name: str = ""
    text: str | None = None
    made_by: list[dict[str, Any]] = []
    error: ErrorPart | None = None


class DecodePart(msgspec.Struct, frozen=True):
    """Everything that was run of one sentence. Its hypotheses are columns in part `part`.

    `texts` gives the node of the text tree of each hypothesis, `coverage` those that have one.
    """

    sentence: int
    current: int
    part: int
    encoders: list[EncoderPart]
    steps: list[StepPart]
    branches: list[BranchPart]
    coverage: list[int]


class OutputPart(msgspec.Struct, frozen=True):
    """A finished hypothesis. Numbers that must keep their bits are written as hexadecimal floats."""

    text: str
    tokens: list[int]
    pieces: list[str]
    logprobs: list[str]
    score: str
    final: str


class ResultPart(msgspec.Struct, frozen=True):
    """What a sentence came to."""

    sentence: int
    branch: int
    outputs: list[OutputPart]
    error: ErrorPart | None = None


class CursorPart(msgspec.Struct, frozen=True):
    """Where the session stood."""

    sentence: int
    branch: int
    step: int
    stage: str
    hypothesis: int


class StopPart(msgspec.Struct, frozen=True):
    """Why it stood there. `also` are the findings of other rules at the same place."""

    reason: str
    text: str = ""
    breakpoints: list[int] = []
    finding: dict[str, Any] | None = None
    error: ErrorPart | None = None
    traceback: str = ""
    also: list[dict[str, Any]] = []


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """`session.json`. `parts` are the sizes of the parts in bytes, `kept` the sites that they hold."""

    format: str
    version: int
    release: str
    torch: str
    kept: str
    parts: list[int]
    model: ModelPart
    origin: dict[str, Any]
    program: ProgramPart
    settings: SettingsPart
    shown: list[list[SettingPart]]
    breakpoints: dict[str, list[dict[str, Any]]]
    decodes: list[DecodePart]
    results: list[ResultPart]
    cursor: CursorPart | None = None
    stop: StopPart | None = None
