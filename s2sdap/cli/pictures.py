"""Pictures of a step for a terminal: attention as heat, probabilities as bars, the beam as a table.

They are made of the protocol's bodies alone. Colour only repeats what is also written, so that a
pipe and a reader without colours lose nothing. Pieces are shown with control characters escaped.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.cells import cell_len
from rich.padding import Padding
from rich.style import Style
from rich.table import Table
from rich.text import Text

from s2sdap.protocol.custom import CandidateBody, NeighborBody, TokenBody
from s2sdap.vocabulary.positions import position_of_column

INDENT: Final = "     "
BAR: Final = 40
LONGEST_PIECE: Final = 14
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉█"
_COLD: Final = (38, 38, 46)
_HOT: Final = (232, 102, 28)
FATE_STYLES: Final = {"survived": "green", "finished": "bold green", "pruned": "dim"}


def written(piece: str) -> str:
    """A piece as one visible word."""
    shown = "".join(
        "␣" if char == " " else char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in piece
    )
    return shown if cell_len(shown) <= LONGEST_PIECE else shown[: LONGEST_PIECE - 1] + "…"


def plain(text: str) -> str:
    """A text without control characters, its spaces kept."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def heat(pieces: Sequence[str], weights: Sequence[float], width: int) -> Text:
    """The attention over the source: the pieces, a block as high as each weight, and the weight.

    Where the pieces need more than `width` cells they go on below.
    """
    picture = Text()
    for row in _rows([written(piece) for piece in pieces], width - len(INDENT)):
        words, blocks, numbers = (Text(INDENT) for _ in range(3))
        for position, word in row:
            weight = weights[position]
            cells = _cells(word)
            words.append(_centred(word, cells - 1), _heat_style(weight))
            words.append(" ")
            blocks.append(_centred(_BLOCKS[_level(weight)], cells), "bright_red" if weight >= 0.5 else "")
            numbers.append(_centred(f"{weight:.2f}", cells), "" if weight >= 0.005 else "dim")
        words.right_crop(1)
        blocks.rstrip()
        numbers.rstrip()
        for line in (words, blocks, numbers):
            picture.append_text(line).append("\n")
    picture.rstrip()
    return picture


def bars(tokens: Sequence[TokenBody], chosen: int) -> Text:
    """The likeliest tokens with their true probabilities; the chosen one is marked."""
    picture = Text()
    width = max(cell_len(written(token.piece)) for token in tokens)
    for token in tokens:
        mark = "→" if token.id == chosen else " "
        word = written(token.piece)
        style = "bold" if token.id == chosen else ""
        picture.append(f"{INDENT}{mark} {word}{' ' * (width - cell_len(word))} ", style)
        picture.append(_bar(token.p), "green" if token.id == chosen else "blue")
        picture.append(f" {probability(token.p)}\n", style)
    picture.rstrip()
    return picture


def beam(candidates: Sequence[CandidateBody], outputs: Mapping[int, str], shown: int) -> Padding:
    """What search looked at, best first, and what became of it; `outputs` are the parents' texts."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("continues")
    table.add_column("with")
    for title in ("log p", "score"):
        table.add_column(title, justify="right")
    table.add_column("fate")
    table.add_column("because of")
    for candidate in candidates[:shown]:
        table.add_row(
            Text(f"{candidate.parent}: {plain(outputs.get(candidate.parent, ''))}", overflow="ellipsis"),
            Text(written(candidate.piece)),
            f"{candidate.logp:.3f}",
            f"{candidate.score:.3f}",
            Text(candidate.fate),
            "" if candidate.reason == "none" else candidate.reason,
            style=FATE_STYLES.get(candidate.fate, ""),
        )
    return Padding(table, (0, 0, 0, len(INDENT)), expand=False)


def neighbors(found: Sequence[NeighborBody]) -> Padding:
    """Training states, nearest first: how far, and their sentence with the token marked."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("distance", justify="right")
    table.add_column("source")
    table.add_column("target")
    table.add_column("predicted")
    for each in found:
        source, target = Text(plain(each.source), overflow="ellipsis"), Text(plain(each.target or ""))
        if each.start is not None and each.end is not None:
            text = each.target or "" if each.side == "target" else each.source
            first, last = (position_of_column(text, column) for column in (each.start, each.end))
            token = (f"›{plain(text[first:last])}‹", "bold")
            marked = Text.assemble(plain(text[:first]), token, plain(text[last:]))
            source, target = (source, marked) if each.side == "target" else (marked, target)
        predicted = "" if each.predicted is None else written(each.predicted.piece)
        table.add_row(f"{each.distance:.4f}", source, target, predicted, style="" if each.right else "yellow")
    return Padding(table, (0, 0, 0, len(INDENT)), expand=False)


def others(candidates: Sequence[CandidateBody]) -> str:
    """The rest of a list of candidates in words: `24 pruned`."""
    counts = Counter(candidate.fate for candidate in candidates)
    return ", ".join(f"{count} {fate}" for fate, count in counts.items())


def probability(p: float) -> str:
    """A probability that never reads as 0 or 1 unless it is."""
    if 0 < p < 0.00005:
        return f"{p:.1e}"
    if 0.9999995 <= p < 1:
        return "> 0.999999"
    return f"{p:.6f}" if 0.99995 <= p < 1 else f"{p:.4f}"


def _rows(words: Iterable[str], width: int) -> Iterable[list[tuple[int, str]]]:
    """The words with their positions, in rows that fit."""
    row: list[tuple[int, str]] = []
    used = 0
    for position, word in enumerate(words):
        if row and used + _cells(word) > width:
            yield row
            row, used = [], 0
        row.append((position, word))
        used += _cells(word)
    if row:
        yield row


def _cells(word: str) -> int:
    """What a column of the heat takes: room for the piece and for its weight."""
    return max(len("0.00"), cell_len(word)) + 1


def _centred(word: str, width: int) -> str:
    left = (width - cell_len(word)) // 2
    return " " * left + word + " " * (width - cell_len(word) - left)


def _level(weight: float) -> int:
    """Which of the blocks: none below a hundredth, the full one for all of the attention."""
    return 0 if weight < 0.01 else min(8, 1 + int(weight * 8))


def _heat_style(weight: float) -> Style:
    red, green, blue = (round(cold + (hot - cold) * weight) for cold, hot in zip(_COLD, _HOT, strict=True))
    return Style(color="bright_white", bgcolor=f"rgb({red},{green},{blue})", bold=weight >= 0.5)


def _bar(p: float) -> str:
    eighths = round(p * BAR * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(BAR)
