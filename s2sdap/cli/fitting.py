"""The epochs of a training as a person follows them: a bar for the one that runs, a line for each one done.

What the examples that train a model of the recurrent family have in common. It is in the package since they
are run as scripts, which find nothing else.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from s2sdap.models.rnn.training import EpochReport, Example, Trainer


def fit(
    trainer: Trainer,
    examples: Callable[[int], Sequence[Example]],
    held_out: Sequence[Example],
    state: Path,
    line: Callable[[EpochReport], str],
) -> None:
    """Run the epochs that are left, and save to `state` after each.

    `examples` gives those of an epoch by its number, from 1; they are as many in each.
    """
    console = Console()
    columns = (
        TextColumn("epoch {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("loss {task.fields[loss]:.4f}"),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        while not trainer.finished:
            number = len(trainer.reports) + 1
            learnt = examples(number)
            task = progress.add_task(str(number), total=len(learnt), loss=float("nan"))

            def seen(count: int, loss: float) -> None:
                progress.update(task, advance=count, loss=loss)  # noqa: B023 - called within this turn

            report = trainer.epoch(learnt, held_out, seen)
            trainer.save(state)
            progress.remove_task(task)
            console.print(line(report), highlight=False)


def epoch_line(report: EpochReport, tested: str) -> str:
    """What an epoch came to; `tested` names what its exact match is of."""
    told = "" if report.exact_match is None else f"  {tested} exact {report.exact_match:.3f}"
    return f"epoch {report.epoch}  loss {report.loss:.4f}{told}  {report.seconds:.1f} s"
