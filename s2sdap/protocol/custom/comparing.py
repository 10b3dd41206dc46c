"""Two decodes side by side, and where a reference went."""

from typing import Any, Final

import msgspec

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.custom.steps import LiveBody, TokenBody

COMPARE = "s2s/compare"
REFERENCE = "s2s/reference"


class SideArguments(_Camel):
    """What to compare; with nothing named, the best output of the branch at the cursor.

    `branch`, `sentence` and `hypothesis` (an id) name what the session has; a branch that has not come
    to its end is run on beside it. `model` (a name as in a launch, with `dtype`, `revision` and
    `trustRemoteCode`), `search` and `generation` decode the same source in another way; settings that
    are not named are the session's. `reference` forces the sentence's reference (true), or this text.
    """

    branch: int | None = None
    sentence: int | None = None
    hypothesis: int | None = None
    model: str | None = None
    dtype: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False
    search: dict[str, Any] = msgspec.field(default_factory=dict)
    generation: dict[str, Any] = msgspec.field(default_factory=dict)
    reference: bool | str = False


class CompareArguments(_Camel):
    """`s2s/compare`: two sides, and which of their rows; a `count` of 0 is all up to the cap."""

    left: SideArguments = msgspec.field(default_factory=SideArguments)
    right: SideArguments = msgspec.field(default_factory=SideArguments)
    start: int = 0
    count: int = 0


class RivalBody(_Camel):
    """The other side's token in this side's distribution. Without `logp` it is ruled out."""

    piece: str
    id: int
    p: float
    rank: int
    logp: float | None = None


class CellBody(_Camel):
    """A step of one side; `rival` where the other side chose another token."""

    step: int
    token: TokenBody
    rank: int
    entropy: float
    margin: float
    rival: RivalBody | None = None


class RowBody(_Camel):
    """A step of each side that go together; after the divergence one may stand alone.

    `attentionTv` (total variation, 0..1) and `attentionJs` (Jensen-Shannon, nats) are over the source,
    averaged over layers and heads; `stateL2` and `stateCosine` (1 less the cosine) of the decoder
    state; `kl` is symmetric, `js` Jensen-Shannon, both in nats, of the distributions over tokens. A
    distance that cannot be told is absent; `kl` also where one side rules out what the other allows.
    """

    same: bool
    left: CellBody | None = None
    right: CellBody | None = None
    attention_tv: float | None = None
    attention_js: float | None = None
    state_l2: float | None = None
    state_cosine: float | None = None
    kl: float | None = None
    js: float | None = None


class RunBody(_Camel):
    """One side: what it is called, what it read and wrote, and its scores in nats."""

    label: str
    model: str
    fingerprint: str
    source: str
    output: str
    tokens: int
    score: float
    final: float
    hypothesis: int
    branch: int | None = None


class CompareBody(_Camel):
    """Answer to `s2s/compare`.

    `divergence` is the first step at which the sides part, `parting` its row (there both have the same
    prefix). `total` counts all rows; `absent` says why no row has a distance: `attention`, `state` or
    `distribution`.
    """

    left: RunBody
    right: RunBody
    same: bool
    same_vocabulary: bool
    rows: list[RowBody]
    total: int
    absent: dict[str, str]
    divergence: int | None = None
    parting: RowBody | None = None


class ReferenceArguments(_Camel):
    """`s2s/reference`: of a branch or a sentence; `reference` is the text, by default the sentence's own."""

    branch: int | None = None
    sentence: int | None = None
    reference: str | None = None


class FallBody(_Camel):
    """The step at which a reference left the beam.

    `token` continues the hypothesis `parent`. `rank` counts the continuations of all live hypotheses
    that scored higher, `tokenRank` the tokens that were likelier after that prefix, `considered` the
    candidates that search looked at. Without a `fate` it was not among them. `survivor` has the place,
    `gap` nats above it.
    """

    step: int
    token: TokenBody
    parent: LiveBody
    score: float
    rank: int
    token_rank: int
    considered: int
    reason: str
    fate: str | None = None
    survivor: LiveBody | None = None
    gap: float | None = None


class ReferenceBody(_Camel):
    """Answer to `s2s/reference`.

    `outcome` is output, nBest, lost (finished, not returned), pruned, never (not looked at), cut (by
    the length limit) or open; `text` says it in a line. `tokens` are the reference's, teacher-forced,
    with their sum `score` and the score after penalties `final`, beside those of the output (absent
    where a library's settings end it before its last token; `tokens` then are those that there was room
    for). Of a finished one, `place` is its rank among `finished`, `behind` how far below the output it is.
    """

    outcome: str
    text: str
    reference: str
    tokens: list[TokenBody]
    unknown: list[str]
    score: float | None = None
    final: float | None = None
    output: str | None = None
    output_score: float | None = None
    output_final: float | None = None
    fall: FallBody | None = None
    place: int | None = None
    finished: int | None = None
    behind: float | None = None


_MESSAGES: Final = (
    (COMPARE, CompareArguments, CompareBody),
    (REFERENCE, ReferenceArguments, ReferenceBody),
)
_PARTS: Final = (SideArguments, RunBody, RowBody, CellBody, RivalBody, FallBody)
