"""The search as a tree, packed: thousands of candidates are a few arrays."""

from typing import Annotated, Final

from msgspec import Meta

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arrays import ArrayBody

TREE = "s2s/tree"


class TreeArguments(_Camel):
    """`s2s/tree`: the search of steps `start` to `start + count` of the branch at the cursor; 0 is all."""

    start: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=0)] = 0


class TreeStepBody(_Camel):
    """The candidates of a step, in search's order of preference.

    `ids` [C, 5] are of each the hypothesis that it continues, the token, the fate (0 survived, 1 finished,
    2 pruned), the reason (an index into `reasons`) and the hypothesis that it became, -1 for none. `numbers`
    [C, 4] are log-prob, score, coverage term and final score, in nats. `live` are the hypotheses that the
    step began with.
    """

    step: int
    live: list[int]
    ids: ArrayBody
    numbers: ArrayBody
    length_term: float


class TreeBody(_Camel):
    """Answer to `s2s/tree`: steps up to the cursor, of `total`; `pieces` writes the tokens, by id.

    `hypothesis` is the one at the cursor, `alive` are those that live there.
    """

    sentence: int
    branch: int
    step: int
    hypothesis: int
    alive: list[int]
    steps: list[TreeStepBody]
    total: int
    pieces: dict[str, str]
    reasons: list[str]


_MESSAGES: Final = ((TREE, TreeArguments, TreeBody),)
_PARTS: Final = (TreeStepBody,)
