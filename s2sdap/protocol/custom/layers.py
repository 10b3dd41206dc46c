"""The vectors of every layer, the gates and weights behind them, and one step in its parts."""

from typing import Annotated, Final

from msgspec import Meta

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arrays import ArrayBody

VECTORS = "s2s/vectors"
WALK = "s2s/walk"
WEIGHTS = "s2s/weights"


class VectorsArguments(_Camel):
    """`s2s/vectors` of a `site` up to a frame, by default the decoder's state.

    Without a `layer` those of all layers; `head` is by default the first. `start` and `count` page through
    source tokens or steps, by default the last ones.
    """

    frame_id: int | None = None
    thread_id: int | None = None
    site: str | None = None
    layer: int | None = None
    head: int | None = None
    start: Annotated[int, Meta(ge=0)] | None = None
    count: Annotated[int, Meta(ge=0)] = 0


class ShownSiteBody(_Camel):
    """A site that can be shown as vectors of `size` features; 0 layers or heads: it has no such axis."""

    name: str
    meaning: str
    layers: int
    heads: int
    size: int


class SummaryBody(_Camel):
    """What numbers look like together: `counts` are of bins of equal width from the `least` to the `most`.

    `saturated` is the share at 0.95 or beyond of numbers that lie in -1..1, of gates the share that is
    nearly shut or nearly open. `odd` counts NaNs and infinities, `zero` is the share of exact zeros.
    """

    least: float
    most: float
    mean: float
    deviation: float
    counts: list[int]
    odd: int
    zero: float
    saturated: float | None = None


class VectorsBody(_Camel):
    """Answer to `s2s/vectors`.

    `vectors` [N, L, D] are of the rows from `start`, of `total`; `pieces` writes the rows: source tokens, or
    the tokens that steps chose (empty where none was). `sites` are those that could be shown. Where a vector
    has a number for every target token, `tokens` writes those.
    """

    site: str
    sites: list[ShownSiteBody]
    rows: str
    start: int
    total: int
    pieces: list[str]
    vectors: ArrayBody
    summaries: list[SummaryBody]
    tokens: list[str]


class WalkArguments(_Camel):
    """`s2s/walk`: the step of a frame."""

    frame_id: int | None = None
    thread_id: int | None = None


class VectorBody(_Camel):
    """A vector by its name, with what its numbers look like."""

    name: str
    vector: ArrayBody
    summary: SummaryBody


class WalkPartBody(_Camel):
    """A part of a step: `in`, `state`, `scores`, `weights`, `context`, `together` or `features`."""

    part: str
    vectors: list[VectorBody]


class LayerGatesBody(_Camel):
    """The gates of a decoder layer at this step."""

    layer: int
    gates: list[VectorBody]


class WalkBody(_Camel):
    """Answer to `s2s/walk`: the parts of the step that have come, and a recurrent decoder's gates.

    `at` is the part at which the cursor stands, where it goes through a stage part by part; `word` at the
    end of them.
    """

    step: int
    token: str
    parts: list[WalkPartBody]
    gates: list[LayerGatesBody]
    at: str | None = None


class WeightsArguments(_Camel):
    """`s2s/weights`: a page of the model's weight tensors."""

    start: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=1, le=64)] = 16


class WeightBody(_Camel):
    """A weight tensor: what it is called, its shape, and what its numbers look like."""

    name: str
    shape: list[int]
    dtype: str
    count: int
    summary: SummaryBody


class WeightsBody(_Camel):
    """Answer to `s2s/weights`; `parameters` counts all numbers of the model."""

    weights: list[WeightBody]
    total: int
    parameters: int


_MESSAGES: Final = (
    (VECTORS, VectorsArguments, VectorsBody),
    (WALK, WalkArguments, WalkBody),
    (WEIGHTS, WeightsArguments, WeightsBody),
)
_PARTS: Final = (ShownSiteBody, SummaryBody, VectorBody, WalkPartBody, LayerGatesBody, WeightBody)
