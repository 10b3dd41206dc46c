"""The published table of accuracies, made again: cells by epochs, over several seeds, beside those published.

A run of the most epochs passes through the fewer ones, as its learning rate stays the same. Each run keeps
its state in the working folder; the same command goes on where it was interrupted.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, cast

import torch
import typer
from fitting import console, fit
from rich.console import Console
from rich.table import Table
from sums import COUNT, network_of, problems

from s2sdap.models.rnn.config import CellKind
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.models.rnn.repeating.training import EpochReport, Plan, Settings, Trainer, examples_of
from s2sdap.vocabulary.errors import S2sdapError

PUBLISHED: Final[dict[tuple[int, CellKind], tuple[float, float]]] = {
    (10, "lstm"): (0.36, 0.3594),
    (10, "gru"): (0.4195, 0.4269),
    (10, "rnn"): (0.4699, 0.4694),
    (50, "lstm"): (0.6373, 0.6376),
    (50, "gru"): (0.6774, 0.6745),
    (50, "rnn"): (0.8134, 0.8080),
    (100, "lstm"): (0.9595, 0.953),
    (100, "gru"): (0.7516, 0.7424),
    (100, "rnn"): (0.9139, 0.9071),
    (200, "lstm"): (0.999, 0.9951),
    (200, "gru"): (0.8251, 0.812),
    (200, "rnn"): (0.9593, 0.9503),
}
"""Accuracy of single characters in training and in validation, batch 512, one run each."""
NAMES: Final[dict[CellKind, str]] = {"lstm": "LSTM", "gru": "GRU", "rnn": "SimpleRNN"}


def state_of(work: Path, cell: CellKind, seed: int) -> Path:
    """Where a run keeps its state."""
    return work / f"{cell}-{seed}.safetensors"


def run(
    work: Path,
    config: RepeatingConfig,
    seed: int,
    *,
    epochs: int,
    count: int,
    batch_size: int = 512,
    every: int = 5,
) -> list[EpochReport]:
    """The epochs of a run, going on with what is there. Sums, weights and order are of the seed."""
    plan = Plan(network=config, settings=Settings(batch_size=batch_size, seed=seed))
    state = state_of(work, config.cell, seed)
    trainer = Trainer.resume(state, plan) if state.exists() else Trainer.start(plan)
    if len(trainer.reports) < epochs:
        examples, validation = (examples_of(config, part) for part in problems(count, seed))
        fit(trainer, examples, validation, state, epochs=epochs, every=every)
    return trainer.reports


def spread(values: Sequence[float]) -> str:
    """One number, or the median and the range of several."""
    if not values:
        return "-"
    if len(values) == 1:
        return f"{values[0]:.4f}"
    return f"{statistics.median(values):.4f} ({min(values):.4f} to {max(values):.4f})"


def table_of(runs: dict[CellKind, list[list[EpochReport]]], epochs: Sequence[int]) -> Table:
    """The measured numbers beside the published ones; a run that has not come so far counts nowhere."""
    table = Table(
        "epochs",
        "cell",
        "seeds",
        "characters, train",
        "published",
        "characters, validation",
        "published",
        "whole answers, validation",
    )
    for until in epochs:
        for cell, of_cell in runs.items():
            there = [reports[until - 1] for reports in of_cell if len(reports) >= until]
            published = [f"{each:.4f}" for each in PUBLISHED.get((until, cell), ())] or ["-", "-"]
            table.add_row(
                str(until),
                NAMES[cell],
                str(len(there)),
                spread([each.characters for each in there]),
                published[0],
                spread([each.validation_characters for each in there]),
                published[1],
                spread([each.validation_exact for each in there]),
            )
    return table


def main(
    *,
    work: Annotated[Path, typer.Option(help="Folder for the states of the runs.")] = Path("addition-table"),
    cells: Annotated[str, typer.Option(help="Which cells, with commas: lstm, gru, rnn.")] = "rnn,gru,lstm",
    seeds: Annotated[str, typer.Option(help="Which seeds, with commas.")] = "1,2,3",
    epochs: Annotated[str, typer.Option(help="After how many epochs, with commas.")] = "10,50,100,200",
    count: Annotated[int, typer.Option(min=10, help="Sums, a tenth of them for validation.")] = COUNT,
    only_show: Annotated[bool, typer.Option(help="Train nothing: show what there is.")] = False,
) -> None:
    """Train every cell with every seed, and print the table. What is there is not run again."""
    torch.set_num_threads(1)
    kinds = [cast("CellKind", each.strip()) for each in cells.split(",")]
    if unknown := [each for each in kinds if each not in NAMES]:
        raise typer.BadParameter(f"there are no cells {', '.join(unknown)}", param_hint="--cells")
    rows = sorted({int(each) for each in epochs.split(",")})
    numbers = [int(each) for each in seeds.split(",")]
    runs: dict[CellKind, list[list[EpochReport]]] = {each: [] for each in kinds}
    try:
        for seed in numbers:
            for kind in kinds:
                if only_show and not state_of(work, kind, seed).exists():
                    continue
                console.print(f"{NAMES[kind]}, seed {seed}", highlight=False)
                least = 0 if only_show else rows[-1]
                runs[kind].append(run(work, network_of(kind), seed, epochs=least, count=count))
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print(f"Stopped. The same command goes on; its states are in {work}.")
        raise typer.Exit(130) from None
    Console(width=max(console.width, 150)).print(table_of(runs, rows))
    console.print("Median over the seeds, and the range. Published: one run each.", highlight=False)


if __name__ == "__main__":
    typer.run(main)
