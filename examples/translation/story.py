"""The story of docs/tutorials/translation.md on the model that was trained: exits with 1 where it is not so.

    python -m examples.translation.story --data DATA --model build/translation-en-de-small

A test set is run under watch rules; a wrong translation is traced to a stage and mended by an edit; and a
word's neighbours move when words are put in behind it. Minutes of one core, most of them for the index.
"""

import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from examples.claims import Claim, tell
from examples.marian.parallel_text import DataError
from examples.translation.sweeping import Row, fired, one_word_off, silent, swept
from examples.translation.tracing import Judged, Moved, Traced, judged, moved, soundest, traced
from examples.translation.train import DATA, WHERE_TO_GET_IT
from s2sdap.cli.outcomes import ending_in_one_line
from s2sdap.client import Debugger
from s2sdap.vocabulary.files import write_whole

WORD, INSERTED, SENTENCE = "rock", "wall", "a man climbs a rock ."
ALONE, TOGETHER = "felsen", "felswand"
TWO, OF_TWO = "two cars are driving on a road .", "zwei radfahrer fahren auf einer straße ."
THREE, OF_THREE = "three cars are driving on a road .", "drei autos fahren auf einer straße ."
"""What goes wrong in that line, in sentences of our own."""
READ_AS_WRONG = 955
"""The line of the test set whose output a person has found to mean something else; others are as good."""
SHORTLIST = 16
"""Wrong sentences that are judged, the shortest: a verdict tries hundreds of words at every place."""

console = Console()


def indexed(model: Path, data: Path, folder: Path) -> Path:
    """The index of what the model was trained on; built, or gone on with, where it is not whole."""
    corpus, references = the_file(data, "train", "en"), the_file(data, "train", "de")
    out = folder / "index"
    files = ["--corpus", str(corpus), "--reference", str(references), "--out", str(out)]
    build = ["s2sdap", "index", "build", "--model", str(model.resolve()), *files]
    sites = ["--sites", "encoder.states,decoder.state"]
    subprocess.run([sys.executable, "-m", *build, *sites], check=True, stdout=subprocess.DEVNULL)
    return out


def the_file(data: Path, split: str, language: str) -> Path:
    """The first file of a split in a language."""
    found = sorted(data.glob(f"{split}*.{language}"))
    if not found:
        raise DataError(f"{data} has no {split}*.{language}.")
    return found[0]


def swept_claims(rows: Sequence[Row]) -> list[Claim]:
    """What the rules find on the test set."""
    doubtful = [row for row in rows if "lowConfidence" in row.rules]
    right = [row for row in rows if row.output == row.reference]
    sure = [row for row in right if "lowConfidence" not in row.rules]
    share = len(doubtful) / len(rows)
    share_of_right = 1 - len(sure) / len(right) if right else 1.0
    return [
        Claim(
            f"{len(right)} of {len(rows)} outputs are the reference, word for word; {fired(rows)}",
            bool(right),
        ),
        Claim(
            f"lowConfidence fires in {share:.0%} of all sentences, in {share_of_right:.0%} of the right ones",
            share_of_right < share,
        ),
        Claim(
            f"{len(silent(rows))} sentences only a reference-aware rule finds: no word of them was doubtful",
            bool(silent(rows)),
        ),
        Claim(f"{len(one_word_off(rows))} outputs are one word off", bool(one_word_off(rows))),
    ]


def traced_claims(found: Traced, line: int) -> list[Claim]:
    """Where it goes wrong, who is to blame, and that two edits mend it."""
    rank = "not among the five likeliest" if found.wanted_rank is None else f"number {found.wanted_rank + 1}"
    stage = found.verdict.stage
    edits = found.verdict.edit_texts
    claims = [
        Claim(
            f"line {line}: step {found.step} writes {found.wrong!r} with p = {found.p:.3f}, not "
            f"{found.wanted!r} ({rank}); it looks at {found.focus!r} with {found.attended:.2f}",
            found.output != found.reference and found.wrong != found.wanted,
        ),
        Claim(f"to blame: {stage or 'no single stage'}; {found.blamed}", stage is not None),
        Claim(
            f"its edits lead to the reference (soundness {found.soundness:.2f}): {edits[0] if edits else ''}"
            f"{f' and {len(edits) - 1} more' if len(edits) > 1 else ''}",
            found.mended,
        ),
        Claim(f"with {found.wanted!r} forced there it is the reference", found.forced == found.reference),
    ]
    if found.near:
        told = f"of {found.near.total()} nearest states {dict(found.near.most_common(4))} go on so"
        claims.insert(1, Claim(told, True))
    return claims


