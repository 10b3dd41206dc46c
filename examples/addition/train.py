"""Train the adding network: characters in, characters out. Go on from an interrupted run with --resume."""

from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from fitting import console, fit, line_of
from sums import COUNT, network_of, problems

from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.checkpoint import RepeatingCheckpointConfig, save_checkpoint
from s2sdap.models.rnn.repeating.training import Plan, Settings, Trainer, examples_of
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the checkpoint.")] = Path("addition"),
    cell: Annotated[Literal["lstm", "gru", "rnn"], typer.Option(help="The kind of cell.")] = "lstm",
    gates: Annotated[
        Literal["hard_sigmoid", "sigmoid"], typer.Option(help="Of LSTM and GRU.")
    ] = "hard_sigmoid",
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the sums at most.")] = 100,
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
    with ending_in_one_line():
        typer.run(main)
