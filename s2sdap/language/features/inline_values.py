"""Inline values while debugging: what the debugger has at the sentence where it stands, beside the sentence.

The editor evaluates the expressions in the frame that it shows; nothing is known of them here.
"""

from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.lowering import line_range
from s2sdap.language.source_files import SourceFile

EXPRESSIONS: Final = ("token", "p", "entropy", "output")


def inline_values(file: SourceFile, asked: lsp.Range, stopped: lsp.Range) -> list[lsp.InlineValue]:
    """The values at the stopped line, where it is one of those that are asked about."""
    line = stopped.start.line
    if not asked.start.line <= line <= asked.end.line or not file.sentence(line):
        return []
    where = line_range(file.document.line(line), line)
    return [lsp.InlineValueEvaluatableExpression(where, expression) for expression in EXPRESSIONS]
