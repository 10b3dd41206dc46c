"""Searching for the nearest states against numpy, faiss (exact) and annoy, on the same states in one run.

`python -m benchmarks neighbors` asks 100,000 states of 256; `python -m benchmarks.neighbors --states
1000000` as many as you say (a million takes some minutes, 7 GiB of memory and 4 of disk). Engines take turns
at every query, so that a busy machine slows all of them. faiss and annoy are used where they can be
imported: `pip install --target PEERS faiss-cpu annoy`, and `PYTHONPATH=PEERS`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Row, milliseconds
from benchmarks.neighbor_engines import ASKS, BUILDS, TREES, Ask, K, ask_annoy
from benchmarks.state_like import SITE, build_states, held_out
from s2sdap.neighbors.search import open_search
from s2sdap.neighbors.search.metrics import Metric, distances
from s2sdap.neighbors.store import StateStore

DIMENSION = 256
QUERIES = 300
GROUPS = (("exact", "numpy", "faiss"), ("pynndescent", "ivf", "annoy", "annoy harder"))
"""Engines that are asked in turns; not all at once, for the memory of each."""
HARDER = 0.99
"""The recall until which annoy is made to look at more nodes, twice as many each time."""
FRESH = """
import sys, time
import lance, msgspec, numpy, pyarrow, safetensors.numpy, torch, scipy.sparse
if sys.argv[2] == "pynndescent":
    import pynndescent
torch.set_num_threads(1)
begin, cpu = time.perf_counter(), time.process_time()
import numpy as np
from s2sdap.neighbors.search import open_search
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore
store, query = StateStore.open(sys.argv[1]), np.load(sys.argv[3])[0]
search = open_search(store, StateSite("decoder.state"), kind=sys.argv[2], background=True)
search.query(query, 50)
print(time.perf_counter() - begin, time.process_time() - cpu)
search.wait()
search.query(query, 50)
print(time.perf_counter() - begin, time.process_time() - cpu)
"""
"""A first query as the debugger asks it: the seconds that are ours, with what we import from others there
already, and numba's cache warm; then until the search is as fast as it gets."""


