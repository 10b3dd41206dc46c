"""Train the date model: characters in, ISO 8601 out. Go on from an interrupted run with --resume."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from s2sdap.cli.fitting import fit
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.bundled.written_dates import (
    FORMATS,
    TRAINING,
    TRAINING_SEED,
    Split,
    WrittenDate,
    written_dates,
)
from s2sdap.models.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.rnn.training import (
    EpochReport,
    Plan,
    Trainer,
    TrainingSettings,
    examples_of,
    greedy_targets,
)
from s2sdap.models.tokenizers import PAD, SideConfig, build_vocabulary
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

NETWORK = RnnConfig(
    cell="gru",
    gate_activation="sigmoid",
    layers=1,
    bidirectional=True,
    embedding_size=32,
    encoder_size=32,
    decoder_size=64,
    attention="general",
    attention_query="current",
    input_feed=False,
    dropout=0.0,
)

console = Console()


def text_pairs(dates: Sequence[WrittenDate]) -> list[tuple[str, str]]:
    """The dates as (source, target) texts."""
    return [(each.text, each.iso) for each in dates]


def drawn(split: Split, count: int, seed: int) -> list[WrittenDate]:
    """`count` written dates of `split`."""
    return list(written_dates(split, count, seed))


def characters(texts: Sequence[str]) -> SideConfig:
    """A side tokenised by character, with the vocabulary of `texts`."""
    pieces = build_vocabulary(texts, "character")
    return SideConfig(unit="character", lowercase=False, end=False, pieces=pieces)


def report_line(report: EpochReport) -> str:
    """What an epoch came to, as a line of the log."""
    return (
        f"epoch {report.epoch:2d}  loss {report.loss:.5f}  "
        f"validation exact {report.exact_match:.4f}  {report.seconds:.1f} s"
    )


def results(model: RnnModel, plan: Plan, dates: Sequence[WrittenDate]) -> list[str]:
    """Exact match of `model` on `dates`, then by language and by format, as lines of the log."""
    tested = examples_of(text_pairs(dates), plan.source, plan.target)
    written = greedy_targets(
        model.network,
        tested,
        source_pad=plan.source.pieces.index(PAD),
        begin=model.target.bos,
        end=model.target.eos,
    )
    groups: dict[str, list[bool]] = defaultdict(list)
    for each, example, output in zip(dates, tested, written, strict=True):
        for name in ("all", each.format.language, f"{each.format.language}: {each.format.name}"):
            groups[name].append(output == example.target)
    return [
        f"  {name:34s} {sum(hits) / len(hits):.4f} of {len(hits)}" for name, hits in sorted(groups.items())
    ]


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the checkpoint.")] = Path("dates"),
    epochs: Annotated[int, typer.Option(help="Passes over the examples.")] = 10,
    examples: Annotated[int, typer.Option(help="Training examples.")] = TRAINING,
    test: Annotated[int, typer.Option(help="Test examples, all of unseen days.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Decides the data, the weights and the order.")] = TRAINING_SEED,
    resume: Annotated[bool, typer.Option(help="Go on after the last epoch that was finished.")] = False,
) -> None:
    """Train, test on unseen days, and write the checkpoint and its log."""
    torch.set_num_threads(1)
    pairs = text_pairs(drawn("train", examples, seed))
    source, target = characters([text for text, _ in pairs]), characters([iso for _, iso in pairs])
    settings = TrainingSettings(
        epochs=epochs, batch_size=64, learning_rate=2e-3, gradient_norm=1.0, seed=seed
    )
    plan = Plan(network=NETWORK, source=source, target=target, settings=settings)
    state = output / "training-state.safetensors"
    try:
        trainer = Trainer.resume(state, plan) if resume else Trainer.start(plan)
    except S2sdapError as error:
        console.print(str(error))
        raise typer.Exit(1) from None
    validation = examples_of(text_pairs(drawn("validation", examples // 20, seed)), source, target)
    try:
        learnt = examples_of(pairs, source, target)
        fit(trainer, lambda _: learnt, validation, state, report_line)
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None

    config = CheckpointConfig(family="rnn", network=NETWORK, source=source, target=target)
    save_checkpoint(output, config, trainer.network.state_dict(), stored="float16")
    model = RnnModel(load_checkpoint(output), output.name)
    tested = results(model, plan, drawn("test", test, seed))
    log = [
        f"{len(pairs)} examples in {len(FORMATS)} formats, seed {seed}, {model.layout.parameters} parameters",
        *(report_line(report) for report in trainer.reports),
        "exact match on unseen days, with the weights as stored (fp16)",
        *tested,
    ]
    write_whole(output / "training.log", ("\n".join(log) + "\n").encode())
    state.unlink()
    console.print("\n".join(tested), highlight=False)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
