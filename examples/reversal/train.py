"""Train a very small Marian model to write a string of letters backwards, and save it as a folder."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from letters import END, PAD, PIECES, letter_tokenizer, strings
from pointing import point_everywhere
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor
from transformers import GenerationConfig, MarianConfig, MarianMTModel
from transformers.utils import logging

from s2sdap.cli.outcomes import ending_in_one_line

ROOM = 64  # positions; a string may be longer than any of training, and then goes wrong

console = Console()


@dataclass(frozen=True)
class Settings:
    """What decides a training.

    Dropout is not there against overfitting. Without it, 1 to 3 pointings in 100 write another letter
    than the one that is looked at, most of them at the last letter of a string.
    """

    steps: int = 1800
    longest: int = 12
    seed: int = 0
    batch_size: int = 32
    learning_rate: float = 3e-3
    warm_up: int = 100
    dropout: float = 0.1


@dataclass(frozen=True)
class Batch:
    """Padded strings `[B, S]`, and the same backwards `[B, T]` with -100 where there is no token."""

    source: Tensor
    labels: Tensor


def small_marian(dropout: float) -> MarianMTModel:
    """An untrained model of 2+2 layers. Marian's usual `init_std` of 0.02 hardly learns at this width."""
    end, pad = PIECES.index(END), PIECES.index(PAD)
    model = MarianMTModel(
        MarianConfig(
            vocab_size=len(PIECES),
            d_model=64,
            encoder_layers=2,
            decoder_layers=2,
            encoder_attention_heads=4,
            decoder_attention_heads=4,
            encoder_ffn_dim=256,
            decoder_ffn_dim=256,
            scale_embedding=True,
            init_std=0.1,
            dropout=dropout,
            max_position_embeddings=ROOM,
            eos_token_id=end,
            pad_token_id=pad,
            decoder_start_token_id=pad,
            forced_eos_token_id=None,
        )
    )
    model.generation_config = GenerationConfig(
        eos_token_id=end, pad_token_id=pad, decoder_start_token_id=pad, num_beams=1, max_length=ROOM
    )
    return model


def batch_of(texts: Sequence[str]) -> Batch:
    """The texts as a batch; both sides end with the end symbol."""
    width = max(len(text) for text in texts) + 1
    source = torch.full((len(texts), width), PIECES.index(PAD))
    labels = torch.full((len(texts), width), -100)
    for row, text in enumerate(texts):
        ids = [PIECES.index(letter) for letter in text]
        source[row, : len(ids) + 1] = torch.tensor([*ids, PIECES.index(END)])
        labels[row, : len(ids) + 1] = torch.tensor([*reversed(ids), PIECES.index(END)])
    return Batch(source, labels)


def trained(settings: Settings) -> MarianMTModel:
    """A model after all steps of `settings`. The same settings give the same weights, bit for bit."""
    torch.manual_seed(settings.seed)
    draw = random.Random(settings.seed)
    model = small_marian(settings.dropout).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, betas=(0.9, 0.98))
    columns = (TextColumn("step"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn())
    loss_column = TextColumn("loss {task.fields[loss]:.4f}")
    quiet = not console.is_terminal
    with Progress(*columns, loss_column, console=console, transient=True, disable=quiet) as progress:
        task = progress.add_task("", total=settings.steps, loss=float("nan"))
        for step in range(settings.steps):
            rate = min((step + 1) / settings.warm_up, 1.0) * (1 - step / settings.steps)
            optimizer.param_groups[0]["lr"] = settings.learning_rate * rate
            batch = batch_of(strings(draw, settings.batch_size, settings.longest, kept=False))
            mask = batch.source != PIECES.index(PAD)
            loss = model(
                input_ids=batch.source, attention_mask=mask, labels=batch.labels, use_cache=False
            ).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            progress.update(task, advance=1, loss=loss.item())
    return model.eval()


def exact_match(model: MarianMTModel, texts: Sequence[str]) -> float:
    """The share of `texts` that `model` writes backwards without a mistake, 0..1."""
    tokenizer = letter_tokenizer(ROOM)
    read = tokenizer(list(texts), return_tensors="pt", padding=True)
    written = tokenizer.batch_decode(model.generate(**read), skip_special_tokens=True)
    return sum(text[::-1] == output for text, output in zip(texts, written, strict=True)) / len(texts)


def measured(model: MarianMTModel, longest: int) -> list[str]:
    """What `model` does with strings that it has not seen, as lines to read."""
    texts = strings(random.Random("unseen"), 1000, longest, kept=True)
    steered = point_everywhere(model, letter_tokenizer(ROOM), texts[:50])
    chances = sorted(each.probability for each in steered)
    obeyed = sum(each.obeyed for each in steered)
    return [
        f"exact match on {len(texts)} unseen strings of 1 to {longest} letters: "
        f"{exact_match(model, texts):.4f}",
        f"with all attention on one letter, that letter is written {obeyed} of {len(steered)} times: "
        f"p from {chances[0]:.3f}, median {chances[len(chances) // 2]:.3f}",
    ]


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the model and its tokenizer.")] = Path("reversal"),
    steps: Annotated[int, typer.Option(min=1, help="Updates of 32 strings.")] = Settings.steps,
    longest: Annotated[int, typer.Option(min=1, max=ROOM - 2, help="Letters.")] = Settings.longest,
    seed: Annotated[int, typer.Option(help="Decides the weights and the strings.")] = Settings.seed,
) -> None:
    """Train, measure on unseen strings, and write a folder that transformers can load."""
    torch.set_num_threads(1)
    logging.disable_progress_bar()  # transformers' own, for a file that is written in a moment
    began = time.process_time()
    model = trained(Settings(steps=steps, longest=longest, seed=seed))
    seconds = time.process_time() - began
    letter_tokenizer(ROOM).save_pretrained(output)
    model.save_pretrained(output)
    parameters = sum(weight.numel() for weight in model.parameters())
    console.print(f"{parameters} parameters, trained in {seconds:.1f} CPU seconds", highlight=False)
    console.print("\n".join(measured(model, longest)), highlight=False, soft_wrap=True)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
