"""Find the bug: a model that learned from 5,000 dates takes 20301024 for a day in January. Why?

    python examples/date_conversion/find_the_bug.py --output build/find-the-bug

Trains the small model and indexes what it was trained on (once, under a minute of one core), then looks for
the cause through the protocol, as docs/tutorials/dates.md tells it.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from train import drawn, text_pairs
from train import main as train

from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.client import Debugger
from s2sdap.models.bundled.written_dates import TRAINING_SEED
from s2sdap.vocabulary.files import write_whole

EXAMPLES = 5_000
SOURCE, REFERENCE = "20301024", "2030-10-24"


@dataclass(frozen=True)
class Story:
    """What the debugger showed: the facts that the tutorial tells."""

    output: str
    step: int
    token: str
    p: float
    attention: dict[int, float]
    """weights above 0.05 at that step, by position in the source"""
    agree: int
    """of the nearest training states, those that go on as the reference does"""
    neighbors: int
    stage: str | None
    experiment: str
    repaired: str
    after: str
    """the output once the repair was applied"""
    bundled: str
    """what the model that learned from 40,000 dates makes of the same source"""


def prepare(folder: Path) -> None:
    """Train the small model and index its training set, unless that is done."""
    if not (folder / "model" / "training.log").exists():
        train(output=folder / "model", examples=EXAMPLES, test=1_000)
    corpus = folder / "corpus.tsv"
    pairs = text_pairs(drawn("train", EXAMPLES, TRAINING_SEED))
    write_whole(corpus, "".join(f"{text}\t{iso}\n" for text, iso in pairs).encode())
    build = ["index", "build", "--model", str(folder / "model"), "--corpus", str(corpus)]
    subprocess.run(
        [sys.executable, "-m", "s2sdap", *build, "--out", str(folder / "index")],
        check=True,
        stdout=subprocess.DEVNULL,
    )


def outputs_of(model: str, *sources: str) -> list[str]:
    """What a model makes of some sources."""
    texts = []
    for source in sources:
        with Debugger.spawn() as debugger:
            debugger.launch(source=source, model=model, stop_on_entry=False)
            texts.append(debugger.results()[0].outputs[0].text)
    return texts


def investigate(folder: Path) -> Story:
    """Go to the first wrong token, ask who is to blame, and apply the repair."""
    with Debugger.spawn() as debugger:
        debugger.launch(
            source=SOURCE, reference=REFERENCE, model=str(folder / "model"), index=folder / "index"
        )
        debugger.step_out()
        output = debugger.results()[0].outputs[0].text
        wrong = next(
            at for at, (one, other) in enumerate(zip(output, REFERENCE, strict=True)) if one != other
        )
        debugger.goto(wrong)
        step = debugger.step(top=3)
        near = debugger.neighbors("decoder.state", k=8).neighbors
        verdict = debugger.verdict()
        debugger.apply_fix(verdict)
        debugger.step_out()
        after = debugger.results()[-1].outputs[0].text
    made = [each for each in verdict.experiments if each.stage == verdict.stage and each.repaired]
    return Story(
        output=output,
        step=wrong,
        token=step.token.piece,
        p=step.token.p,
        attention={at: weight for at, weight in enumerate(step.attention) if weight > 0.05},
        agree=sum(each.token.piece == REFERENCE[wrong] for each in near),
        neighbors=len(near),
        stage=verdict.stage,
        experiment=made[0].text if made else "",
        repaired=verdict.repaired_output,
        after=after,
        bundled=outputs_of("dates", SOURCE)[0],
    )


def told(story: Story) -> str:
    """The story in words."""
    row = ", ".join(f"{SOURCE[at]!r} at {at} {weight:.2f}" for at, weight in story.attention.items())
    wanted = REFERENCE[story.step]
    return "\n".join(
        (
            f"{SOURCE} should give {REFERENCE}. "
            f"The small model gives {story.output}, the bundled one {story.bundled}.",
            f"The first wrong token is of step {story.step}: {story.token!r} with p = {story.p:.3f}.",
            f"There it looks at {row}.",
            f"Of the {story.neighbors} nearest decoder states in training "
            f"{story.agree} go on with {wanted!r}.",
            f"To blame: {story.stage or 'no single stage'}. {story.experiment}",
            f"With the repair applied the output is {story.after}.",
        )
    )


def main(
    *,
    output: Annotated[Path, typer.Option(help="Folder of the small model and its index.")] = Path(
        "find-the-bug"
    ),
) -> None:
    """Train, index, and look for the cause."""
    prepare(output)
    print(told(investigate(output)))


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
