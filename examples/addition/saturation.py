"""The weights of the adding network as a table and a file, and how often its gates stand at their ends.

    python examples/addition/saturation.py --model addition --sums sums.tsv --dump weights.npz

A gate at its end passes all or nothing. On the flat part of a hard sigmoid, exactly 0 or 1, none learns.
"""

from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import torch
import typer
from rich.console import Console
from rich.table import Table
from torch import Tensor

from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.loading import load_model
from s2sdap.models.rnn.repeating.cells import Cell
from s2sdap.models.rnn.repeating.model import RepeatingModel
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import read_pairs

NEAR: Final = 0.05
"""A gate below this is nearly shut, above 1 less this nearly open."""

console = Console(width=110)


def gates_of(model: RepeatingModel, lines: list[str]) -> dict[str, Tensor]:
    """Every gate and candidate of every layer at every step of all lines, [steps and lines, D]."""
    found: dict[str, list[Tensor]] = defaultdict(list)

    def note(name: str) -> Any:
        def hook(cell: Cell, inputs: tuple[Tensor, ...], _output: object) -> None:
            for gate, values in cell.gates(inputs[0], inputs[1]).items():
                found[f"{name} {gate}"].append(values)

        return hook

    cells = [(name, each) for name, each in model.network.named_modules() if isinstance(each, Cell)]
    hooks = [each.register_forward_hook(note(name)) for name, each in cells]
    with torch.no_grad():
        model.network(torch.tensor([[token.id for token in model.tokenize(line).tokens] for line in lines]))
    for each in hooks:
        each.remove()
    return {name: torch.cat(values) for name, values in found.items()}


def share(which: Tensor) -> str:
    """The share of true ones in percent."""
    return f"{100 * float(which.double().mean()):.1f} %"


def table_of_weights(model: RepeatingModel) -> Table:
    """A row a tensor: its shape, its numbers, how many are large or hardly there."""
    table = Table("weights", "shape", "least", "most", "mean", "deviation", "beyond 1", "below 0.01")
    for name, weight in model.named_weights():
        table.add_row(
            name,
            " x ".join(map(str, weight.shape)),
            *(f"{float(each):.3f}" for each in (weight.min(), weight.max(), weight.mean(), weight.std())),
            share(weight.abs() > 1),
            share(weight.abs() < 0.01),
        )
    return table


def table_of_gates(gates: dict[str, Tensor]) -> Table:
    """A row a gate: how often it is nearly shut or open, and how often exactly at its end."""
    table = Table("gates", "numbers", "mean", "nearly shut", "nearly open", "exactly at an end")
    for name, values in gates.items():
        if name.endswith("candidate"):  # a tanh, in -1..1
            ends = (values <= -1 + NEAR, values >= 1 - NEAR, values.abs() == 1)
        else:
            ends = (values <= NEAR, values >= 1 - NEAR, (values == 0) | (values == 1))
        table.add_row(name, f"{values.numel():,}", f"{float(values.mean()):.3f}", *map(share, ends))
    return table


def main(
    *,
    model: Annotated[
        str, typer.Option(help="The folder that training wrote, or `keras:` and a file.")
    ] = "addition",
    sums: Annotated[Path, typer.Option(help="Sums, one a line; what stands after a tab is left out.")] = Path(
        "sums.tsv"
    ),
    limit: Annotated[int, typer.Option(min=1, help="Read so many at most.")] = 500,
    dump: Annotated[Path | None, typer.Option(help="File for all weights, .npz.")] = None,
) -> None:
    """Show what the weights look like and how the gates stand over many sums."""
    torch.set_num_threads(1)
    try:
        loaded = load_model(model)
        lines = read_pairs(str(sums))[0][:limit]
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    if not isinstance(loaded, RepeatingModel):
        console.print(f"{model} is no model that repeats a vector")
        raise typer.Exit(1)
    if dump is not None:
        np.savez(dump, **{name: weight.numpy() for name, weight in loaded.named_weights()})
    console.print(table_of_weights(loaded))
    console.print(f"{loaded.layout.parameters:,} parameters", highlight=False)
    gates = gates_of(loaded, lines)
    if gates:
        console.print(table_of_gates(gates))
        console.print(f"over {len(lines)} sums, every character read and written", highlight=False)
    else:
        console.print("A tanh RNN has no gates.")


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
