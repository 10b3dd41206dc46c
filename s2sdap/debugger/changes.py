"""From what a person types to an edit: a token by its piece, a weight, a whole attention row."""

import ast
import re

from s2sdap.debugger.descriptions import EditTarget, number, text
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Stop
from s2sdap.vocabulary.errors import S2sdapError

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def change(session: Session, frame: Frame, target: EditTarget, written: str) -> Stop:
    """Make the edit that setting `target` to `written` means."""
    if target.kind == "token":
        return session.force(parse_piece(written), frame=frame)
    if target.kind == "weight":
        return session.edit_attention(
            target.position, parse_weight(written), layer=target.layer, head=target.head, frame=frame
        )
    return session.set_attention(parse_row(written), layer=target.layer, head=target.head, frame=frame)


def parse_piece(written: str) -> str:
    """A piece, with or without quotes around it; quotes allow for blanks and escapes."""
    text = written.strip()
    if 1 < len(text) < 10_000 and text[0] == text[-1] and text[0] in "'\"":
        try:
            piece = ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text
        return str(piece)
    return text or written


def parse_weight(written: str) -> float:
    """One number."""
    if not re.fullmatch(_NUMBER, written.strip()):
        raise S2sdapError("bad_attention", value=written, reason="it is no number")
    return float(written)


def parse_row(written: str) -> list[float]:
    """Numbers between brackets or bare, separated by commas or blanks."""
    inner = written.strip().removeprefix("[").removesuffix("]")
    parts = [part for part in re.split(r"[,\s]+", inner) if part]
    if not parts or len(parts) > 100_000:
        raise S2sdapError("bad_attention", value=written[:80], reason="write one number a source token")
    return [parse_weight(part) for part in parts]


def shown_after(session: Session, target: EditTarget) -> str:
    """The value that the edited place shows now."""
    frame = session.frame
    if target.kind == "token":
        return text(frame.piece(frame.token))
    row: list[float] = frame.attention(target.layer, target.head).double().tolist()
    if target.kind == "weight":
        return number(row[target.position])
    return "[" + ", ".join(number(weight) for weight in row) + "]"
