"""How far training states are from their own nearest: what a state on show is held against.

A sample of the states of an index, each with the distance of its nearest state of another sentence.
Measured once for an index, a site, a metric and a kind of search, and kept beside the index.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from s2sdap.neighbors.states import StateSite


@dataclass(frozen=True, slots=True, eq=False)
class ReferenceDistances:
    """The nearest distances of a sample of training states, in rising order.

    Attributes:
        site: which states.
        metric: of the distances.
        kind: of the search that found them.
        rows: how many states the index had.
        seed: what the sample was drawn with.
        distances: one a state of the sample that has any state of another sentence beside it.
    """

    site: StateSite
    metric: str
    kind: str
    rows: int
    seed: int
    distances: Float[np.ndarray, "M"]

    def percentile(self, distance: float) -> float | None:
        """How many of a hundred training states have their nearest less far; of equally far ones half count.

        `None` where the sample is empty.
        """
        if not len(self.distances):
            return None
        below = np.searchsorted(self.distances, distance, side="left")
        up_to = np.searchsorted(self.distances, distance, side="right")
        return float(50.0 * (below + up_to) / len(self.distances))
