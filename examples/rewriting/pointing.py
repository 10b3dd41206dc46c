"""Where each word of an output comes from: how likely it is copied, and from where.

python -m examples.rewriting.pointing rewriter "What did Yersin or uh Simond establish in 1898?"
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.table import Table

from examples.rewriting.questions import tokenized
from s2sdap import Session
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.vocabulary import sites


@dataclass(frozen=True)
class Step:
    """A step: the word, how likely it is copied, the source word that is most attended, and its weight.

    `added` says that the word is in no vocabulary: it could only be copied.
    """

    word: str
    p: float
    copy: float
    focus: str
    weight: float
    added: bool


def steps(model: str, question: str) -> list[Step]:
    """The steps of the greedy output for a question, the end symbol included."""
    session = Session.open(model, source=tokenized(question))
    session.start()
    if sites.PREDICTION_COPY not in session.model.layout.sites:
        raise typer.BadParameter(f"{model} does not copy words")
    vocabulary = len(session.model.target)
    found = []
    while session.next().cursor is not None and session.cursor.stage == "search":
        focus = int(session.evaluate("focus"))
        found.append(
            Step(
                session.evaluate("token"),
                session.evaluate("p"),
                session.evaluate("copy"),
                session.evaluate("source")[focus],
                session.evaluate("attention")[focus],
                added=session.frame.token >= vocabulary,
            )
        )
    return found


def main(
    model: Annotated[str, typer.Argument(help="The folder of the model.")],
    question: Annotated[str, typer.Argument(help="As a person would type it.")],
) -> None:
    """Print the table. A star marks a word that no vocabulary has."""
    torch.set_num_threads(1)
    table = Table("step", "word", "p", "copied", "from", "weight")
    found = steps(str(Path(model).resolve()), question)
    for number, step in enumerate(found):
        star = " *" if step.added else ""
        cells = (f"{step.p:.3f}", f"{step.copy:.3f}", step.focus, f"{step.weight:.2f}")
        table.add_row(str(number), f"{step.word}{star}", *cells)
    console = Console()
    console.print(table)
    console.print(" ".join(step.word for step in found[:-1]), highlight=False, markup=False)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
