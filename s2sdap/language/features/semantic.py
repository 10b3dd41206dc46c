"""Semantic tokens: where one piece ends and the next begins, what is unknown, and how sure the model was.

Neighbouring pieces differ by the modifier `alternate`. How sure the model was is the least probability of
the target tokens that looked at a piece most: `doubtful` below a half, `unsure` below nine tenths.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.decoded import confidence
from s2sdap.language.source_files import SourceFile
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.positions import utf16_length

TYPES: Final = ("piece", "unknownPiece")
MODIFIERS: Final = ("alternate", "unsure", "doubtful")
LEGEND: Final = lsp.SemanticTokensLegend(list(TYPES), list(MODIFIERS))
UNSURE: Final = 0.9
DOUBTFUL: Final = 0.5


def tokens_of(file: SourceFile, line: int) -> Iterator[tuple[int, int, int, int]]:
    """The pieces of a line: column and length in UTF-16 units, type, and modifiers as bits."""
    source = file.source(line)
    if source is None:
        return
    decoded = file.result(line)
    sure: Sequence[float | None] = (
        [None] * len(source.tokens) if decoded is None else confidence(decoded, len(source.tokens))
    )
    yield from _placed(source, sure)


def _placed(source: Source, sure: Sequence[float | None]) -> Iterator[tuple[int, int, int, int]]:
    column, at, number = 0, 0, 0
    for token, p in zip(source.tokens, sure, strict=True):
        if token.span is None or token.span.start < at or token.span.start == token.span.end:
            continue  # it stands nowhere, or where another piece has been shown
        column += utf16_length(source.text[at : token.span.start])
        length = utf16_length(source.text[slice(*token.span)])
        modifiers = number % 2
        if p is not None and p < UNSURE:
            modifiers |= 4 if p < DOUBTFUL else 2
        yield column, length, 0 if token.known else 1, modifiers
        column += length
        at = token.span.end
        number += 1


class Encoder:
    """Puts the tokens of line after line into the numbers of the protocol, each relative to the last."""

    def __init__(self) -> None:
        self.data: list[int] = []
        self._line = 0
        self._column = 0

    def add(self, line: int, tokens: Iterator[tuple[int, int, int, int]]) -> None:
        """The tokens of a line that comes after those that were added."""
        for column, length, kind, modifiers in tokens:
            if line != self._line:
                self.data += (line - self._line, column, length, kind, modifiers)
            else:
                self.data += (0, column - self._column, length, kind, modifiers)
            self._line, self._column = line, column


def semantic_tokens(file: SourceFile, first: int, end: int) -> list[int]:
    """The tokens of the lines from `first` to before `end`, as the protocol has them."""
    encoder = Encoder()
    for line in range(first, min(end, len(file.document.lines))):
        encoder.add(line, tokens_of(file, line))
    return encoder.data
