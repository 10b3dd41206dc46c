"""Target tokens as people write them: a piece, or `#` and a number."""

import difflib
import re

from s2sdap.models.tokens import TargetVocabulary
from s2sdap.vocabulary.errors import S2sdapError


def resolve_token(target: TargetVocabulary, written: str | int) -> int:
    """The id of a token given as a piece, as `"#12"` or as 12. Raises `unknown_token`."""
    if isinstance(written, str):
        found = target.find(written)
        if found is not None:
            return found
        if re.fullmatch(r"#\d{1,9}", written):
            written = int(written[1:])
    if isinstance(written, int) and 0 <= written < len(target):
        return written
    near = _nearest(target, written) if isinstance(written, str) else ""
    raise S2sdapError("unknown_token", token=written, nearest=near)


def _nearest(target: TargetVocabulary, written: str) -> str:
    pieces = (target.piece(token) for token in range(min(len(target), 50_000)))
    near = difflib.get_close_matches(written[:50], pieces, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
