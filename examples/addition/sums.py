"""Sums as Keras' `addition_rnn` draws them: unique, a+b and b+a once, the last tenth for validation."""

import random
from pathlib import Path
from typing import Annotated, Final, Literal, NamedTuple

import typer

from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.models.rnn.config import CellKind
from s2sdap.models.rnn.repeating.config import Gates, RepeatingConfig

DIGITS: Final = 3
CHARACTERS: Final = " +0123456789"
COUNT: Final = 50_000


class Problem(NamedTuple):
    """A sum as it is asked, and its answer; both without padding."""

    question: str
    answer: str


class Split(NamedTuple):
    """The sums to learn from, and those that are held back."""

    train: tuple[Problem, ...]
    validation: tuple[Problem, ...]


def problems(count: int = COUNT, seed: int = 1) -> Split:
    """`count` different sums of numbers of one to three digits; the last tenth is for validation.

    A number has one, two or three digits with equal chances and may begin with zeros, which are not
    written; so short numbers are drawn more often than among all numbers.
    """
    draw = random.Random(seed)
    seen: set[tuple[int, int]] = set()
    drawn: list[Problem] = []

    def number() -> int:
        return int("".join(draw.choice("0123456789") for _ in range(draw.randint(1, DIGITS))))

    while len(drawn) < count:
        a, b = number(), number()
        key = (min(a, b), max(a, b))
        if key not in seen:
            seen.add(key)
            drawn.append(Problem(f"{a}+{b}", str(a + b)))
    draw.shuffle(drawn)
    kept = count - count // 10
    return Split(tuple(drawn[:kept]), tuple(drawn[kept:]))


def network_of(
    cell: CellKind, gates: Gates = "hard_sigmoid", *, encoder: int = 64, decoder: int = 32
) -> RepeatingConfig:
    """The published network: 64 features in the encoder, 32 in the decoder, one bias a gate."""
    return RepeatingConfig(
        cell=cell,
        gate_activation="sigmoid" if cell == "rnn" else gates,
        reset_after=False,
        encoder_size=encoder,
        decoder_size=decoder,
        layers=1,
        characters=CHARACTERS,
        source_length=2 * DIGITS + 1,
        target_length=DIGITS + 1,
        reversed=True,
    )


def main(
    *,
    output: Annotated[Path, typer.Option(help="File for sums and answers, tab-separated.")] = Path(
        "sums.tsv"
    ),
    split: Annotated[Literal["train", "validation"], typer.Option(help="Which of them.")] = "validation",
    count: Annotated[int, typer.Option(min=10, help="Sums altogether.")] = COUNT,
    limit: Annotated[int | None, typer.Option(min=1, help="Write so many at most.")] = None,
    seed: Annotated[int, typer.Option(help="Of the draw; training with the same seed sees the others.")] = 1,
) -> None:
    """Write sums with their answers as references, for `s2sdap run` and an editor."""
    chosen = getattr(problems(count, seed), split)[:limit]
    output.write_text("".join(f"{each.question}\t{each.answer}\n" for each in chosen))
    typer.echo(f"{len(chosen)} sums in {output}")


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
