"""Opening a search over the states of a site, of the kind that suits them."""

from s2sdap.neighbors.search.built import hindrance, load, measured
from s2sdap.neighbors.search.choice import GOOD, Choice, Kind, Size, choose
from s2sdap.neighbors.search.exact import ExactSearch
from s2sdap.neighbors.search.graph import Progress
from s2sdap.neighbors.search.memory import available_bytes
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import Rows
from s2sdap.neighbors.search.search import Search
from s2sdap.neighbors.search.store_rows import StoreRows
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore
from s2sdap.vocabulary.errors import S2sdapError


def open_search(
    store: StateStore,
    site: StateSite,
    *,
    metric: str = "l2",
    kind: str | None = None,
    background: bool = False,
    progress: Progress | None = None,
) -> Search:
    """Search the states of that site; without `kind` in the way that suits their number and this machine.

    With `background` many states are read into memory, a graph is loaded and numba's code compiled in another
    thread; until then queries are answered exactly, from disk, and what is found says so. `progress` is told
    what is being done.

    Raises:
        S2sdapError: `index_no_site`, `index_damaged`, `search_unknown`, and `search_not_built` for a `kind`
            that cannot be had.
    """
    measure, wanted = Metric.named(metric), None if kind is None else Kind.named(kind)
    rows = StoreRows(store, site)
    size = Size(len(rows), rows.dimension, available_bytes())
    choice = automatic(rows, measure, size) if wanted is None else Choice(wanted, "it was asked for")
    return chosen_search(
        rows, measure, choice, size, must=wanted is not None, background=background, progress=progress
    )


def search_rows(rows: Rows, *, metric: str = "l2") -> Search:
    """Search rows that are in no index, exactly. Raises `search_unknown`."""
    choice = Choice(Kind.EXACT, "nothing can be built over rows that are in no index")
    return Search(choice, ExactSearch(rows, Metric.named(metric)), None)


def automatic(rows: StoreRows, metric: Metric, size: Size) -> Choice:
    """The kind that suits that size, of those that are built and find enough."""
    hindrances = {}
    for kind in (Kind.PYNNDESCENT, Kind.IVF):
        known = measured(rows, kind, metric)
        weak = "" if known is None or known.recall >= GOOD else f"it finds only {known.recall:.3f} of them"
        hindrances[kind] = hindrance(rows, kind, metric, size) or weak
    return choose(size, hindrances)


def chosen_search(
    rows: StoreRows,
    metric: Metric,
    choice: Choice,
    size: Size,
    *,
    must: bool,
    background: bool = False,
    progress: Progress | None = None,
) -> Search:
    """A search of that kind; where it cannot be had, an exact one that says why, unless it `must` be.

    In the background what goes wrong always leaves an exact one. Raises `search_not_built`.
    """
    kind = choice.kind
    reason = "" if kind is Kind.EXACT or not must else hindrance(rows, kind, metric, size)
    if reason:
        raise S2sdapError("search_not_built", kind=kind, reason=reason)
    in_memory = rows.in_files is None and (kind is Kind.PYNNDESCENT or (kind is Kind.EXACT and size.fits))
    search = Search(choice, ExactSearch(rows, metric), measured(rows, kind, metric))

    def read() -> None:
        if progress is not None:
            progress(f"reading {size}")
        search.use(ExactSearch(rows.in_memory(), metric))

    def speed_up() -> None:
        search.use_faster(load(rows, kind, search.exact, progress))

    steps = [*([read] if in_memory else []), *([speed_up] if kind is not Kind.EXACT else [])]
    if background:
        if in_memory and size.quick:
            steps.pop(0)()
        if steps:
            search.load(steps, progress)
        return search
    try:
        for step in steps:
            step()
    except (ValueError, OSError) as error:
        if must:
            raise S2sdapError("search_not_built", kind=kind, reason=error) from None
        search.fall_back(error)
    return search
