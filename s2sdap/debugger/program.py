"""The program: a text file of source sentences, one a line, with references if there are any."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import check_length, read_pairs, split_lines


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
    A run begins at sentence `first` and ends before sentence `until`, `None` for all there are; the others
    keep their numbers and are passed over.
    """

    path: str | None
    name: str
    lines: tuple[str, ...]
    sentences: tuple[Sentence, ...]
    first: int = 0
    until: int | None = None

    @property
    def end(self) -> int:
        """The index after the last sentence of a run."""
        return len(self.sentences) if self.until is None else self.until

    @property
    def folder(self) -> str | None:
        """Where the file lies, from which the paths on its lines are meant."""
        return None if self.path is None else os.path.dirname(self.path)

    @property
    def has_references(self) -> bool:
        """Whether any sentence has a reference."""
        return any(sentence.reference is not None for sentence in self.sentences)

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
        return replace(self, first=index, until=index + 1)

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

    Of a file that is called `….tsv` the first column is the source, the second the reference where no
    file of references is named. A byte order mark and Windows line ends are taken off; nothing else is
    changed.
    """
    lines, references = read_pairs(path, reference)
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
    if references is not None:
        check_length(references, reference_path, len(lines))
    sentences: list[Sentence] = []
    for number, line in enumerate(lines):
        if line:
            reference = references[number] if references else None
            sentences.append(Sentence(len(sentences), number, line, reference))
    if not sentences:
        raise S2sdapError("program_empty", path=path or "`source`")
    return Program(path, name, tuple(lines), tuple(sentences))
