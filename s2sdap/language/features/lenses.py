"""Code lenses above a sentence: debug it, decode it, compare it with its reference.

A file of a hundred thousand sentences has lenses where its editor looks, a short one everywhere.
"""

from collections.abc import Collection
from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.commands import COMPARE, DEBUG, DECODE
from s2sdap.language.source_files import SourceFile

EVERYWHERE: Final = 300
"""Lines up to which all sentences have lenses."""


def lensed(file: SourceFile) -> range:
    """The lines that may have lenses."""
    count = len(file.document.lines)
    if count <= EVERYWHERE:
        return range(count)
    first, end = file.shown
    return range(min(first, count), min(end, count))


def lenses(file: SourceFile, client_commands: Collection[str]) -> list[lsp.CodeLens]:
    """The lenses of a file; those whose command the client has to carry out only where it can."""
    found = []
    for line in lensed(file):
        if not file.sentence(line):
            continue
        where = lsp.Range(lsp.Position(line, 0), lsp.Position(line, 0))
        offers = [("Decode", DECODE)]
        if DEBUG in client_commands:
            offers.insert(0, ("Debug", DEBUG))
        if file.reference(line) is not None:
            offers.append(("Compare with reference", COMPARE))
        found += [
            lsp.CodeLens(where, lsp.Command(title=title, command=command, arguments=[file.uri, line]))
            for title, command in offers
        ]
    return found
