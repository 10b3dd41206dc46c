"""Train an encoder-decoder without attention: an LSTM reads the digits of a number, another writes its words.

All that the second knows of the number is the last state (h, c) of the first (Sutskever et al. 2014, Cho et
al. 2014). Go on from an interrupted run with --resume.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from number_words import numbers
from rich.console import Console

from s2sdap.cli.fitting import epoch_line, fit
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.training import Plan, Trainer, TrainingSettings, exact_match, examples_of
from s2sdap.models.tokenizers import SideConfig, Unit, build_vocabulary
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

console = Console()


def network_of(size: int) -> RnnConfig:
    """One LSTM layer each, read in one direction; of one width, so that (h, c) is handed over as it is."""
    return RnnConfig(
        cell="lstm",
        gate_activation="sigmoid",
        layers=1,
        bidirectional=False,
        embedding_size=max(size // 3, 4),
        encoder_size=size,
        decoder_size=size,
        attention="none",
        attention_query="current",
        input_feed=False,
        dropout=0.0,
    )


def side(texts: Sequence[str], unit: Unit) -> SideConfig:
    """A side with the vocabulary of `texts`."""
    return SideConfig(unit=unit, lowercase=False, end=False, pieces=build_vocabulary(texts, unit))


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("plain"),
    digits: Annotated[int, typer.Option(help="Digits of the longest number to learn from.", max=5)] = 5,
    lines: Annotated[int, typer.Option(help="Numbers to learn from.")] = 10_000,
    epochs: Annotated[int, typer.Option(help="Passes over them.")] = 4,
    size: Annotated[int, typer.Option(help="Features of the state that is handed over.")] = 96,
    seed: Annotated[int, typer.Option(help="Decides the numbers, the weights and the order.")] = 1,
    resume: Annotated[bool, typer.Option(help="Go on after the last epoch that was finished.")] = False,
) -> None:
    """Train, test on unseen numbers and on longer ones, and write the model and both as `.tsv`."""
    torch.set_num_threads(1)
    learnt = list(numbers(lines, digits, seed, held_out=False))
    unseen = [pair for pair in numbers(400, digits, seed, held_out=True) if len(pair[0]) > 2]
    longer = [pair for pair in numbers(1000, digits + 1, seed, held_out=True) if len(pair[0]) > digits][:100]
    plan = Plan(
        network=network_of(size),
        source=side([source for source, _ in learnt], "character"),
        target=side([target for _, target in learnt], "word"),
        settings=TrainingSettings(epochs=epochs, batch_size=16, learning_rate=5e-3, seed=seed),
    )
    state = output / "training-state.safetensors"
    try:
        trainer = Trainer.resume(state, plan) if resume else Trainer.start(plan)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    output.mkdir(parents=True, exist_ok=True)
    tested = {
        name: examples_of(pairs, plan.source, plan.target)
        for name, pairs in (("unseen", unseen), ("longer", longer))
    }
    try:
        examples = examples_of(learnt, plan.source, plan.target)
        fit(trainer, lambda _: examples, tested["unseen"], state, partial(epoch_line, tested="unseen"))
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None

    config = CheckpointConfig(family="rnn", network=plan.network, source=plan.source, target=plan.target)
    save_checkpoint(output, config, trainer.network.state_dict())
    for name, pairs in (("unseen", unseen), ("longer", longer)):
        table = "".join(f"{source}\t{target}\n" for source, target in pairs)
        write_whole(output / f"{name}.tsv", table.encode())
        right = exact_match(trainer.greedy(tested[name]), tested[name])
        console.print(f"{name}: {right:.1%} of {len(pairs)} exact", highlight=False)
    state.unlink()


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
