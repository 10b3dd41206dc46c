"""`s2sdap index tune`: build what makes searches fast where they are not, and measure what they find."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from s2sdap.cli.index import place_of
from s2sdap.cli.outcomes import DONE, FIRED, say

if TYPE_CHECKING:
    from s2sdap.neighbors.search.tuning import ListBuilding


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """What the command line says."""

    index: str
    sites: Sequence[str]
    metric: str
    kind: str | None
    recall: float
    k: int
    seed: int
    storage: Sequence[str]
    on: str | None = None
    """the cluster that builds lists, as `s2sdap.cluster` reads it"""


def tune_here(options: TuneOptions) -> int:
    """Tune the sites of an index. Returns the exit code."""
    from s2sdap.neighbors.search.ivf import build_lists

    if options.on is None:
        return _tune(options, build_lists)
    from s2sdap.cluster import connected
    from s2sdap.neighbors.search.lists_on_cluster import build_lists_on

    storage = place_of(options.index, options.storage).options
    with connected(options.on) as cluster:
        return _tune(options, lambda dataset, metric: build_lists_on(cluster, dataset, metric, storage))


def _tune(options: TuneOptions, lists: "ListBuilding") -> int:
    from s2sdap.neighbors.search.tuning import tune
    from s2sdap.neighbors.states import StateSite
    from s2sdap.neighbors.store import StateStore

    place = place_of(options.index, options.storage)
    chosen = [StateSite.parse(site) for site in options.sites] or StateStore.open(place).sites
    low = False
    for site in chosen:

        def tell(what: str, site: StateSite = site) -> None:
            say(f"{site}: {what}")

        tuned = tune(
            StateStore.open(place),
            site,
            metric=options.metric,
            kind=options.kind,
            k=options.k,
            target=options.recall,
            seed=options.seed,
            progress=tell,
            lists=lists,
        )
        known = tuned.measured
        line = f"{site}: {tuned.kind}, because {tuned.why}"
        if known is not None:
            line += f"; it finds {known.recall:.4f} of the {known.k} nearest ({known.settings})"
            low |= known.recall < options.recall
        print(line)
    return FIRED if low else DONE
