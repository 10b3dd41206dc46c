"""States drawn in the plane: the trajectory of a decode, or of two, among their nearest training states."""

from typing import Final

import msgspec

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.custom.comparing import SideArguments

PROJECTION = "s2s/projection"
PROJECTED_EVENT = "s2s/projected"


class ProjectionArguments(_Camel):
    """`s2s/projection`: the states of the hypothesis at the cursor, up to it, and the `k` nearest of each.

    `method` is pca, mds or tsne; `sites` are written as an index has them, by default that of the cursor's
    stage, a picture each; `space` is l2 or cosine. `left` takes another decode in place of the cursor's, and
    `right` draws a second one beside it. Without an index there are no neighbours. With the `id` of an
    earlier answer that picture is drawn on: of the cursor as it stands now, and the old points stay; all else
    is as it was asked for the first time. t-SNE is refined in the background (event `s2s/projected`), or with
    `wait` before the answer.
    """

    method: str = "pca"
    sites: list[str] = msgspec.field(default_factory=list)
    seed: int = 0
    k: int = 20
    space: str = "l2"
    left: SideArguments | None = None
    right: SideArguments | None = None
    id: int | None = None
    wait: bool = False


class PointBody(_Camel):
    """A point: a state of a decode (`side` left or right), or a training state near to one (neighbor).

    `position` is a source position or a step, `piece` the token there. Of a training state `near` is the
    position of the state that it is nearest to, at `distance`; `row` and `sentence` are the index's.
    """

    side: str
    x: float
    y: float
    position: int
    piece: str
    row: int | None = None
    sentence: int | None = None
    near: int | None = None
    distance: float | None = None


class PictureBody(_Camel):
    """The picture of a site: its points, trajectories in order, and how far it can be believed.

    `neighbors` is how many of each state were looked for, which is less than was asked for where there are
    many states. `trustworthiness` over the `k` nearest is 1 where whatever looks near is near; `explained`
    the share of the variance along each axis; `divergence` what t-SNE makes small, in nats. `moved` and
    `movedMost` say how far, on average and at most, the points went that the last picture had too, as a
    share of its spread; `refitted` that it was made anew. `leftOut` counts points that are not drawn.
    `method` is pca where there are too few points for another; `steps` are those of refinement.
    """

    site: str
    method: str
    points: list[PointBody]
    k: int
    neighbors: int
    refitted: bool
    left_out: int
    steps: int
    done: bool
    trustworthiness: float | None = None
    explained: list[float] | None = None
    divergence: float | None = None
    moved: float | None = None
    moved_most: float | None = None


class ProjectionBody(_Camel):
    """Answer to `s2s/projection`, and the event `s2s/projected`: the pictures, and whether they are done."""

    id: int
    seed: int
    space: str
    done: bool
    pictures: list[PictureBody]


_MESSAGES: Final = (
    (PROJECTION, ProjectionArguments, ProjectionBody),
    (PROJECTED_EVENT, None, ProjectionBody),
)
_PARTS: Final = (PictureBody, PointBody)
