"""Run the benchmarks: all of them, or those named on the command line."""

import sys
from importlib import import_module

from rich.console import Console
from rich.table import Table

from benchmarks.wire import quiet

NAMES = (
    "startup",
    "stepping",
    "travelling",
    "throughput",
    "corpus",
    "memory",
    "recordings",
    "pausing",
    "imports",
    "huggingface",
    "extraction",
    "training",
    "projection",
    "neighbors",
    "language_server",
    "python_stopped",
    "page",
)


def main() -> None:
    """Measure, then print one table."""
    quiet()
    console = Console()
    table = Table(title="Ratios of medians, pair by pair", title_justify="left")
    for heading in ("measured", "ours", "peer"):
        table.add_column(heading)
    for heading in ("ratio", "at most", ""):
        table.add_column(heading, justify="right")
    for name in sys.argv[1:] or NAMES:
        console.print(f"measuring {name} ...")
        for row in import_module(f"benchmarks.{name}").rows():
            ratio = "" if row.ratio is None else f"{row.ratio:.2f}x"
            goal = "" if row.at_most is None else f"{row.at_most:.2f}x"
            table.add_row(row.what, row.ours, row.peer, ratio, goal, row.verdict)
    console.print(table)


if __name__ == "__main__":
    main()
