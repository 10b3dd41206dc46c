"""Train a pointer-generator (See et al. 2017) to rewrite a question with a slip of the tongue.

    python -m examples.rewriting.train --data path/to/disfl-qa --output rewriter

`--data` is a folder with train.json, dev.json and test.json of Disfl-QA. Go on from an interrupted run with
--resume.
"""

import random
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from examples.rewriting.questions import Pair, read
from s2sdap.cli.fitting import epoch_line, fit
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.training import Example, Plan, Trainer, TrainingSettings, exact_match, examples_of
from s2sdap.models.tokenizers import UNKNOWN, SideConfig, build_vocabulary
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

console = Console()


def network_of(size: int) -> RnnConfig:
    """A bidirectional LSTM read by another with Luong's general attention, input feeding, and a pointer."""
    return RnnConfig(
        cell="lstm",
        gate_activation="sigmoid",
        layers=1,
        bidirectional=True,
        embedding_size=size // 2,
        encoder_size=size // 2,
        decoder_size=size,
        attention="general",
        attention_query="current",
        input_feed=True,
        dropout=0.2,
        copying="pointer",
    )


def plan_of(pairs: Sequence[Pair], size: int, minimum: int, settings: TrainingSettings) -> Plan:
    """The words seen `minimum` times are the vocabulary of both sides: all others can only be copied."""
    pieces = build_vocabulary([text for pair in pairs for text in pair], "word", minimum_count=minimum)
    side = SideConfig(unit="word", lowercase=True, end=False, pieces=pieces)
    return Plan(network=network_of(size), source=side, target=side, settings=settings)


class Hiding:
    """Makes rare words unknown at random, so that the network learns to copy what it does not know.

    A word of the source that was seen c times is hidden in a pair with the probability 3 / (3 + c), on both
    sides: there it is a word that only this source has.
    """

    def __init__(self, plan: Plan, examples: Sequence[Example]) -> None:
        self._unknown = plan.source.pieces.index(UNKNOWN)
        self._size = len(plan.target.pieces)
        self._counts = Counter(token for each in examples for token in each.source)
        self._examples = examples
        self._seed = plan.settings.seed

    def epoch(self, number: int) -> list[Example]:
        """The examples of an epoch: each time other words of them are hidden."""
        draw = random.Random(f"{self._seed} {number}")
        return [self(each, draw) for each in self._examples]

    def __call__(self, example: Example, draw: random.Random) -> Example:
        """The example with some of its words hidden."""
        hidden: dict[int, int] = {}
        beyond = max(self._size - 1, *example.copies) + 1
        for token in dict.fromkeys(example.source):
            if token != self._unknown and draw.random() < 3 / (3 + self._counts[token]):
                hidden[token] = beyond + len(hidden)
        return Example(
            tuple(self._unknown if token in hidden else token for token in example.source),
            tuple(hidden.get(token, token) for token in example.target),
            tuple(hidden.get(token, token) for token in example.copies),
        )


def main(
    *,
    data: Annotated[Path, typer.Option(help="Folder of Disfl-QA: train.json, dev.json, test.json.")],
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("rewriter"),
    epochs: Annotated[int, typer.Option(help="Passes over the questions.")] = 15,
    size: Annotated[int, typer.Option(help="Features of a decoder state.")] = 160,
    minimum: Annotated[int, typer.Option(help="A word seen less often can only be copied.")] = 5,
    batch: Annotated[int, typer.Option(help="Questions that are learnt from together.")] = 32,
    rate: Annotated[float, typer.Option(help="The learning rate to begin with.")] = 2e-3,
    seed: Annotated[int, typer.Option(help="Decides the weights, the order and what is hidden.")] = 1,
    resume: Annotated[bool, typer.Option(help="Go on after the last epoch that was finished.")] = False,
) -> None:
    """Train, test on both held-out parts, and write the model and those parts as `.tsv`."""
    torch.set_num_threads(1)
    parts = {name: read(data, name) for name in ("train", "dev", "test")}
    settings = TrainingSettings(epochs=epochs, batch_size=batch, learning_rate=rate, seed=seed)
    plan = plan_of(parts["train"], size, minimum, settings)
    examples = {
        name: examples_of(pairs, plan.source, plan.target, copying=True) for name, pairs in parts.items()
    }
    state = output / "training-state.safetensors"
    try:
        trainer = Trainer.resume(state, plan) if resume else Trainer.start(plan)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(2) from None
    output.mkdir(parents=True, exist_ok=True)
    try:
        hidden = Hiding(plan, examples["train"])
        fit(trainer, hidden.epoch, examples["dev"], state, partial(epoch_line, tested="dev"))
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None

    config = CheckpointConfig(family="rnn", network=plan.network, source=plan.source, target=plan.target)
    save_checkpoint(output, config, trainer.network.state_dict())
    for name in ("dev", "test"):
        table = "".join(f"{source}\t{target}\n" for source, target in parts[name])
        write_whole(output / f"{name}.tsv", table.encode())
        right = exact_match(trainer.greedy(examples[name]), examples[name])
        console.print(f"{name}: {right:.1%} of {len(examples[name])} exact", highlight=False)
    state.unlink()
    name = output if output.is_absolute() else f"./{output}"
    told = f"next: s2sdap run {output / 'dev.tsv'} --model {name}"
    console.print(told, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
