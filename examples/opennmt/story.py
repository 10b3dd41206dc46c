"""Three wrong words of an OpenNMT-py model, and which of them are its own fault.

    python -m examples.opennmt.story --data path/to/OpenNMT-py

Prints what docs/tutorials/opennmt.md tells, with what was measured; exits with 1 where it is not so.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.console import Console
from rich.progress import Progress

from examples.claims import Claim, tell
from s2sdap import SearchSettings
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.client import Debugger
from s2sdap.debugger.corpus.run import Corpus
from s2sdap.debugger.program import read_program
from s2sdap.debugger.results import Result
from s2sdap.models.contract import Model
from s2sdap.models.loading import load_model
from s2sdap.protocol.custom import StepBody
from s2sdap.vocabulary.errors import S2sdapError

WHERE_TO_GET_IT = """
No data is bundled. The checkpoint and its data are in https://github.com/OpenNMT/OpenNMT-py, at a revision of
autumn 2017 such as 5f8572bb: give the folder with test_model2*.pt and data/morph in it, or clone it there."""

TWICE, LATIN = "ј а ј а ш ц е", "j a j a š c e"
"""A word in both scripts of the language."""
LEARNT, OTHER = "n e i z l j e č i v o s t", "o s l o b a đ a t i"
"""Two words whose references are not what they should be."""
SEARCH = SearchSettings(max_length=100)

console = Console()


def the_checkpoint(data: Path) -> Path:
    """The one that OpenNMT-py's own tests came with."""
    found = sorted((*data.glob("test_model2*.pt"), *data.glob("data/test_model2*.pt")))
    if not found or not (data / "data" / "morph").is_dir():
        console.print(f"{data} has no test_model2*.pt beside data/morph.{WHERE_TO_GET_IT}", highlight=False)
        raise typer.Exit(2)
    return found[0]


def decoded(model: Model, data: Path, name: str) -> list[Result]:
    """What it writes for every line of a file, `{}` in its name for the side."""
    program = read_program(*(str(data / "data" / name.format(side)) for side in ("src", "tgt")))
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        lines = progress.track(Corpus(model, program, SEARCH), total=len(program.sentences), description=name)
        return [each.result for each in lines]


def written(result: Result) -> bool:
    """Whether the output is the reference."""
    return result.text == result.sentence.reference


def at_step(debugger: Debugger, step: int) -> StepBody:
    """Go on until that token is chosen; what the debugger shows there."""
    debugger.next()
    while (here := debugger.step(top=2)).step < step:
        debugger.next()
    return here


def chosen(here: StepBody) -> tuple[str, float]:
    """The token that the search has chosen, and its probability."""
    if here.token is None:
        raise AssertionError("no token is chosen before a step")
    return here.token.piece, here.token.p


def output(debugger: Debugger) -> str:
    """Run the sentence to its end."""
    debugger.step_out()
    return debugger.results()[-1].outputs[0].text


def corpus_claims(model: Model, data: Path) -> Iterator[Claim]:
    """It is the model that it was, and three of its outputs are not the reference."""
    own = decoded(model, data, "test_model2.{}")
    same = sum(map(written, own))
    yield Claim("its own outputs of 2017 are written again", same == len(own), f"{same} of {len(own)}")
    unseen = decoded(model, data, "morph/{}.valid")
    wrong = [result.sentence.text for result in unseen if not written(result)]
    told = f"{len(wrong)} of {len(unseen)}: {', '.join(each.replace(' ', '') for each in wrong)}"
    yield Claim("three words are not their reference", sorted(wrong) == sorted((TWICE, LEARNT, OTHER)), told)


