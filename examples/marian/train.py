"""Train a small Marian model on parallel text, and save a folder that transformers loads as its own."""

import time
import warnings
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Annotated

import torch
import typer
from bleu import bleu_line
from learning import LONGEST, Epoch, Pair, Settings, Trainer
from parallel_text import DataError, ParallelText, all_texts, the_text
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text
from shared_vocabulary import encoded, read_vocabulary, write_vocabulary
from transformers import MarianTokenizer
from transformers.utils import logging
from translating import translations

from s2sdap.cli.outcomes import ending_in_one_line

DEFAULTS = Settings()
STATE = "training-state.safetensors"

console = Console()
QUIET = not console.is_terminal


class RateColumn(ProgressColumn):
    """Sentences a second, lately."""

    def render(self, task: Task) -> Text:
        """The rate, or nothing before it is known."""
        return Text(f"{task.speed:.0f}/s" if task.speed else "")


def pairs_of(text: ParallelText, tokenizer: MarianTokenizer) -> list[Pair]:
    """The sentence pairs as ids, without those that are too long for the model."""
    sides = zip(encoded(tokenizer, text.sources), encoded(tokenizer, text.targets), strict=True)
    return [Pair(*ids) for ids in sides if max(map(len, ids)) <= LONGEST]


def fit(trainer: Trainer, validation: list[Pair], output: Path, save_every: int) -> None:
    """Run what is left of the training, saving its state every `save_every` updates and each epoch."""
    columns = (TextColumn("epoch {task.fields[epoch]}"), BarColumn(), RateColumn(), TimeRemainingColumn())
    loss_column = TextColumn("loss {task.fields[loss]:.3f}")
    with Progress(*columns, loss_column, console=console, transient=True, disable=QUIET) as progress:
        total = trainer.settings.epochs * len(trainer.pairs)
        task = progress.add_task("", total=total, epoch=1, loss=float("nan"))
        while not trainer.finished:
            number = len(trainer.history) + 1
            before = (number - 1) * len(trainer.pairs) + trainer.pairs_done
            progress.update(task, completed=before, epoch=number)
            began = time.process_time()
            for count, loss in trainer.updates():
                progress.update(task, advance=count, loss=loss)
                if trainer.done % save_every == 0:
                    trainer.save(output / STATE, time.process_time() - began)
            epoch = trainer.end_epoch(validation, time.process_time() - began)
            trainer.model.save_pretrained(output)  # first: a state that is finished has its model
            trainer.save(output / STATE)
            console.print(epoch_line(number, epoch), highlight=False)


def epoch_line(number: int, epoch: Epoch) -> str:
    """What an epoch came to, as a line of the log."""
    return (
        f"epoch {number:2d}  loss {epoch.loss:.4f} (smoothed)  "
        f"validation {epoch.validation:.4f} nats a token  {epoch.seconds:.1f} CPU s"
    )


def tested(
    trainer: Trainer, tokenizer: MarianTokenizer, texts: list[ParallelText], *, tokenized: bool
) -> list[str]:
    """BLEU on each of `texts`, with search as the saved generation config has it, and two translations."""
    lines = []
    columns = (TextColumn("translating {task.description}"), BarColumn(), RateColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=QUIET) as progress:
        for text in texts:
            task = progress.add_task(text.name, total=len(text))
            seen = partial(progress.advance, task)
            written = translations(trainer.model, tokenizer, text.sources, seen)
            progress.remove_task(task)
            lines.append(f"{text.name}: {bleu_line(written, text.targets, tokenized=tokenized)}")
            shown = zip(text.first(2).sources, written[:2], strict=True)
            lines += [f"  {source}\n  -> {output}" for source, output in shown]
    return lines


