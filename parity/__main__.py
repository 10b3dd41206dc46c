"""`python -m parity [FAMILY ...]`: the whole table, into docs/parity.md where no family is named.

Exit code: 0 everything is bit-identical, 1 something is not.
"""

import platform
import sys
import tempfile
import time
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch
import transformers

from parity.comparing import compared
from parity.families import FAMILIES, inputs_of, load, saved
from parity.settings import SETTINGS

PAGE = Path(__file__).parents[1] / "docs" / "parity.md"
BATCHES = (1, 2)
Table = Mapping[str, Mapping[str, list[str]]]


def main(names: list[str]) -> int:
    """Compare; print a line a family; write the page of a whole run."""
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    warnings.simplefilter("ignore")
    start = time.perf_counter()
    table: dict[str, dict[str, list[str]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names or list(FAMILIES):
            family = FAMILIES[name]
            model = load(saved(family, Path(folder)))
            batches = {size: inputs_of(family, model, batch=size) for size in BATCHES}
            table[name] = {title: list(compared(model, batches, given)) for title, given in SETTINGS.items()}
            differing = [f"{title}: {', '.join(found)}" for title, found in table[name].items() if found]
            print(f"{name:24} {'identical' if not differing else '; '.join(differing)}", flush=True)
    runs = sum(len(row) for row in table.values()) * len(BATCHES)
    wrong = sum(1 for row in table.values() for found in row.values() if found)
    print(f"{runs} decodes, each stepped twice, in {time.perf_counter() - start:.0f} s; {wrong} cells differ")
    if not names:
        PAGE.write_text(page(table, runs), encoding="utf-8")
    return 1 if wrong else 0


def page(table: Table, runs: int) -> str:
    """The table as a page of the documentation."""
    families = list(table)
    identical = sum(1 for row in table.values() for found in row.values() if not found)
    cells = sum(len(row) for row in table.values())
    lines = [
        "# Parity with `generate`",
        "",
        "<!-- written by `make parity`; do not edit -->",
        "",
        f"{len(families)} families under {len(SETTINGS)} settings, in batches of "
        f"{' and '.join(map(str, BATCHES))}: {runs} decodes by plain `generate`, each compared with the "
        "same decode stepped under the debugger with every site recorded, once straight and once with "
        "steps back in it. Sequences, sequence scores, scores, logits, beam indices and the random state "
        "afterwards are compared bit for bit.",
        "",
        f"**{identical} of {cells} cells are identical.** torch {torch.__version__}, transformers "
        f"{transformers.__version__}, Python {platform.python_version()}, {platform.machine()}, CPU, one "
        "thread. The models are tiny and their weights random, built from each family's configuration, "
        "saved and loaded with `from_pretrained`.",
        "",
        "| | " + " | ".join(SETTINGS) + " |",
        "|---" * (len(SETTINGS) + 1) + "|",
    ]
    for name, row in table.items():
        marks = ("✓" if not found else "**differs**" for found in row.values())
        lines.append(f"| {name} | " + " | ".join(marks) + " |")
    lines += ["", "## The settings", "", "| | as arguments of `generate` |", "|---|---|"]
    lines += [f"| {title} | `{given or 'none'}` |" for title, given in SETTINGS.items()]
    differing = [
        f"- {name}, {title}: {', '.join(found)}"
        for name, row in table.items()
        for title, found in row.items()
        if found
    ]
    if differing:
        lines += ["", "## What differs", "", *differing]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
