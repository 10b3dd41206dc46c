"""Where tokens stand in a text, and a text with one of them marked."""

import re
from collections.abc import Sequence
from typing import Final

from s2sdap.vocabulary.positions import Span

LEFT: Final = "›"
RIGHT: Final = "‹"
"""What stands around a marked token."""
_BLANKS: Final = re.compile(r"^[▁Ġ\s]+|^##")
"""How pieces write that a blank comes before them, or that none does."""


def target_spans(text: str, pieces: Sequence[str]) -> tuple[Span | None, ...]:
    """Where each piece stands in the text, one after the other; `None` for one that is not found.

    An index keeps target tokens as they are written, not where they stand: a blank before a piece is its
    own in some vocabularies and nobody's in others.
    """
    spans: list[Span | None] = []
    at = 0
    for piece in pieces:
        bare = _BLANKS.sub("", piece)
        begin = text.find(piece, at) if not bare else text.find(bare, at)
        found = begin >= 0 and not text[at:begin].strip()
        spans.append(Span(begin, begin + len(bare or piece)) if found else None)
        at = begin + len(bare or piece) if found else at
    return tuple(spans)


def marked(text: str, span: Span | None, width: int = 60) -> str:
    """The text with the token at `span` between marks, cut to about `width` characters around it."""
    if span is None:
        return text if len(text) <= width else text[: width - 1] + "…"
    whole = f"{text[: span.start]}{LEFT}{text[span.start : span.end]}{RIGHT}{text[span.end :]}"
    if len(whole) <= width:
        return whole
    begin = max(0, min(span.start - width // 2, len(whole) - width))
    cut = whole[begin : begin + width]
    return f"{'…' if begin else ''}{cut}{'…' if begin + width < len(whole) else ''}"