def attention_claims(debugger: Debugger, reference: str) -> Iterator[Claim]:
    """What goes wrong in a word that says the same twice, and what mends it."""
    here = at_step(debugger, 2)
    (token, p), second = chosen(here), (here.top or [])[1]
    told = f"{token} {p:.2f}, {second.piece} {second.p:.2f}"
    yield Claim("it is in doubt after the first `ја`", (token, second.piece) == ("ʃ", "j") and p < 0.7, told)
    weights = here.attention or []
    told = f"{weights[2]:.2f} on the second `ј`, {weights[4]:.2f} on `ш`"
    yield Claim("attention stands in two places", weights[2] > 0.4 and weights[4] > 0.4, told)
    verdict = debugger.verdict(reference=reference)
    yield Claim("the verdict names the attention", verdict.stage == "attention", verdict.text)
    debugger.command("attend [2]=1")
    p, text = chosen(debugger.step())[1], output(debugger)
    yield Claim("with `attend [2]=1` it is right", text == reference, f"p {p:.4f}: {text}")
    debugger.command("undo")
    debugger.command("force j")
    text = output(debugger)
    yield Claim("with `force j` too", text == reference, text)
    debugger.command(f"source {LATIN}")
    text = output(debugger)
    yield Claim("in Latin letters it is right by itself", text == reference, text)


def reference_claims(
    debugger: Debugger, reference: str, *, step: int, writes: str, repairs: Sequence[str]
) -> Iterator[Claim]:
    """Where the model is sure, and the reference is what is wrong; `repairs` can force that."""
    token, p = chosen(here := at_step(debugger, step))
    word = "".join(each.piece for each in here.source)
    told = f"{token} {p:.4f}, and the reference is {reference.replace(' ', '')}"
    yield Claim(f"in {word} it is sure of {writes}", token == writes and p > 0.99, told)
    verdict = debugger.verdict(reference=reference)
    able = {each.stage for each in verdict.experiments if each.repaired}
    what = f"what can make it write the reference: {', '.join(repairs) or 'nothing'}"
    yield Claim(what, able == set(repairs), verdict.text)


def training_claims(pairs: list[tuple[str, str]]) -> Iterator[Claim]:
    """That training is of one mind about both, and not of the references'."""
    for letters, sound in (("l j", "ʎ"), ("đ", "d z")):
        seen = [target for source, target in pairs if f" {letters} " in f" {source} "]
        told = f"in {sum(sound in target for target in seen)} of {len(seen)} words of training"
        yield Claim(f"`{letters}` is written `{sound}`", all(sound in target for target in seen), told)


def main(
    *, data: Annotated[Path, typer.Option(help="The folder of OpenNMT-py, of 2017.")] = Path("OpenNMT-py")
) -> None:
    """Check what is told of the model."""
    torch.set_num_threads(1)
    checkpoint = the_checkpoint(data)
    try:
        model = load_model(f"opennmt:{checkpoint}")
    except S2sdapError as error:
        console.print(str(error), highlight=False)
        raise typer.Exit(2) from None
    if not isinstance(model, Model):
        raise AssertionError("a recurrent model is decoded step by step")
    folder = data / "data" / "morph"
    lines = {name: (folder / name).read_text("utf-8").splitlines() for name in ("src.train", "tgt.train")}
    lines |= {name: (folder / name).read_text("utf-8").splitlines() for name in ("src.valid", "tgt.valid")}
    references = dict(zip(lines["src.valid"], lines["tgt.valid"], strict=True))
    pairs = list(zip(lines["src.train"], lines["tgt.train"], strict=True))
    whole = [tell(console, corpus_claims(model, data)), tell(console, training_claims(pairs))]
    told = {
        OTHER: partial(reference_claims, step=7, writes="z", repairs=("decoder", "attention")),
        TWICE: attention_claims,
        LEARNT: partial(reference_claims, step=4, writes="ʎ", repairs=()),
    }
    with Debugger.spawn() as debugger:
        # The whole file, with a breakpoint on each of the three: the other words are the verdict's controls.
        debugger.launch(
            program=folder / "src.valid",
            reference=folder / "tgt.valid",
            model=f"opennmt:{checkpoint.resolve()}",
            breakpoints=[lines["src.valid"].index(source) + 1 for source in told],
            stop_on_entry=False,
            max_length=100,
        )
        for source, claims in told.items():
            whole.append(tell(console, claims(debugger, references[source])))
            debugger.continue_()
    if not all(whole):
        raise typer.Exit(1)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
