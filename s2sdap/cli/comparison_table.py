"""A comparison of two decodes of a file as a person reads it: a row for each sentence that differs."""

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from s2sdap.cli.compare import Compared
    from s2sdap.debugger.comparing.comparison import Cell

ENDED: Final = "(has ended)"
_COLUMNS: Final = ("decode", "chose", "p", "rank", "other's p", "rank")


def show(compared: "Sequence[Compared]", names: tuple[str, str], broken_off: str = "") -> None:
    """Where each sentence first parts, where its reference went, and how many are the same.

    `broken_off` tells how far a comparison came that did not come to its end.
    """
    from s2sdap.debugger.comparing.whereabouts import told

    console = Console()
    parted = [each for each in compared if each.error is None and not each.same]
    if parted:
        console.print(_table(parted, names))
    for each in parted:
        if each.sought is not None:
            where = told(each.sought.whereabouts, each.sought.plan, each.sought.reference.unknown)
            _say(console, f"line {each.sentence.line + 1}, reference: {where}")
    failed = sum(each.error is not None for each in compared)
    same = sum(each.same for each in compared)
    counted = [
        f"{same} of {len(compared) - failed} identical",
        f"{failed} failed" if failed else "",
        broken_off,
    ]
    _say(console, ", ".join(filter(None, counted)))
    partings = [None if each.comparison is None else each.comparison.divergence for each in parted]
    steps = Counter(step for step in partings if step is not None)
    if steps:
        listed = ", ".join(f"{step} ({count})" for step, count in sorted(steps.items()))
        _say(console, f"first divergence at step (sentences): {listed}")


def _say(console: Console, text: str) -> None:
    console.print(Text(text), soft_wrap=True)


def _table(parted: "Sequence[Compared]", names: tuple[str, str]) -> Table:
    table = Table()
    table.add_column("line", justify="right")
    table.add_column("step", justify="right")
    for name in _COLUMNS:
        table.add_column(name, justify="left" if name in ("decode", "chose") else "right")
    table.add_column("output", overflow="fold")
    for each in parted:
        comparison, parting = each.comparison, each.parting
        if comparison is None or parting is None:
            continue
        sides = zip(
            names, (parting.left, parting.right), (comparison.left.text, comparison.right.text), strict=True
        )
        lines = [(name, *_cells(cell), output) for name, cell, output in sides]
        table.add_row(
            str(each.sentence.line + 1),
            str(comparison.divergence),
            *(Text("\n".join(column)) for column in zip(*lines, strict=True)),
        )
    return table


def _cells(cell: "Cell | None") -> tuple[str, str, str, str, str]:
    if cell is None:
        return ENDED, "", "", "", ""
    rival = ("", "")
    if cell.rival is not None:
        rival = (f"{math.exp(cell.rival.logprob):.4f}", str(cell.rival.rank))
    return (cell.piece, f"{math.exp(cell.logprob):.4f}", str(cell.rank), *rival)
