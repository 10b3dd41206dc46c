"""Requests about conditions that an editor edits in fields of its own, where the protocol has no document.

All take `text`, and `kind`: `condition`, `log` (a log message), `hits` (a hit count) or `rule`. Columns are
UTF-16 units from 0.
"""

from typing import Any, Final

from lsprotocol import types as lsp

from s2sdap.language import conditions
from s2sdap.language.conditions import Kind
from s2sdap.language.lowering import completion_items, diagnostic, hover
from s2sdap.language.server import SentencesServer
from s2sdap.vocabulary.positions import position_of_column

COMPLETION: Final = "s2sdap/conditionCompletion"
"""What may stand at `column`: a list of completion items, whose edits are of line 0."""
DIAGNOSTICS: Final = "s2sdap/conditionDiagnostics"
"""What is wrong with the text: a list of diagnostics."""
HOVER: Final = "s2sdap/conditionHover"
"""What the name at `column` means: a hover, or nothing."""


def add_conditions(server: SentencesServer) -> None:
    """Register them."""

    @server.feature(COMPLETION)
    def completion(params: Any) -> list[lsp.CompletionItem]:
        text, kind = _asked(params)
        position = position_of_column(text, int(params.column))
        return completion_items(conditions.completions(text[:position], kind), text, 0, position)

    @server.feature(DIAGNOSTICS)
    def diagnostics(params: Any) -> list[lsp.Diagnostic]:
        text, kind = _asked(params)
        note = conditions.fault(text, kind)
        return [] if note is None else [diagnostic(note, text, server.desk.options.docs)]

    @server.feature(HOVER)
    def meaning(params: Any) -> lsp.Hover | None:
        text, kind = _asked(params)
        found = conditions.meaning(text, position_of_column(text, int(params.column)), kind)
        return None if found is None else hover(text, 0, found.span, found.text)


def _asked(params: Any) -> tuple[str, Kind]:
    return str(params.text), Kind(getattr(params, "kind", Kind.CONDITION))
