"""A file of source sentences as the language server holds it: its lines, and what is known of each.

What was decoded is kept by the sentence and not by its line: it stays right when lines move, and is out of
date by itself when a line is changed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from s2sdap.decoding.settings import SearchSettings
from s2sdap.language.configuration import Project
from s2sdap.language.decoded import Asked, DecodedSentence, Edited, FoundHere
from s2sdap.language.documents import Document, Splice
from s2sdap.language.notes import NOT_DECODED, UNKNOWN_SOURCE, Level, Note, refusal
from s2sdap.language.problems import Problem, problems_of, read
from s2sdap.models.source_readers import SourceReader
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import TABLE, read_lines
from s2sdap.vocabulary.positions import Span

Key = tuple[str, str | None, int, int]
"""A sentence, its reference, and its number and line where what becomes of it depends on those."""
_OF_PLACE: Final = frozenset({"sentence", "line"})
"""Fields by which a rule can tell apart two sentences that read alike."""
_NOTHING: Final[tuple[Problem, ...]] = ()
KEPT_SOURCES: Final = 2000
"""Sentences whose tokens are kept, those that were read last."""
MOST_DECODED: Final = 200_000


@dataclass(slots=True)
class SourceFile:
    """One open file of sentences.

    Attributes:
        document: its text.
        project: how it is read and decoded.
        reader: reads its sentences, `None` until the model is loaded where that takes the model.
        exact: whether it reads them as the model does; else the model, once loaded, has the last word.
        limit: the most source tokens that the model takes, as far as it is known.
        problems: what is wrong with each line, `None` where that was not looked at.
        decoded: what has become of sentences.
        edits: the changes of a person with which sentences are decoded.
        shown: the lines, first and one past the last, that the editor asked about last.
        failure: why nothing can be decoded.
        placed: whether a sentence's number or line decides what becomes of it.
        table: whether its lines have columns.
    """

    uri: str
    path: Path
    document: Document
    project: Project
    reader: SourceReader | None = None
    exact: bool = True
    limit: int | None = None
    problems: list[tuple[Problem, ...] | None] = field(default_factory=list)
    decoded: dict[Key, DecodedSentence] = field(default_factory=dict)
    edits: dict[Key, tuple[Edited, ...]] = field(default_factory=dict)
    shown: tuple[int, int] = (0, 0)
    failure: S2sdapError | None = None
    placed: bool = False
    table: bool = False
    _references: Sequence[str] | None = None
    _sources: dict[str, Source | S2sdapError] = field(default_factory=dict)
    _telling: set[str] = field(default_factory=set)
    """Sentences of which something was found, so that the others of a long file are passed over."""

    def __post_init__(self) -> None:
        generation = self.project.configuration.generation
        drawn = self.project.search.get("sample") or generation.get("do_sample")
        by_place = any(not _OF_PLACE.isdisjoint(rule.condition.names) for rule in self.project.rules)
        self.placed = bool(drawn or by_place)
        self.table = self.path.name.lower().endswith(TABLE)
        self.problems = [None] * len(self.document.lines)
        if self.limit is None:
            self.limit = int(self.project.search.get("max_source_length", SearchSettings().max_source_length))
        named = self.project.reference_of(self.path)
        if named is not None:
            try:
                self._references = read_lines(named)
            except S2sdapError as error:
                self.failure = error

    def changed(self, splice: Splice) -> None:
        """Lines were replaced: what is known of the new ones is nothing."""
        self.problems[splice.start : splice.start + splice.removed] = [None] * len(splice.lines)

    def read_again(self, reader: SourceReader, limit: int | None, *, exact: bool = True) -> None:
        """Sentences are read otherwise from now on."""
        self.reader, self.limit, self.exact = reader, limit, exact
        self._sources.clear()
        self.problems = [None] * len(self.document.lines)

    # ---- sentences ---------------------------------------------------------------------------

    def sentence(self, line: int) -> str:
        """The sentence on a line; empty where there is none."""
        text = self.document.line(line)
        return text.partition("\t")[0] if self.table else text

    def reference(self, line: int) -> str | None:
        """The reference of the sentence on a line."""
        if self._references is not None:
            return self._references[line] if line < len(self._references) else None
        before, tab, rest = self.document.line(line).partition("\t")
        return rest.partition("\t")[0] if self.table and tab and before else None

    def asked(self, first: int, end: int) -> list[Asked]:
        """The sentences on the lines from `first` to before `end`, to be decoded."""
        lines = self.document.lines
        number = len(before := lines[:first]) - before.count("")
        found = []
        for line in range(first, min(end, len(lines))):
            if lines[line]:
                if text := self.sentence(line):
                    found.append(Asked(text, number, line, self.reference(line)))
                number += 1
        return found

    def key(self, asked: Asked) -> Key:
        """What is decoded of a sentence is kept under this."""
        return (asked.text, asked.reference, *((asked.index, asked.line) if self.placed else (0, 0)))

    def result(self, line: int) -> DecodedSentence | None:
        """What has become of the sentence on a line, as it reads now."""
        if not self.placed:
            return self.decoded.get((self.sentence(line), self.reference(line), 0, 0))
        asked = self.asked(line, line + 1)
        return self.decoded.get(self.key(asked[0])) if asked else None

    def keep(self, asked: Asked, decoded: DecodedSentence) -> None:
        """A sentence has been decoded."""
        key = self.key(asked)
        self.decoded.pop(key, None)
        self.decoded[key] = decoded
        if decoded.findings or decoded.error is not None:
            self._telling.add(decoded.source)
        while len(self.decoded) > MOST_DECODED:
            del self.decoded[next(iter(self.decoded))]

    def wants(self, first: int, end: int) -> bool:
        """Whether there is a sentence on these lines of which nothing is known yet."""
        lines = range(first, min(end, len(self.document.lines)))
        return any(self.sentence(line) and self.result(line) is None for line in lines)

    def wanting(self, first: int, end: int) -> list[Asked]:
        """The sentences on these lines of which nothing is known yet."""
        return [each for each in self.asked(first, end) if self.key(each) not in self.decoded]

    def source(self, line: int) -> Source | None:
        """The source tokens of the sentence on a line; `None` where it cannot be read."""
        found = self._read(self.sentence(line))
        return found if isinstance(found, Source) else None

    def _read(self, sentence: str) -> Source | S2sdapError | None:
        if self.reader is None or not sentence:
            return None
        known = self._sources.get(sentence)
        if known is None:
            known = self._sources[sentence] = read(self.reader, sentence)
            while len(self._sources) > KEPT_SOURCES:
                del self._sources[next(iter(self._sources))]
        return known

    # ---- what is wrong -----------------------------------------------------------------------

    def look(self, line: int) -> tuple[Problem, ...]:
        """What is wrong with a line; found out now if it was not yet."""
        known = self.problems[line]
        if known is None:
            sentence = self.sentence(line)
            if self.reader is None:
                return _NOTHING
            if not sentence:
                known = _NOTHING
            else:  # not kept: a sweep over the whole file would push out what is looked at
                found = self._sources.get(sentence) or read(self.reader, sentence)
                known = problems_of(sentence, found, self.limit) or _NOTHING
            self.problems[line] = known
        return known

    def unseen(self) -> Iterator[int]:
        """The lines that were not looked at, in order, while they may change."""
        at = 0
        while True:
            try:
                at = self.problems.index(None, at)
            except ValueError:
                return
            yield at
            at += 1

    def notes(self) -> list[Note]:
        """Everything that is to be said of the file now."""
        out = [] if self.failure is None else [refusal(0, Span(0, len(self.document.line(0))), self.failure)]
        for line, known in [(line, known) for line, known in enumerate(self.problems) if known]:
            out += [problem.at(line) for problem in known]
        if self.decoded:
            out += self._findings()
        ignored = {(each.rule, each.source) for each in self.project.configuration.ignore}
        return [note for note in out if (note.code, self.sentence(note.line)) not in ignored]

    def _findings(self) -> Iterator[Note]:
        telling = self._telling
        sentences: Iterable[str] = self.document.lines if telling else ()
        if self.table:
            sentences = (text.partition("\t")[0] for text in sentences)
        for line in [line for line, sentence in enumerate(sentences) if sentence in telling]:
            if (result := self.result(line)) is not None:
                if result.error is not None:
                    yield Note(
                        line, Span(0, len(self.sentence(line))), NOT_DECODED, result.error, Level.ERROR
                    )
                unknown = any(problem.code == UNKNOWN_SOURCE for problem in self.problems[line] or ())
                for found in result.findings:
                    if not (unknown and found.rule == UNKNOWN_SOURCE):  # it is said of each token already
                        yield from notes_of(line, found)


def notes_of(line: int, found: FoundHere) -> Iterator[Note]:
    """A finding as a note at each of its spans."""
    level = Level.INFORMATION if found.step < 0 else Level.WARNING
    for span in found.spans:
        yield Note(line, span, found.rule, f"{found.text}. {found.advice}", level, found.step)
