"""Train the adding network: characters in, characters out. Go on from an interrupted run with --resume."""

from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from problems import COUNT, network_of, problems
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from s2sdap.models.checkpoint import RepeatingCheckpointConfig, save_checkpoint
from s2sdap.models.rnn.repeating.training import (
    EpochReport,
    Examples,
    Plan,
    Settings,
    Trainer,
    examples_of,
)
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

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


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the checkpoint.")] = Path("addition"),
    cell: Annotated[Literal["lstm", "gru", "rnn"], typer.Option(help="The kind of cell.")] = "lstm",
    gates: Annotated[
        Literal["hard_sigmoid", "sigmoid"], typer.Option(help="Of LSTM and GRU.")
    ] = "hard_sigmoid",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the sums at most.")] = 200,
    patience: Annotated[
        int | None,
        typer.Option(min=1, help="Stop when the validation loss has not fallen for so many epochs."),
    ] = 30,
    stop_at: Annotated[
        float | None, typer.Option(min=0, max=1, help="Stop at this share of right validation answers.")
    ] = 0.99,
    count: Annotated[int, typer.Option(min=10, help="Sums, a tenth of them for validation.")] = COUNT,
    batch_size: Annotated[int, typer.Option(min=1, help="Sums a batch; 512 is the published one.")] = 128,
    seed: Annotated[int, typer.Option(help="Decides the sums, the weights and the order.")] = 1,
    resume: Annotated[bool, typer.Option(help="Go on after the last epoch that was finished.")] = False,
) -> None:
    """Train, and write the checkpoint of the best epoch and its log."""
    torch.set_num_threads(1)
    plan = Plan(network=network_of(cell, gates), settings=Settings(batch_size=batch_size, seed=seed))
    state = output / "training-state.safetensors"
    try:
        trainer = Trainer.resume(state, plan) if resume else Trainer.start(plan)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    split = problems(count, seed)
    examples, validation = (examples_of(plan.network, part) for part in split)
    try:
        why = fit(trainer, examples, validation, state, epochs=epochs, patience=patience, stop_at=stop_at)
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None
    config = RepeatingCheckpointConfig(family="rnn-repeating", network=plan.network)
    save_checkpoint(output, config, trainer.best)
    parameters = sum(weight.numel() for weight in trainer.best.values())
    log = [
        f"{cell}: {len(examples)} sums and {len(validation)} held back, seed {seed}, {parameters} parameters",
        *(line_of(report) for report in trainer.reports),
        f"ended: {why}; the weights are those after the epoch of the lowest validation loss",
    ]
    write_whole(output / "training.log", ("\n".join(log) + "\n").encode())
    console.print(log[0], log[-1], sep="\n", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    typer.run(main)