def prepared(
    data: Path, output: Path, languages: tuple[str, str], vocabulary: int, pairs: int | None, *, resume: bool
) -> tuple[MarianTokenizer, list[Pair], list[Pair]]:
    """The tokenizer, and the training and validation pairs as its ids."""
    train, validation = (the_text(data, split, *languages) for split in ("train", "val"))
    train = train.first(pairs) if pairs else train
    if resume and (output / "vocab.json").exists():
        tokenizer = read_vocabulary(output)
    else:
        sentences = chain(train.sources, train.targets)
        tokenizer = write_vocabulary(output, sentences, vocabulary, *languages, LONGEST)
    known = pairs_of(train, tokenizer)
    console.print(
        f"{len(known)} training pairs ({len(train) - len(known)} too long), {len(validation)} to validate, "
        f"{len(tokenizer)} pieces",
        highlight=False,
    )
    return tokenizer, known, pairs_of(validation, tokenizer)


def main(
    *,
    data: Annotated[Path, typer.Option(help="Folder with train*, val* and maybe test*, a file a language.")],
    output: Annotated[Path, typer.Option(help="Folder of the model and its tokenizer.")] = Path("marian"),
    source: Annotated[str, typer.Option(help="Language of the source files, their last suffix.")] = "en",
    target: Annotated[str, typer.Option(help="Language of the target files.")] = "de",
    vocabulary: Annotated[int, typer.Option(min=16, help="Pieces at most, of both languages.")] = 6000,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pairs.")] = DEFAULTS.epochs,
    pairs: Annotated[int | None, typer.Option(min=1, help="Only the first so many training pairs.")] = None,
    width: Annotated[int, typer.Option(min=8, help="Features of a state, a multiple of 4.")] = DEFAULTS.width,
    layers: Annotated[int, typer.Option(min=1, help="Of encoder and decoder each.")] = DEFAULTS.layers,
    dropout: Annotated[
        float, typer.Option(min=0, max=0.9, help="0.1 or more for many epochs; few learn faster without.")
    ] = DEFAULTS.dropout,
    seed: Annotated[int, typer.Option(help="Decides the weights and the order.")] = DEFAULTS.seed,
    save_every: Annotated[int, typer.Option(min=1, help="Updates between saved states.")] = 200,
    tokenized: Annotated[bool, typer.Option(help="The text is in tokens already, for BLEU.")] = False,
    resume: Annotated[bool, typer.Option(help="Go on with the training that was interrupted.")] = False,
) -> None:
    """Train, validate each epoch, write the folder, and measure BLEU on every test*."""
    torch.set_num_threads(1)
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", message="Recommended: pip install sacremoses")
    if width % DEFAULTS.heads:
        raise typer.BadParameter(f"must be a multiple of {DEFAULTS.heads}, its heads", param_hint="--width")
    settings = replace(DEFAULTS, epochs=epochs, width=width, layers=layers, dropout=dropout, seed=seed)
    try:
        tests = all_texts(data, "test", source, target)
        tokenizer, known, validation = prepared(
            data, output, (source, target), vocabulary, pairs, resume=resume
        )
        trainer = Trainer(settings, known, len(tokenizer), tokenizer.eos_token_id, tokenizer.pad_token_id)
        if resume:
            trainer.resume(output / STATE)
        fit(trainer, validation, output, save_every)
        lines = tested(trainer, tokenizer, tests, tokenized=tokenized)
    except DataError as error:
        console.print(str(error), highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("Stopped. Go on with --resume.")
        raise typer.Exit(130) from None
    (output / STATE).unlink()
    parameters = sum(weight.numel() for weight in trainer.learned.values())
    log = [
        f"{len(known)} pairs, {len(tokenizer)} pieces, {parameters} trained parameters, seed {seed}",
        *(epoch_line(number, epoch) for number, epoch in enumerate(trainer.history, start=1)),
        *lines,
    ]
    (output / "training.log").write_text("\n".join(log) + "\n", encoding="utf-8")
    console.print("\n".join(lines), highlight=False, markup=False, soft_wrap=True)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
