"""The program: a text file of source sentences, one a line, with references if there are any."""

import codecs
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from s2sdap.vocabulary.errors import S2sdapError

MAX_BYTES = 256 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Sentence:
    """A line that has text: its place among the sentences, its 0-based line, text and reference."""

    index: int
    line: int
    text: str
    reference: str | None


@dataclass(frozen=True, slots=True)
class Program:
    """The sentences of a file, or of one inline source (then `path` is `None`).

    `lines` are all the lines, the empty ones too: outputs are written one a line, in step with it.
    A run begins at sentence `first`; those before it keep their numbers and are passed over.
    """

    path: str | None
    name: str
    lines: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    first: int = 0

    @property
    def folder(self) -> str | None:
        """Where the file lies, from which the paths on its lines are meant."""
        return None if self.path is None else os.path.dirname(self.path)

    def beginning_at(self, line: int) -> "Program":
        """The program from 0-based `line` on, or from the first sentence after it.

        Raises `no_sentence_there`.
        """
        sentence = self.sentence_from(line)
        if sentence is None:
            raise S2sdapError("no_sentence_there", line=line + 1)
        return replace(self, first=sentence.index)

    def only(self, index: int) -> "Program":
        """The program of that sentence alone, which keeps its number and its line."""
        return replace(self, sentences=self.sentences[: index + 1], first=index)

    def sentence_from(self, line: int) -> Sentence | None:
        """The sentence on 0-based `line` or the first one after it."""
        for sentence in self.sentences:
            if sentence.line >= line:
                return sentence
        return None


def open_program(program: str | None, source: str | None, reference: str | None) -> Program:
    """The program that a launch names: a file, or text inline, and never both."""
    if program is not None and source is not None:
        raise S2sdapError("two_programs")
    if source is not None:
        return inline_program(source, reference)
    if program is None:
        raise S2sdapError("no_program")
    return read_program(program, reference)


def read_program(path: str, reference: str | None = None) -> Program:
    """Read a file of sentences, and a file of references with as many lines if one is named.

    A byte order mark and Windows line ends are taken off; nothing else is changed.
    """
    lines = read_lines(path)
    references = read_lines(reference) if reference else None
    return make_program(lines, path=os.path.abspath(path), references=references, reference_path=reference)


def inline_program(source: str, reference: str | None = None) -> Program:
    """A program from text in memory: one sentence, or several on lines of their own."""
    references = split_lines(reference) if reference is not None else None
    return make_program(split_lines(source), path=None, references=references, reference_path="reference")


def make_program(
    lines: Sequence[str],
    *,
    path: str | None,
    references: Sequence[str] | None = None,
    reference_path: str | None = None,
) -> Program:
    """Number the sentences of `lines`. Raises `program_empty` where no line has text."""
    name = Path(path).name if path else "source"
    if references is not None and len(references) != len(lines):
        raise S2sdapError("reference_length", path=reference_path, found=len(references), expected=len(lines))
    sentences: list[Sentence] = []
    for number, line in enumerate(lines):
        if line:
            reference = references[number] if references else None
            sentences.append(Sentence(len(sentences), number, line, reference))
    if not sentences:
        raise S2sdapError("program_empty", path=path or "`source`")
    return Program(path, name, tuple(lines), tuple(sentences))


def read_lines(path: str) -> list[str]:
    """The lines of a UTF-8 file. Raises `program_missing`, `program_not_utf8`, `program_too_large`."""
    try:
        size = os.stat(path).st_size
        if size > MAX_BYTES:
            raise S2sdapError("program_too_large", path=path, size=size, limit=MAX_BYTES)
        with open(path, "rb") as file:  # no further than the limit: a device has no size and no end
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the path
        raise S2sdapError(
            "program_missing", path=path, reason=getattr(error, "strerror", None) or error
        ) from None
    return lines_of(data, path)


def lines_of(data: bytes, path: str) -> list[str]:
    """The lines of UTF-8 text read from `path`, which is what a refusal names."""
    if len(data) > MAX_BYTES:
        raise S2sdapError("program_too_large", path=path, size=f"more than {MAX_BYTES}", limit=MAX_BYTES)
    body = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        offset = error.start + len(data) - len(body)
        raise S2sdapError(
            "program_not_utf8", path=path, offset=offset, line=line, byte=data[offset]
        ) from None
    return split_lines(text)


def split_lines(text: str) -> list[str]:
    """Lines at line feeds alone (an editor's lines), without carriage returns and the last empty one."""
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if lines[-1] == "":
        lines.pop()
    return lines
