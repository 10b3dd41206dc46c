"""Document symbols and folding: sentences in blocks, which empty lines part.

A file of very many sentences has its blocks alone, and those in groups of lines, so that an outline of a
hundred thousand entries is never built.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.features.hints import label
from s2sdap.language.lowering import end_of, line_range
from s2sdap.language.source_files import SourceFile

LISTED: Final = 2000
"""Lines up to which every sentence is listed."""
GROUP: Final = 500
"""Lines of a block at most, in a longer file."""
NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that follow each other, all with a sentence: from `first` to before `end`."""

    first: int
    end: int


def blocks(file: SourceFile) -> list[Block]:
    """The blocks of a file, in order."""
    found: list[Block] = []
    longest = len(file.document.lines) if len(file.document.lines) <= LISTED else GROUP
    start = None
    for line, text in enumerate(file.document.lines):
        if start is not None and (not text or line - start >= longest):
            found.append(Block(start, line))
            start = None
        if start is None and text:
            start = line
    if start is not None:
        found.append(Block(start, len(file.document.lines)))
    return found


def folding(file: SourceFile) -> list[lsp.FoldingRange]:
    """A range for each block of more than one line."""
    return [lsp.FoldingRange(each.first, each.end - 1) for each in blocks(file) if each.end - each.first > 1]


def symbols(file: SourceFile) -> list[lsp.DocumentSymbol]:
    """The sentences, in their blocks where there are several."""
    found = blocks(file)
    listed = len(file.document.lines) <= LISTED
    if listed and len(found) == 1:
        return list(_sentences(file, found[0]))
    return [_block(file, each, listed=listed) for each in found]


def _block(file: SourceFile, block: Block, *, listed: bool) -> lsp.DocumentSymbol:
    last = block.end - 1
    whole = lsp.Range(lsp.Position(block.first, 0), end_of(file.document.line(last), last))
    first = line_range(file.document.line(block.first), block.first)
    return lsp.DocumentSymbol(
        name=f"lines {block.first + 1} to {block.end}",
        detail=_short(file.sentence(block.first)),
        kind=lsp.SymbolKind.Namespace,
        range=whole,
        selection_range=first,
        children=list(_sentences(file, block)) if listed else None,
    )


def _sentences(file: SourceFile, block: Block) -> Iterator[lsp.DocumentSymbol]:
    for line in range(block.first, block.end):
        sentence = file.sentence(line)
        if not sentence:
            continue
        decoded = file.result(line)
        told = None if decoded is None or decoded.error else label(decoded, file.reference(line))
        where = line_range(file.document.line(line), line)
        yield lsp.DocumentSymbol(
            name=_short(sentence) if sentence.strip() else f"line {line + 1}",
            detail=told,
            kind=lsp.SymbolKind.String,
            range=where,
            selection_range=where,
        )


def _short(text: str) -> str:
    return text if len(text) <= NAME else text[:NAME] + "…"
