"""The engines that answer the same queries: each is built by a process of its own, which says what that took.

`python -m benchmarks.neighbor_engines NAME FOLDER` builds one over the index in FOLDER, where it is to lie.
"""

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.state_like import SITE
from s2sdap.neighbors.search import open_search
from s2sdap.neighbors.search.tuning import tune
from s2sdap.neighbors.store import StateStore

Ask = Callable[[np.ndarray], Any]
"""Given a float16 query, the rows of its nearest."""
K = 50
TREES = 50
"""Of annoy: what Seq2Seq-Vis used."""


def vectors_of(folder: Path) -> np.ndarray:
    """The vectors of the index, as float16."""
    return StateStore.open(folder / "index").vectors(SITE)


def build_ours(folder: Path, kind: str) -> None:
    """A graph or lists, and their recall."""
    tune(StateStore.open(folder / "index"), SITE, kind=kind)


def build_faiss(folder: Path) -> None:
    """A flat index of float16, which faiss searches exactly."""
    import faiss  # noqa: PLC0415 - where it is not there, the others are measured

    vectors = vectors_of(folder)
    index = faiss.IndexScalarQuantizer(vectors.shape[1], faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_L2)
    index.train(vectors[:1].astype(np.float32))
    for start in range(0, len(vectors), 65_536):
        index.add(vectors[start : start + 65_536].astype(np.float32))
    faiss.write_index(index, str(folder / "faiss.index"))


def build_annoy(folder: Path) -> None:
    """Fifty trees."""
    import annoy  # noqa: PLC0415 - as faiss

    vectors = vectors_of(folder)
    index = annoy.AnnoyIndex(vectors.shape[1], "euclidean")
    index.set_seed(0)
    for row, vector in enumerate(vectors):
        index.add_item(row, vector)
    index.build(TREES, n_jobs=1)
    index.save(str(folder / "annoy.index"))


BUILDS: dict[str, Callable[[Path], None]] = {
    "pynndescent": lambda folder: build_ours(folder, "pynndescent"),
    "ivf": lambda folder: build_ours(folder, "ivf"),
    "faiss": build_faiss,
    "annoy": build_annoy,
}


def ask_ours(folder: Path, kind: str) -> Ask:
    """Our search of a kind, without a filter."""
    search = open_search(StateStore.open(folder / "index"), SITE, kind=kind)
    return lambda query: search.query(query, K).rows[0]


def ask_numpy(folder: Path) -> Ask:
    """Brute force as one writes it: float32, one product, the smallest of all."""
    vectors = vectors_of(folder).astype(np.float32)
    squares = np.einsum("nd,nd->n", vectors, vectors)

    def ask(query: np.ndarray) -> Any:
        distances = squares - 2 * (vectors @ query.astype(np.float32))
        nearest = np.argpartition(distances, K)[:K]
        return nearest[np.argsort(distances[nearest])]

    return ask


def ask_faiss(folder: Path) -> Ask:
    """The flat index."""
    import faiss  # noqa: PLC0415 - where it is not there, the others are measured

    faiss.omp_set_num_threads(1)
    index = faiss.read_index(str(folder / "faiss.index"))
    return lambda query: index.search(query.astype(np.float32)[None], K)[1][0]


def ask_annoy(folder: Path, nodes: int = -1) -> Ask:
    """The trees, searched as annoy does by itself, or until so many nodes have been looked at."""
    import annoy  # noqa: PLC0415 - as faiss

    index = annoy.AnnoyIndex(StateStore.open(folder / "index").dimension(SITE), "euclidean")
    index.load(str(folder / "annoy.index"))
    return lambda query: index.get_nns_by_vector(query.astype(np.float32), K, nodes)


ASKS: dict[str, Callable[[Path], Ask]] = {
    "exact": lambda folder: ask_ours(folder, "exact"),
    "pynndescent": lambda folder: ask_ours(folder, "pynndescent"),
    "ivf": lambda folder: ask_ours(folder, "ivf"),
    "numpy": ask_numpy,
    "faiss": ask_faiss,
    "annoy": ask_annoy,
}


def main() -> None:
    """Build one, and print the CPU seconds and the peak of memory as JSON."""
    torch.set_num_threads(1)
    name, folder = sys.argv[1], Path(sys.argv[2])
    began = time.process_time()
    BUILDS[name](folder)
    spent = time.process_time() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(json.dumps({"cpu": spent, "peak": peak}))


if __name__ == "__main__":
    main()
