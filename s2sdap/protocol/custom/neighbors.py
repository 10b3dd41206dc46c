"""The training states that are nearest to a state on show, and what they say together."""

from typing import Final

from s2sdap.protocol.arguments import Arguments as _Camel

NEIGHBORS = "s2s/neighbors"
NEAREST_TOKENS = "s2s/nearestTokens"


class NeighborsArguments(_Camel):
    """`s2s/neighbors` of the tensor on show at a place, edits included.

    `site` is written as an index has it (`decoder.state`, `encoder.layers`, `encoder.layers.0`), with its
    `layer` in it or beside it; by default it is that of the frame's stage. `position` is that of a source
    token, by default the most attended. The frame is that of `frameId`, or of a thread, or of a `sentence`,
    `branch`, `step` and `hypothesis`; what is left out is as at the cursor. `token` (a piece, `"#12"` or an
    id), `right`, `sentences` (first and last) and `others` say which states count; `others` leaves out
    training sentences that read as this one. `start` and `count` page through the `k` nearest.
    """

    site: str | None = None
    layer: int | None = None
    position: int | None = None
    frame_id: int | None = None
    thread_id: int | None = None
    sentence: int | None = None
    branch: int | None = None
    step: int | None = None
    hypothesis: int | None = None
    k: int = 20
    metric: str | None = None
    kind: str | None = None
    token: str | int | None = None
    right: bool | None = None
    sentences: list[int] | None = None
    others: bool = False
    start: int = 0
    count: int = 0


class PieceBody(_Camel):
    """A token: how it is written, and its id."""

    piece: str
    id: int


class NeighborBody(_Camel):
    """A training state: the token it belongs to, the sentence that it is of, and how far it is.

    `number` counts from 0, the nearest; `row` and `sentence` are the index's own. `before` and `after` are
    the pieces beside the token. `side` says whether `position` counts source tokens or steps; the token
    stands from column `start` to `end` of that text, in UTF-16 units, which are absent where it stands
    nowhere in it. `predicted` is what the model found likeliest there, `right` whether that was the
    corpus's token. `line` of the corpus's `file` begins at 0. `distance` is unrounded.
    """

    number: int
    row: int
    sentence: int
    position: int
    distance: float
    side: str
    token: PieceBody
    source: str
    target: str | None = None
    before: str | None = None
    after: str | None = None
    start: int | None = None
    end: int | None = None
    predicted: PieceBody | None = None
    right: bool | None = None
    file: str | None = None
    line: int | None = None


class NeighborTokenBody(_Camel):
    """A token that neighbours have: how many, and the probability that they give it.

    The probability weighs each by its distance, as in nearest-neighbour machine translation. `model` is
    what the model itself gives it at this step, for sites of the target.
    """

    piece: str
    id: int
    count: int
    p: float
    model: float | None = None


class NeighborsSummaryBody(_Camel):
    """What the neighbours say together.

    `purity` is the share of the token that most of them have, `agreement` that of the token on show, `right`
    how many the model itself predicted right, `temperature` what squared distances were divided by.
    `percentile` (0..100) is how many of a hundred training states have their nearest less far: 100 is
    farther than any. It is measured on a sample without the sentence's own states.
    """

    found: int
    temperature: float
    tokens: list[NeighborTokenBody]
    purity: float | None = None
    agreement: float | None = None
    right: int | None = None
    nearest: float | None = None
    percentile: float | None = None


class NeighborsBody(_Camel):
    """Answer to `s2s/neighbors`.

    `text` says it in a line. `states` is how many vectors of the site the index has, `total` how many of `k`
    were found. `kind` is the search, `why` it was taken, and `how` it looked; `recall` its measured share of
    the true nearest, absent where that is certain (`exact`). Distances are in the `metric`.
    """

    site: str
    position: int | None
    sentence: int
    branch: int
    step: int
    hypothesis: int
    text: str
    index: str
    states: int
    metric: str
    kind: str
    why: str
    how: str
    exact: bool
    total: int
    neighbors: list[NeighborBody]
    summary: NeighborsSummaryBody
    recall: float | None = None


class NearestTokensArguments(_Camel):
    """`s2s/nearestTokens`: the tokens that the model takes for alike, by embedding. It needs no index.

    `side` is source or target. Of a `word` as a text has it (one that the vocabulary lacks is looked
    for by its letters), or of a `token` by its id, or of the source token at `position`; with none of them of
    the token on show: the most attended of the source, the chosen one of the target.
    """

    side: str = "source"
    word: str | None = None
    token: int | None = None
    position: int | None = None
    k: int = 10
    metric: str = "cosine"
    frame_id: int | None = None
    thread_id: int | None = None


class NearTokenBody(_Camel):
    """A token near to a word: `text` is how it is written in one, without the mark of a word's beginning.

    `similarity` is the cosine of the embeddings, -1..1, or by characters the share of common pairs, 0..1.
    """

    piece: str
    id: int
    text: str
    similarity: float
    distance: float


class NearestTokensBody(_Camel):
    """Answer to `s2s/nearestTokens`.

    `means` says how they were found: by the embedding of one `token`, by the mean of several `pieces`, or by
    `characters`. `pieces` are the tokens whose embeddings were used, `unknown` the parts of the word that the
    vocabulary lacks.
    """

    word: str
    side: str
    means: str
    metric: str
    pieces: list[PieceBody]
    unknown: list[str]
    near: list[NearTokenBody]


_MESSAGES: Final = (
    (NEIGHBORS, NeighborsArguments, NeighborsBody),
    (NEAREST_TOKENS, NearestTokensArguments, NearestTokensBody),
)
_PARTS: Final = (NeighborBody, PieceBody, NeighborsSummaryBody, NeighborTokenBody, NearTokenBody)
