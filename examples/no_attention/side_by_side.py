"""One number twice: teacher-forced, with the reference as its past, and free-running, with its own.

`apart` is how far the decoder's states are from each other, as the length of their difference.

    python examples/no_attention/side_by_side.py plain 40312          # the reference is made of the number
    python examples/no_attention/side_by_side.py plain 40312 --first  # no more than the row where they part
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from number_words import words_of
from rich.console import Console
from rich.table import Table

from s2sdap import Session
from s2sdap.cli.outcomes import ending_in_one_line

END = "</s>"


@dataclass(frozen=True)
class Step:
    """A step of one of the two: what the model would write here, and the state that says so."""

    predicted: str
    p: float
    state: torch.Tensor


def free_running(model: str, source: str) -> list[Step]:
    """Each step reads what the step before has written."""
    session = Session.open(model, source=source)
    session.start()
    found = []
    while session.next().cursor is not None and session.cursor.stage == "search":
        found.append(_step(session))
    return found


def teacher_forced(model: str, source: str, reference: list[str]) -> list[Step]:
    """Each step reads the reference, whatever the model would have written."""
    session = Session.open(model, source=source)
    session.start()
    found = []
    for token in (*reference, END):
        session.next()
        found.append(_step(session))
        if token != found[-1].predicted:
            session.force(token)
    return found


def _step(session: Session) -> Step:
    piece, p = session.top_tokens(1)[0]
    return Step(piece, p, session.frame.site("decoder.state"))


def first_divergence(forced: list[Step], reference: list[str]) -> int | None:
    """The first step at which the model would not write the reference; both have the same past there."""
    goals = (*reference, END)
    return next((t for t, step in enumerate(forced) if step.predicted != goals[t]), None)


def main(
    model: Annotated[str, typer.Argument(help="The folder of the model.")],
    number: Annotated[int, typer.Argument(help="From 0 to 999999.", min=0, max=999_999)],
    *,
    first: Annotated[bool, typer.Option("--first", help="Only the row where they part.")] = False,
) -> None:
    """Print both, step by step, and where they part."""
    torch.set_num_threads(1)
    folder = str(Path(model).resolve())
    reference = words_of(number).split()
    free, forced = free_running(folder, str(number)), teacher_forced(folder, str(number), reference)
    wrong = first_divergence(forced, reference)
    table = Table("step", "reference", "forced says", "p", "free writes", "p", "apart")
    for t in range(max(len(free), len(forced))):
        if first and t != wrong:
            continue
        goal = [*reference, END][t] if t <= len(reference) else ""
        cells = [str(t), goal]
        for step in (forced[t] if t < len(forced) else None, free[t] if t < len(free) else None):
            cells += ["", ""] if step is None else [step.predicted, f"{step.p:.3f}"]
        both = t < min(len(free), len(forced))
        apart = float((free[t].state - forced[t].state).norm()) if both else math.nan
        table.add_row(*cells, f"{apart:.2f}" if both else "", style="bold" if t == wrong else "")
    console = Console()
    console.print(table)
    if wrong is None:
        console.print("The model writes the reference: both are the same.")
    else:
        told = f"First divergence at step {wrong}; from the next step on they read different pasts."
        console.print(told, highlight=False)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
