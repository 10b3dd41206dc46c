"""What can be said of a sentence without decoding it: what the model cannot read, and what it never sees.

A sentence is a line with text; of a line of a TSV it is the first column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from s2sdap.language.notes import DROPPED, NO_TOKENS, TOO_LONG, UNKNOWN_SOURCE, Level, Note, refusal
from s2sdap.models.source_readers import SourceReader
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import Span

SHOWN: Final = 20
"""Notes of one kind in one line; a line in another alphabet would be nothing but notes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something to say of a span of a sentence, whichever line that stands on."""

    span: Span
    code: str
    text: str
    level: Level = Level.WARNING

    def at(self, line: int) -> Note:
        """The problem as a note on a line."""
        return Note(line, self.span, self.code, self.text, self.level)


def read(reader: SourceReader, sentence: str) -> Source | S2sdapError:
    """The source tokens of a sentence, or why it has none."""
    try:
        return reader.tokenize(sentence)
    except S2sdapError as error:
        return error


def problems_of(sentence: str, source: Source | S2sdapError, limit: int | None) -> tuple[Problem, ...]:
    """What is wrong with a sentence. `limit` is the most source tokens that the model takes."""
    whole = Span(0, len(sentence))
    if isinstance(source, S2sdapError):
        note = refusal(0, whole, source)
        return (Problem(note.span, note.code, note.text, note.level),)
    if not source.tokens or all(token.span is None for token in source.tokens):
        return (Problem(whole, NO_TOKENS, "The model reads no token in this line, so it cannot be decoded."),)
    found = [*_unknown(source), *_dropped(sentence, source)]
    count = len(source.tokens)
    if limit is not None and count > limit:
        text = f"The line has {count} source tokens, the limit is {limit}: it is refused. Split the sentence."
        found.append(Problem(_beyond(source, limit, whole), TOO_LONG, text, Level.ERROR))
    return tuple(found)


def _unknown(source: Source) -> list[Problem]:
    unknown = [token for token in source.tokens if not token.known and token.span is not None]
    return [
        Problem(
            token.span,
            UNKNOWN_SOURCE,
            f"The model does not know {token.piece!r}: it reads {token.seen!r} (#{token.id}) in its place.",
        )
        for token in unknown[:SHOWN]
        if token.span is not None
    ]


def _dropped(sentence: str, source: Source) -> list[Problem]:
    """Runs of letters that no token stands for; white space between words is left out everywhere."""
    seen = bytearray(len(sentence))
    for token in source.tokens:
        if token.span is not None:
            for at in range(token.span.start, token.span.end):
                seen[at] = 1
    lost = [at for at, letter in enumerate(sentence) if not seen[at] and not letter.isspace()]
    return [
        Problem(
            span,
            DROPPED,
            f"The tokenizer drops {sentence[slice(*span)]!r} ({_codes(sentence[slice(*span)])}): "
            "the model never sees it.",
        )
        for span in _runs(lost)[:SHOWN]
    ]


def _runs(places: Sequence[int]) -> list[Span]:
    """Neighbouring places as spans."""
    spans: list[Span] = []
    for at in places:
        if spans and spans[-1].end == at:
            spans[-1] = Span(spans[-1].start, at + 1)
        else:
            spans.append(Span(at, at + 1))
    return spans


def _codes(text: str) -> str:
    return " ".join(f"U+{ord(letter):04X}" for letter in text[:4]) + (" …" if len(text) > 4 else "")


def _beyond(source: Source, limit: int, whole: Span) -> Span:
    """From the first token that is too many to the end."""
    span = next((token.span for token in source.tokens[limit:] if token.span is not None), None)
    return whole if span is None else Span(span.start, whole.end)
