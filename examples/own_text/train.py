"""Train a small recurrent model on a text file of your own; without one, on dates in five scripts.

    python examples/own_text/train.py --output own                                  # the dates
    python examples/own_text/train.py --data pairs.tsv --output own                 # source, tab, reference
    python examples/own_text/train.py --data a.txt --reference b.txt --output own   # two files in step

Lines are held out for testing by a hash of their source; they go to `held_out.tsv` beside the model.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from written_worldwide import WRITERS, sample

from s2sdap.cli.fitting import epoch_line, fit
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.rnn.training import Plan, Trainer, TrainingSettings, examples_of, greedy_targets
from s2sdap.models.tokenizers import PAD, SideConfig, Unit, build_vocabulary
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import read_pairs, write_whole

console = Console()

Pair = tuple[str, str]


@dataclass(frozen=True)
class Split:
    """The pairs to learn from, and those that are held out: 1 line in 20."""

    learnt: list[Pair]
    held_out: list[Pair]


def network_of(size: int) -> RnnConfig:
    """Bidirectional GRU to GRU with Luong's general attention, as the bundled date model has it."""
    return RnnConfig(
        cell="gru",
        gate_activation="sigmoid",
        layers=1,
        bidirectional=True,
        embedding_size=size // 2,
        encoder_size=size // 2,
        decoder_size=size,
        attention="general",
        attention_query="current",
        input_feed=False,
        dropout=0.0,
    )


def is_held_out(source: str) -> bool:
    """Whether a hash of the source says so, for 1 in 20: the same source is always on the same side."""
    return hashlib.sha256(source.encode()).digest()[0] % 20 == 0


def split(pairs: Sequence[Pair]) -> Split:
    """Part the pairs that have both sides by their source."""
    parts = Split([], [])
    for pair in pairs:
        if all(side.strip() for side in pair):
            (parts.held_out if is_held_out(pair[0]) else parts.learnt).append(pair)
    return parts


def side(texts: Sequence[str], unit: Unit) -> SideConfig:
    """A side with the vocabulary of `texts`; words have to be seen twice, characters once."""
    pieces = build_vocabulary(texts, unit, minimum_count=2 if unit == "word" else 1)
    return SideConfig(unit=unit, lowercase=False, end=False, pieces=pieces)


def exactness(model: RnnModel, plan: Plan, pairs: Sequence[Pair], names: dict[str, str]) -> list[str]:
    """Exact match on `pairs`, all together and by the names of their kinds where there are any."""
    tested = examples_of(pairs, plan.source, plan.target)
    pad = plan.source.pieces.index(PAD)
    written = greedy_targets(
        model.network, tested, source_pad=pad, begin=model.target.bos, end=model.target.eos
    )
    groups: dict[str, list[bool]] = defaultdict(list)
    for (source, _), example, output in zip(pairs, tested, written, strict=True):
        for name in ("all", *([names[source]] if source in names else [])):
            groups[name].append(output == example.target)
    return [f"  {name:16s} {sum(hits)} of {len(hits)}" for name, hits in groups.items()]


def main(
    *,
    data: Annotated[Path | None, typer.Option(help="A .tsv, or a file of sources, one a line.")] = None,
    reference: Annotated[Path | None, typer.Option(help="The references of --data, in step with it.")] = None,
    output: Annotated[Path, typer.Option(help="Folder of the model.")] = Path("own"),
    unit: Annotated[str, typer.Option(help="What a token is: character, or word.")] = "character",
    epochs: Annotated[int, typer.Option(help="Passes over the pairs.")] = 3,
    lines: Annotated[int, typer.Option(help="Lines of the sample, where there is no --data.")] = 8_000,
    only: Annotated[list[str] | None, typer.Option(help="Who writes the sample: Hebrew, Chinese ...")] = None,
    size: Annotated[int, typer.Option(help="Features of a decoder state.")] = 64,
    seed: Annotated[int, typer.Option(help="Decides the weights and the order, and the sample.")] = 1,
    resume: Annotated[bool, typer.Option(help="Go on after the last epoch that was finished.")] = False,
) -> None:
    """Train, test on the lines that were held out, and write the model and those lines."""
    torch.set_num_threads(1)
    if unit not in ("character", "word"):
        raise typer.BadParameter("character or word", param_hint="--unit")
    if strangers := set(only or ()) - set(WRITERS):
        known = ", ".join(WRITERS)
        raise typer.BadParameter(f"{strangers.pop()} is none of {known}", param_hint="--only")
    try:
        names: dict[str, str] = {}
        if data is None:
            written = list(sample(lines, seed, only or tuple(WRITERS)))
            pairs = [(text, iso) for text, iso, _ in written]
            names = {text: name for text, _, name in written}
        else:
            sources, references = read_pairs(str(data), str(reference) if reference else None)
            if references is None:
                raise typer.BadParameter(f"{data} has no references: give --reference, or a .tsv")
            pairs = list(zip(sources, references, strict=True))
        parts = split(pairs)
        if not parts.learnt or not parts.held_out:
            raise typer.BadParameter(f"{len(pairs)} lines are too few to learn from and to test with")
        plan = Plan(
            network=network_of(size),
            source=side([source for source, _ in parts.learnt], unit),  # type: ignore[arg-type]  # looked at above
            target=side([target for _, target in parts.learnt], unit),  # type: ignore[arg-type]  # looked at above
            settings=TrainingSettings(epochs=epochs, batch_size=16, learning_rate=6e-3, seed=seed),
        )
        state = output / "training-state.safetensors"
        trainer = Trainer.resume(state, plan) if resume else Trainer.start(plan)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(2) from None
    output.mkdir(parents=True, exist_ok=True)
    held_out = examples_of(parts.held_out, plan.source, plan.target)
    try:
        examples = examples_of(parts.learnt, plan.source, plan.target)
        fit(trainer, lambda _: examples, held_out[:200], state, partial(epoch_line, tested="held out"))
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None

    config = CheckpointConfig(family="rnn", network=plan.network, source=plan.source, target=plan.target)
    save_checkpoint(output, config, trainer.network.state_dict())
    table = "".join(f"{source}\t{target}\n" for source, target in parts.held_out)
    write_whole(output / "held_out.tsv", table.encode())
    state.unlink()
    model = RnnModel(load_checkpoint(output), output.name)
    console.print("exact match on lines that it has not seen", highlight=False)
    console.print("\n".join(exactness(model, plan, parts.held_out, names)), highlight=False)
    name = output if output.is_absolute() else f"./{output}"
    told = f"next: s2sdap compare {output / 'held_out.tsv'} --model {name}"
    console.print(told, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
