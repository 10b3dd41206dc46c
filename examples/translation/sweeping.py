"""A test set under watch rules: which rules fire where, and which outputs are one word off."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from s2sdap.models.tokenizers import UNKNOWN

DOUBTFUL: Final = ("lowConfidence(p < 0.15)", "unknownToken", "unknownSource", "repetition")
"""Rules that need no reference: they fire where the model itself is in doubt, or lacks a word."""
REFERENCE_AWARE: Final = ("referenceRank(reference_rank >= 5)",)
"""Rules that know what should have come: the sure and wrong ones are found by no other."""


@dataclass(frozen=True, slots=True)
class Row:
    """A sentence of the test set; `line` counts from 1. `rules` are those that fired."""

    line: int
    source: str
    reference: str
    output: str
    rules: frozenset[str]


def swept(model: Path, sources: Path, references: Path, report: Path) -> list[Row]:
    """Decode every sentence with `s2sdap run`, under all rules, and read its report."""
    rules = [part for rule in (*DOUBTFUL, *REFERENCE_AWARE) for part in ("--break", rule)]
    files = [str(sources), "--reference", str(references), "--report", str(report)]
    command = ["s2sdap", "run", *files, "--model", str(model.resolve()), "--output", str(report) + ".txt"]
    done = subprocess.run([sys.executable, "-m", *command, *rules], check=False)  # it shows how far it is
    if done.returncode not in (0, 1):  # 1: a rule has fired
        raise SystemExit(done.returncode)  # it has said why
    wanted = references.read_text("utf-8").splitlines()
    read = (json.loads(line) for line in report.read_text("utf-8").splitlines())
    return [
        Row(
            each["line"],
            each["source"],
            wanted[each["line"] - 1],
            each["output"],
            frozenset(stop["rule"] for stop in each.get("stops", ())),
        )
        for each in read
        if "source" in each
    ]


def fired(rows: Sequence[Row]) -> dict[str, int]:
    """In how many sentences each rule fired."""
    return dict(Counter(rule for row in rows for rule in row.rules).most_common())


def silent(rows: Sequence[Row]) -> list[Row]:
    """The sentences in which a reference-aware rule fired, and none of the others."""
    aware = {rule.partition("(")[0] for rule in REFERENCE_AWARE}
    return [row for row in rows if row.rules and row.rules <= aware]


def one_word_off(rows: Sequence[Row]) -> list[Row]:
    """The outputs of which a single word is not the reference's: what went wrong there is easy to name.

    Where it wrote that it has no word for it, there is nothing to trace.
    """
    return [row for row in rows if UNKNOWN not in row.output.split() and differing(row) == 1]


def differing(row: Row) -> int | None:
    """How many words differ; `None` where the lengths do, too."""
    output, reference = row.output.split(), row.reference.split()
    if len(output) != len(reference):
        return None
    return sum(one != other for one, other in zip(output, reference, strict=True))
