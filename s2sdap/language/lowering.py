"""From positions and notes to LSP's types: the only place where code points become UTF-16 columns."""

import re
from collections.abc import Sequence
from typing import Final

from lsprotocol import types as lsp

from s2sdap.debugger.expression_completions import Offered
from s2sdap.language.documentation import href_of
from s2sdap.language.documents import Extent, Place
from s2sdap.language.notes import Level, Note
from s2sdap.vocabulary.positions import Span, utf16_column, utf16_length

SOURCE: Final = "s2sdap"
_TICKS: Final = re.compile(r"`+")
_SEVERITIES: Final = {
    Level.ERROR: lsp.DiagnosticSeverity.Error,
    Level.WARNING: lsp.DiagnosticSeverity.Warning,
    Level.INFORMATION: lsp.DiagnosticSeverity.Information,
}
_KINDS: Final = {"field": lsp.CompletionItemKind.Field, "function": lsp.CompletionItemKind.Function}


def span_range(text: str, line: int, span: Span) -> lsp.Range:
    """A span of line number `line`, which reads `text`."""
    start = utf16_column(text, span.start)
    end = start + utf16_length(text[span.start : span.end])
    return lsp.Range(lsp.Position(line, start), lsp.Position(line, end))


def line_range(text: str, line: int) -> lsp.Range:
    """All of a line."""
    return lsp.Range(lsp.Position(line, 0), lsp.Position(line, utf16_length(text)))


def end_of(text: str, line: int) -> lsp.Position:
    """The end of a line."""
    return lsp.Position(line, utf16_length(text))


def extent_of(given: lsp.Range) -> Extent:
    """A range as the document takes it."""
    return Extent(Place(given.start.line, given.start.character), Place(given.end.line, given.end.character))


def diagnostic(note: Note, text: str, docs: str | None = None) -> lsp.Diagnostic:
    """A note on the line that reads `text`; `docs` is where the pages that codes link to lie."""
    target = href_of(note.code, docs)
    return lsp.Diagnostic(
        range=span_range(text, note.line, note.span),
        message=note.text,
        severity=_SEVERITIES[note.level],
        code=note.code,
        code_description=None if target is None else lsp.CodeDescription(href=target),
        source=SOURCE,
        data=None if note.step is None else {"step": note.step},
    )


def diagnostics(notes: Sequence[Note], lines: Sequence[str], docs: str | None = None) -> list[lsp.Diagnostic]:
    """The notes of a document."""
    return [diagnostic(note, lines[note.line] if note.line < len(lines) else "", docs) for note in notes]


def completion_items(
    offers: Sequence[Offered], text: str, line: int, position: int
) -> list[lsp.CompletionItem]:
    """What may stand at a position of a line, each in the place of the part of it that is typed."""
    return [
        lsp.CompletionItem(
            label=each.label,
            kind=_KINDS[each.kind],
            detail=each.detail or None,
            text_edit=lsp.TextEdit(
                span_range(text, line, Span(max(0, position - each.length), position)), each.text
            ),
        )
        for each in offers
    ]


def hover(text: str, line: int, span: Span, told: str) -> lsp.Hover:
    """A Markdown text at a span."""
    return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, told), span_range(text, line, span))


def code(text: str) -> str:
    """A text as a Markdown code span, whatever is in it."""
    shown = text.replace("\n", "⏎").replace("\r", "␍") or " "
    fence = "`" * (1 + max((len(run) for run in _TICKS.findall(shown)), default=0))
    blank = " " if shown[0] == "`" or shown[-1] == "`" else ""
    return f"{fence}{blank}{shown}{blank}{fence}"
