"""Inlay hints: what the model writes for a sentence, and how probable that is, at the line's end."""

from typing import Final

from lsprotocol import types as lsp

from s2sdap.language.decoded import DecodedSentence
from s2sdap.language.lowering import code, end_of
from s2sdap.language.source_files import SourceFile

LONGEST: Final = 120
"""Letters of an output that a hint shows."""
TOLD: Final = 40
"""Target tokens that its tooltip tells of."""


def hints(file: SourceFile, first: int, end: int) -> list[lsp.InlayHint]:
    """The hints of the lines from `first` to before `end`, as far as they are decoded."""
    found = []
    for line in range(first, min(end, len(file.document.lines))):
        decoded = file.result(line)
        if decoded is not None and decoded.error is None:
            found.append(_hint(file, line, decoded))
    return found


def label(decoded: DecodedSentence, reference: str | None) -> str:
    """A hint's text."""
    output = decoded.output if len(decoded.output) <= LONGEST else decoded.output[:LONGEST] + "…"
    edited = "".join(f", {edit.piece!r} {'banned' if edit.banned else 'forced'}" for edit in decoded.edits)
    differs = " ≠ reference" if reference is not None and reference != decoded.output else ""
    return f"→ {output}  p = {decoded.probability:.3g}{edited}{differs}"


def _hint(file: SourceFile, line: int, decoded: DecodedSentence) -> lsp.InlayHint:
    return lsp.InlayHint(
        position=end_of(file.document.line(line), line),
        label=label(decoded, file.reference(line)),
        tooltip=lsp.MarkupContent(lsp.MarkupKind.Markdown, _tooltip(file, line, decoded)),
        padding_left=True,
    )


def _tooltip(file: SourceFile, line: int, decoded: DecodedSentence) -> str:
    told = [f"{code(decoded.output)} — probability {decoded.probability:.4g}, {decoded.origin}."]
    reference = file.reference(line)
    if reference is not None:
        told.append(f"The reference is {code(reference)}.")
    told += [f"With {edit.text}." for edit in decoded.edits]
    rows = []
    for step, token in enumerate(decoded.tokens[:TOLD]):
        rival = "" if token.rival is None else f"; {code(token.rival.piece)} {token.rival.p:.3g}"
        rows.append(f"- step {step}: {code(token.piece)} {token.p:.3g}{rival}")
    if len(decoded.tokens) > TOLD:
        rows.append(f"- and {len(decoded.tokens) - TOLD} more")
    return "\n\n".join(told) + ("\n\n" + "\n".join(rows) if rows else "")