class Measured:
    """What one engine took and found."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cpu = self.peak = float("nan")
        self.fresh: tuple[float, ...] = ()
        self.seconds: list[float] = []
        self.worked: list[float] = []
        self.recall = float("nan")

    @property
    def half(self) -> float:
        """The median of a query."""
        return statistics.median(self.seconds)

    @property
    def slow(self) -> float:
        """The 99th percentile of a query."""
        return float(np.percentile(self.seconds, 99))


def rows(states: int = 100_000) -> list[Row]:
    """Ours beside the peers: the exact one beside numpy and faiss, the graph beside annoy."""
    found = measured(states)
    table = []
    for ours, peer, goal in (
        ("exact", "numpy", None),
        ("exact", "faiss", None),
        ("pynndescent", "annoy harder", 1.0),
    ):
        if peer not in found:
            continue
        ratio = statistics.median(
            a / b for a, b in zip(found[ours].seconds, found[peer].seconds, strict=True)
        )
        what = f"nearest {K} of {states:,} x {DIMENSION}: {ours}, recall {found[ours].recall:.4f}"
        against = f"{milliseconds(found[peer].half)} {peer}, recall {found[peer].recall:.4f}"
        table.append(Row(what, milliseconds(found[ours].half), against, ratio, goal))
    return table


def measured(states: int) -> dict[str, Measured]:
    """Every engine that is here, built and asked."""
    torch.set_num_threads(1)
    found = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        build_states(folder / "index", states, DIMENSION)
        queries = held_out(QUERIES + 1, DIMENSION)
        np.save(folder / "queries.npy", queries)
        farthest = true_distances(folder, queries)
        for group in GROUPS:
            names = [name for name in group if usable(name)]
            for name in names:
                found[name] = built(name, folder)
            vectors = StateStore.open(folder / "index").vectors(SITE)
            asks = {name: ASKS[name](folder) for name in names if name in ASKS}
            if "annoy harder" in names:
                asks["annoy harder"] = harder(folder, vectors, queries, farthest)
            answers = take_turns(asks, queries, found)
            del asks
            for name in names:
                found[name].recall = share(vectors, queries[1:], answers[name], farthest[1:])
            del vectors
        for name in ("exact", "pynndescent", "ivf"):
            found[name].fresh = fresh(folder, name)
    return found


def usable(name: str) -> bool:
    """Whether that engine can be imported; says so where it cannot."""
    package = name.partition(" ")[0]
    if package in {"faiss", "annoy"} and find_spec(package) is None:
        print(f"!!! {package.upper()} CANNOT BE IMPORTED AND IS NOT MEASURED: pip install --target PEERS ...")
        return False
    return True


def built(name: str, folder: Path) -> Measured:
    """The engine built by a process of its own."""
    engine = Measured(name)
    if name in BUILDS:
        command = [sys.executable, "-m", "benchmarks.neighbor_engines", name, str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        took = json.loads(done.stdout.splitlines()[-1])
        engine.cpu, engine.peak = took["cpu"], took["peak"]
    return engine


def harder(folder: Path, vectors: np.ndarray, queries: np.ndarray, farthest: np.ndarray) -> Ask:
    """Annoy, looking at as many nodes as it takes."""
    nodes = TREES * K
    while True:
        ask = ask_annoy(folder, nodes)
        found = share(vectors, queries[1:], [np.array(ask(query)) for query in queries[1:]], farthest[1:])
        if found >= HARDER or nodes > len(vectors):
            print(f"annoy harder: looks at {nodes:,} nodes")
            return ask
        nodes *= 2


def take_turns(
    asks: Mapping[str, Ask], queries: np.ndarray, found: dict[str, Measured]
) -> dict[str, list[np.ndarray]]:
    """The rows that each finds for every query but the first, which warms it up."""
    answers: dict[str, list[np.ndarray]] = {name: [] for name in asks}
    for number, query in enumerate(queries):
        for name, ask in asks.items():
            began, cpu = time.perf_counter(), time.process_time()
            nearest = ask(query)
            taken, worked = time.perf_counter() - began, time.process_time() - cpu
            if number:
                found[name].seconds.append(taken)
                found[name].worked.append(worked)
                answers[name].append(np.asarray(nearest, np.int64))
    return answers


def true_distances(folder: Path, queries: np.ndarray) -> np.ndarray:
    """How far the K-th nearest of each query is, by the search whose tests are against brute force."""
    search = open_search(StateStore.open(folder / "index"), SITE, kind="exact")
    return search.query(queries, K).distances[:, -1]


def share(
    vectors: np.ndarray, queries: np.ndarray, answers: Sequence[np.ndarray], farthest: np.ndarray
) -> float:
    """Of the true nearest, how many were found; among equally near ones any will do."""
    counts = [
        (distances(Metric.L2, vectors[rows[rows >= 0]], query) <= bound).sum() / K
        for query, rows, bound in zip(queries, answers, farthest, strict=True)
    ]
    return float(np.mean(counts))


def fresh(folder: Path, kind: str) -> tuple[float, ...]:
    """Seconds, and those of the processor, to a first answer in a new process, and until it is fastest."""
    command = [sys.executable, "-c", FRESH, str(folder / "index"), kind, str(folder / "queries.npy")]
    runs = [
        [
            float(each)
            for each in subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
        ]
        for _ in range(3)
    ]
    return tuple(min(each) for each in zip(*runs, strict=True))


def main() -> None:
    """Print all that was measured as one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--states", type=int, default=100_000)
    states = parser.parse_args().states
    table = Table(title=f"the nearest {K} of {states:,} states of {DIMENSION}", title_justify="left")
    for heading in (
        "search",
        "build CPU s",
        "peak MB",
        "p50 ms",
        "p99 ms",
        "CPU ms",
        f"recall@{K}",
        "first answer s (CPU)",
        "ready s (CPU)",
    ):
        table.add_column(heading, justify="left" if heading == "search" else "right")
    for each in measured(states).values():
        table.add_row(
            each.name,
            "" if np.isnan(each.cpu) else f"{each.cpu:.0f}",
            "" if np.isnan(each.peak) else f"{each.peak / 2**20:,.0f}",
            f"{each.half * 1000:.2f}",
            f"{each.slow * 1000:.2f}",
            f"{statistics.median(each.worked) * 1000:.2f}",
            f"{each.recall:.4f}",
            *(f"{a:.2f} ({b:.2f})" for a, b in zip(each.fresh[::2], each.fresh[1::2], strict=True)),
        )
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
