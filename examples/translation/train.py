"""Train a recurrent translator on parallel text, such as Multi30k.

    python -m examples.translation.train --data DATA --small           # English to German
    python -m examples.translation.train --data DATA --direction de-en
    python -m examples.translation.train --data DATA --small --resume  # after Ctrl-C or a crash

Every epoch leaves a checkpoint, which the debugger can open while the training goes on.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from examples.marian.bleu import bleu, bleu_line
from examples.marian.parallel_text import DataError, ParallelText, all_texts, the_text
from examples.translation.settings import FULL, SMALL, Direction, plan_of
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
from s2sdap.models.rnn.training import Example, Plan, Trainer, examples_of
from s2sdap.models.tokenizers import TargetTokens
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import write_whole

DATA = Path("data/multi30k-en-de")
STATE = "training-state.safetensors"
LOG = "training.log"
WHERE_TO_GET_IT = """
No data is bundled. Multi30k (29,000 captions of pictures) is at https://github.com/multi30k/dataset, in the
folder data/task1/tok: put train, val and test_* of .lc.norm.tok.en and .de into one folder and name it with
--data. Any parallel text goes: train*.en beside train*.de, val* and test* likewise, a sentence a line."""

console = Console()


class Texts:
    """The parallel text of a folder: what is learnt from, what is watched, what is tested."""

    def __init__(self, folder: Path, direction: Direction) -> None:
        languages = direction.split("-")
        self.train = the_text(folder, "train", *languages)
        self.validation = the_text(folder, "val", *languages)
        self.tests = all_texts(folder, "test", *languages)


def translations(trainer: Trainer, text: ParallelText) -> list[str]:
    """What the network writes now for every source, greedily."""
    plan = trainer.plan
    examples = examples_of(list(zip(text.sources, text.targets, strict=True)), plan.source, plan.target)
    words = TargetTokens(plan.target)
    return [words.text(tokens) for tokens in trainer.greedy(examples)]


def keep(output: Path, trainer: Trainer) -> None:
    """The newest weights as the model, and as the checkpoint of their epoch."""
    plan = trainer.plan
    config = CheckpointConfig(family="rnn", network=plan.network, source=plan.source, target=plan.target)
    for folder in (output / "epochs" / f"{len(trainer.reports):02d}", output / "model"):
        save_checkpoint(folder, config, trainer.network.state_dict())


def fit(trainer: Trainer, examples: list[Example], validation: ParallelText, output: Path) -> None:
    """Run the epochs that are left; after each, keep the weights and all that `--resume` needs."""
    columns = (
        TextColumn("epoch {task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    loss_column = TextColumn("loss {task.fields[loss]:.3f}")
    tokens = sum(len(example.target) + 1 for example in examples)
    quiet = not console.is_terminal
    with Progress(*columns, loss_column, console=console, transient=True, disable=quiet) as progress:
        while not trainer.finished:
            number = len(trainer.reports) + 1
            task = progress.add_task(str(number), total=len(examples), loss=float("nan"))

            def seen(count: int, loss: float) -> None:
                progress.update(task, advance=count, loss=loss)  # noqa: B023 - called within this turn

            began = time.process_time()
            report = trainer.epoch(examples, seen=seen)
            spent = time.process_time() - began
            score = bleu(translations(trainer, validation), validation.targets, tokenized=True)
            progress.remove_task(task)
            line = (
                f"epoch {number:2d}  loss {report.loss:.3f} nats a token  "
                f"validation BLEU {'not measured' if score is None else format(score, '.1f')}  "
                f"{spent:.1f} CPU s  {tokens / spent:.0f} target tokens a CPU s"
            )
            write_log(output, [*log_of(output)[:number], line])
            keep(output, trainer)
            trainer.save(output / STATE)
            console.print(line, highlight=False, soft_wrap=True)


def log_of(output: Path) -> list[str]:
    """The lines of the log so far: what is trained, then an epoch a line."""
    return (output / LOG).read_text("utf-8").splitlines()


def write_log(output: Path, lines: Sequence[str]) -> None:
    """Write the log, whole or not at all."""
    write_whole(output / LOG, "".join(f"{line}\n" for line in lines).encode())


def header(plan: Plan, trainer: Trainer, pairs: int, direction: str) -> str:
    """What is trained, as the first line of the log."""
    weights = sum(weight.numel() for weight in trainer.network.parameters())
    words = f"{len(plan.source.pieces)} and {len(plan.target.pieces)} words"
    return f"{direction}: {pairs} pairs, {words}, {weights} weights, seed {plan.settings.seed}"


def main(
    *,
    data: Annotated[Path, typer.Option(help="Folder with train*, val* and test*, a file a language.")] = DATA,
    direction: Annotated[Direction, typer.Option(help="From which language to which.")] = "en-de",
    small: Annotated[bool, typer.Option("--small", help="Half as wide, 7 epochs instead of 12.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder of model, checkpoints and log.")] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="Passes over the pairs.")] = None,
    seed: Annotated[int, typer.Option(help="Decides the weights and the order.")] = 1,
    resume: Annotated[bool, typer.Option("--resume", help="Go on after the last finished epoch.")] = False,
) -> None:
    """Train, measure BLEU on val* after each epoch and on every test* at last."""
    torch.set_num_threads(1)
    size = SMALL if small else FULL
    output = out or Path("build") / f"translation-{direction}{'-small' if small else ''}"
    try:
        texts = Texts(data, direction)
        train = texts.train
        plan = plan_of(size, train.sources, train.targets, epochs or size.epochs, seed)
        trainer = Trainer.resume(output / STATE, plan) if resume else Trainer.start(plan)
    except DataError as error:
        console.print(f"{error}{WHERE_TO_GET_IT}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    except S2sdapError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        write_log(output, [header(plan, trainer, len(train), direction)])
    console.print(log_of(output)[0], highlight=False, soft_wrap=True)
    examples = examples_of(list(zip(train.sources, train.targets, strict=True)), plan.source, plan.target)
    try:
        fit(trainer, examples, texts.validation, output)
        scores = [
            f"{text.name}: {bleu_line(translations(trainer, text), text.targets, tokenized=True)}"
            for text in texts.tests
        ]
    except KeyboardInterrupt:
        console.print(f"Stopped after {len(trainer.reports)} finished epochs. Go on with --resume.")
        raise typer.Exit(130) from None
    write_log(output, [*log_of(output)[: len(trainer.reports) + 1], *scores])
    console.print(*scores, sep="\n", highlight=False, markup=False, soft_wrap=True)
    (output / STATE).unlink()
    console.print(f"The model is {output / 'model'}; its epochs are beside it.", highlight=False)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
