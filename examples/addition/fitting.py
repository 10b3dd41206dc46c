"""The epochs of a training, with progress and reasons to stop; shared by `train.py` and `table.py`."""

from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from s2sdap.models.rnn.repeating.training import EpochReport, Examples, Trainer

console = Console()


def line_of(report: EpochReport) -> str:
    """What an epoch came to, as a line of the log: single characters and whole answers."""
    return (
        f"epoch {report.epoch:3d}  loss {report.loss:.4f}  characters {report.characters:.4f} "
        f"(validation {report.validation_characters:.4f})  whole answers {report.exact:.4f} "
        f"(validation {report.validation_exact:.4f})  {report.seconds:.1f} s"
    )


def over(trainer: Trainer, epochs: int, patience: int | None, stop_at: float | None) -> str | None:
    """Why the training ends here, or `None` if it goes on."""
    if trainer.reports and stop_at is not None and trainer.reports[-1].validation_exact >= stop_at:
        return f"{stop_at:.2%} of the validation answers are right"
    if patience is not None and trainer.idle() >= patience:
        return f"the validation loss has not fallen for {patience} epochs"
    return f"{epochs} epochs have run" if len(trainer.reports) >= epochs else None


def fit(
    trainer: Trainer,
    examples: Examples,
    validation: Examples,
    state: Path,
    *,
    epochs: int,
    patience: int | None = None,
    stop_at: float | None = None,
    every: int = 1,
) -> str:
    """Run the epochs that are left, saving after each `every`. Returns why it ended."""
    columns = (
        TextColumn("epoch {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    quiet = not console.is_terminal
    with Progress(
        *columns, TextColumn("loss {task.fields[loss]:.4f}"), console=console, transient=True, disable=quiet
    ) as bar:
        while (why := over(trainer, epochs, patience, stop_at)) is None:
            task = bar.add_task(str(len(trainer.reports) + 1), total=len(examples), loss=float("nan"))

            def seen(count: int, loss: float) -> None:
                bar.update(task, advance=count, loss=loss)  # noqa: B023 - called within this turn

            report = trainer.epoch(examples, validation, seen)
            if report.epoch % every == 0 or report.epoch == epochs:
                trainer.save(state)
            bar.remove_task(task)
            console.print(line_of(report), highlight=False, soft_wrap=True)
    return why