def numbered_claims(model: Path) -> list[Claim]:
    """That it is the number which makes cyclists of cars."""
    with Debugger.spawn() as debugger:
        debugger.launch(source=TWO, model=str(model))
        debugger.step_out()
        two = debugger.results()[-1].outputs[0].text
        debugger.command(f"source {THREE}")
        debugger.step_out()
        three = debugger.results()[-1].outputs[0].text
    return [
        Claim(f"{TWO!r} gives {two!r}", two == OF_TWO),
        Claim(f"{THREE!r} gives {three!r}", three == OF_THREE),
    ]


def moved_claims(found: Moved, alone: str, together: str) -> list[Claim]:
    """That a word's neighbours, and with them its translation, follow what stands behind it."""
    before, after = found.share(found.alone), found.share(found.with_context)
    return [
        Claim(
            f"{found.alone.source!r} gives {found.alone.output!r}: "
            f"{found.alone.followed().most_common(3)} follow {found.word!r} in its neighbours",
            alone in found.alone.output.split(),
        ),
        Claim(
            f"{found.with_context.source!r} gives {found.with_context.output!r}: "
            f"{found.with_context.followed().most_common(3)}",
            together in found.with_context.output.split(),
        ),
        Claim(
            f"followed by {found.inserted!r}: {before:.0%} of the neighbours before, {after:.0%} after; "
            f"{found.stayed} of {len(found.alone.neighbors)} stayed",
            before < 0.2 and after >= 0.5,
        ),
    ]


def traced_lines(lines: Sequence[int], verdicts: Sequence[Judged]) -> list[int]:
    """Which lines of the shortlist are traced: the one that is read as wrong, and the soundest."""
    chosen = [number for number, line in enumerate(lines, 1) if line == READ_AS_WRONG]
    best = soundest(verdicts)
    return chosen + ([best.line] if best is not None and best.line not in chosen else [])


def main(
    *,
    data: Annotated[Path, typer.Option(help="The folder that it was trained on.")] = DATA,
    model: Annotated[Path, typer.Option(help="The folder that the training wrote.")] = Path(
        "build/translation-en-de-small"
    ),
) -> None:
    """Check the story on a model from English to German."""
    folder = model / "story"
    try:
        sources, references = the_file(data, "test", "en"), the_file(data, "test", "de")
        if not (model / "model" / "config.json").exists():
            told = f"{model} has no model yet: python -m examples.translation.train --data {data} --small"
            console.print(told, highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(2)
        folder.mkdir(parents=True, exist_ok=True)
        console.print("[bold]A test set under watch rules[/]")
        rows = swept(model / "model", sources, references, folder / "report.jsonl")
        whole = tell(console, swept_claims(rows))
        short = sorted(one_word_off(rows), key=lambda row: len(row.source.split()))[:SHORTLIST]
        written = "".join(f"{row.source}\t{row.reference}\n" for row in short)
        write_whole(folder / "one-word-off.tsv", written.encode())
        console.print("[bold]A wrong translation, traced and mended[/]")
        table = folder / "one-word-off.tsv"
        verdicts = judged(model / "model", table)
        index = indexed(model / "model", data, folder)
        for line in traced_lines([row.line for row in short], verdicts):
            found = traced(model / "model", table, line, index)
            whole = tell(console, traced_claims(found, short[line - 1].line)) and whole
        whole = tell(console, numbered_claims(model / "model")) and whole
        stages = dict(Counter(each.stage or "none" for each in verdicts))
        mended = sum(each.mends for each in verdicts)
        sound = sum(each.mends and each.soundness >= 0.5 for each in verdicts)
        told = f"of {len(verdicts)} the verdicts name {stages}; {mended} are mended, {sound} of them soundly"
        whole = tell(console, [Claim(told, mended > 0)]) and whole
        console.print("[bold]A word and what stands behind it[/]")
        moving = moved(model / "model", index, SENTENCE, WORD, INSERTED)
        whole = tell(console, moved_claims(moving, ALONE, TOGETHER)) and whole
    except DataError as error:
        console.print(f"{error}{WHERE_TO_GET_IT}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from None
    if not whole:
        console.print("The story is no longer true of this model.")
        raise typer.Exit(1)


if __name__ == "__main__":
    with ending_in_one_line():
        typer.run(main)
