"""Hold what docs/tutorials/rewriting.md tells against a model that was trained as it says.

    python -m examples.rewriting.check rewriter

Reads `dev.tsv` and `test.tsv` beside the model. Says of each claim what was measured; the exit code is 1 if
one is not true.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console

from examples.claims import Claim, tell
from examples.rewriting.pointing import steps
from examples.rewriting.questions import tokenized
from s2sdap import SearchSettings, Session
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.models.contract import Model
from s2sdap.models.loading import load_model

QUESTION = "What did Alexandre Yersin or uh Paul-Louis Simond establish in 1898?"
MEANT = "what did paul - louis simond establish in 1898 ?"
INVENTED = "Which kabaddi player no sorry which zorbing champion lives in Quuxville?"
SAID = "which zorbing champion lives in quuxville ?"


def exact(model: Model, file: Path, beam: int) -> dict[str, tuple[float, int]]:
    """The share of a file's lines that are written as meant, and their number: of all, and of some kinds."""
    settings = SearchSettings(beam_size=beam, max_length=100)
    results = [decoded.result for decoded in Corpus(model, read_program(str(file)), settings)]
    known = {model.target.piece(token) for token in range(len(model.target))}
    right = [result.text == result.sentence.reference for result in results]
    kinds: dict[str, list[bool]] = {"all": [], "new words": [], "begun anew": [], "mended within": []}
    for result, hit in zip(results, right, strict=True):
        meant = result.sentence.reference or ""
        kinds["all"].append(hit)
        if not known.issuperset(meant.split()):
            kinds["new words"].append(hit)
        kinds["begun anew" if result.sentence.text.endswith(meant) else "mended within"].append(hit)
    return {name: (sum(hits) / max(1, len(hits)), len(hits)) for name, hits in kinds.items()}


def claims(folder: str, least: float) -> Iterator[Claim]:
    """Every claim, in the order of the tutorial."""
    model = load_model(folder)
    if not isinstance(model, Model):
        raise SystemExit(f"{folder} is no model of this example")
    for part, bound in (("dev", least), ("test", least - 0.06)):
        for beam in (1, 5):
            found = exact(model, Path(folder) / f"{part}.tsv", beam)
            told = ", ".join(f"{name} {share:.1%} of {count}" for name, (share, count) in found.items())
            yield Claim(f"{part}, beam {beam}: at least {bound:.0%} exact", found["all"][0] >= bound, told)
    for question, meant in ((QUESTION, MEANT), (INVENTED, SAID)):
        written = steps(folder, question)
        output = " ".join(step.word for step in written[:-1])
        yield Claim(f"{question!r} is mended", output == meant, repr(output))
        copied = [step for step in written if step.added]
        least_copied = min((step.copy for step in copied), default=0.0)
        words = ", ".join(f"{step.word} {step.copy:.3f}" for step in copied)
        yield Claim("its words that no vocabulary has are copied, p > 0.8", least_copied > 0.8, words)
        pointed = all(step.focus == step.word for step in copied)
        yield Claim("each from where it stands", pointed, ", ".join(step.focus for step in copied))
    yield from edits(folder)


def edits(folder: str) -> Iterator[Claim]:
    """The edits of the tutorial, at the name of its first question."""
    session = Session.open(model=folder, source=tokenized(QUESTION))
    session.start()
    session.next()
    while session.evaluate("token") != "simond":
        if session.evaluate("ended"):
            yield Claim("it writes simond", False, session.evaluate("output"))
            return
        session.next()
    before = session.evaluate('prob("simond")')
    session.edit_site("prediction.copy", [0.0])
    told = f"p {before:.3f} before, {session.evaluate(_OF_NAME):.1e} after; now {session.evaluate('token')!r}"
    gone = session.evaluate(_OF_NAME) < 1e-9 and session.evaluate("token") != "simond"
    yield Claim("without copying `simond` cannot be written", gone, told)
    session.undo()
    session.edit_attention(session.evaluate("source").index("yersin"), 1.0)
    now = session.evaluate("token")
    yield Claim("with all attention on `yersin` that is copied", now == "yersin", repr(now))


_OF_NAME = 'prob("simond")'


def main(
    model: Annotated[str, typer.Argument(help="The folder that train.py wrote.")],
    *,
    least: Annotated[float, typer.Option(help="The share of dev that has to be exact.")] = 0.55,
) -> None:
    """Measure, print, and end with 1 where a claim does not hold."""
    torch.set_num_threads(1)
    if not tell(Console(), claims(str(Path(model).resolve()), least)):
        raise typer.Exit(1)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
