"""What has been built over the states of an index: where it lies, whether it can be used, and loading it."""

import hashlib
from itertools import accumulate

import msgspec

from s2sdap.neighbors.manifest import Recall
from s2sdap.neighbors.search.choice import Kind, Size
from s2sdap.neighbors.search.descent import FEW, DescentSearch, Effort
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.graph import Progress
from s2sdap.neighbors.search.graph_file import decoded, release
from s2sdap.neighbors.search.ivf import IvfSearch, Probes, lists_metric
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.vocabulary.errors import S2sdapError

Faster = DescentSearch | IvfSearch


def graph_name(rows: StoreRows, metric: Metric) -> str:
    """The file of a graph, beside the datasets."""
    return f"graph-{rows.site}-{metric}.safetensors"


def measured(rows: StoreRows, kind: Kind, metric: Metric) -> Recall | None:
    """The recall of that kind as it was measured last, which also says with what settings to search."""
    wanted = (str(rows.site), kind, metric)
    found = [each for each in rows.store.manifest.recall if (each.site, each.kind, each.metric) == wanted]
    return found[-1] if found else None


def states_digest(rows: StoreRows, count: int) -> str | None:
    """What tells the first `count` states of a site from others; None where no commit ended there."""
    blocks = rows.store.blocks_of(rows.site)
    ends = [0, *accumulate(size for size, _ in blocks)]
    if count not in ends:
        return None
    return hashlib.sha256(msgspec.json.encode(blocks[: ends.index(count)])).hexdigest()


def hindrance(rows: StoreRows, kind: Kind, metric: Metric, size: Size) -> str:
    """Why that kind cannot be used here, "" where nothing that can be seen at once is in its way."""
    known = measured(rows, kind, metric)
    if known is None:
        return f"it is not built for {rows.site} and {metric}"
    if kind is Kind.IVF:
        found = lists_metric(rows.store.dataset(rows.site)) if len(rows) else None
        of = "there are none" if found is None else f"those there are of {found}, and there is one set a site"
        return "" if found is metric else f"it has no lists of {metric}: {of}"
    if not size.graph_fits:
        return "its graph does not fit in memory"
    try:
        release()
    except S2sdapError as error:
        return error.what
    return ""


def load(
    rows: StoreRows, kind: Kind, exact: ExactSearch, progress: Progress | None = None, few: int = FEW
) -> Faster:
    """The search of that kind, ready to be asked; `few` as `DescentSearch` takes it.

    Raises `ValueError` or `OSError` with what is wrong with it, and `neighbors_missing`.
    """
    known = measured(rows, kind, exact.metric)
    if known is None:
        raise ValueError("it is not built")
    if kind is Kind.IVF:
        lists, times = _settings(known, "lists", "times")
        return IvfSearch(exact, rows, Probes(int(lists), int(times)))
    if progress is not None:
        progress("loading the graph; the first time on this machine its code is compiled, half a minute")
    data = rows.store.place.read(graph_name(rows, exact.metric))
    width = rows.dimension + (exact.metric is Metric.INNER_PRODUCT)
    graph = decoded(data, states_digest(rows, known.rows), known.rows, width)
    if graph.metric is not exact.metric:
        raise ValueError(f"its graph is of the metric {graph.metric}")
    leaves, epsilon = _settings(known, "leaves", "epsilon")
    return DescentSearch(exact, graph, Effort(int(leaves), epsilon), few)


def settings(effort: Effort | Probes, seed: int) -> str:
    """How a recall was measured, as it is kept with it."""
    return f"{effort} seed={seed}"


def seed_of(known: Recall) -> int:
    """The seed of a measurement. Raises `ValueError`."""
    return int(_given(known).get("seed", "0"))


def _given(known: Recall) -> dict[str, str]:
    return dict(part.split("=", 1) for part in known.settings.split() if "=" in part)


def _settings(known: Recall, *names: str) -> list[float]:
    """Some numbers of `Recall.settings`. Raises `ValueError`."""
    given = _given(known)
    try:
        found = [float(given[name]) for name in names]
    except (KeyError, ValueError):
        found = []
    if not found or not all(0 < number <= 10_000 for number in found):
        raise ValueError(f"its settings are {known.settings!r}")
    return found
