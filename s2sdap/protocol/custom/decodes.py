"""A whole decode in one message, sized for the view of it, and the sentences of the program."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arguments import Nothing
from s2sdap.protocol.arrays import ArrayBody
from s2sdap.protocol.custom.steps import SourceTokenBody, TokenBody

DECODE = "s2s/decode"
COLUMNS = "s2s/columns"
SENTENCES = "s2s/sentences"
MODELS = "s2s/models"

Top = Annotated[int, Meta(ge=1, le=50)]


class DecodeArguments(_Camel):
    """`s2s/decode`: a hypothesis up to a frame, from step `start` on, by default the last `count` steps.

    `layer` and `head` name an attention map; those left out are folded by `fold`: their mean, their
    largest weight, or rolled up through the layers. `top` is how many of the likeliest tokens a step has.
    """

    frame_id: int | None = None
    thread_id: int | None = None
    start: Annotated[int, Meta(ge=0)] | None = None
    count: Annotated[int, Meta(ge=0)] = 0
    layer: int | None = None
    head: int | None = None
    fold: Literal["mean", "max", "rollup"] = "mean"
    top: Top = 5


class ColumnBody(_Camel):
    """How sure the model was at a step: the likeliest tokens, entropy and margin; rank of the chosen one."""

    step: int
    top: list[TokenBody]
    entropy: float
    margin: float
    rank: int | None = None


class DecodedStepBody(_Camel):
    """A step of a decode.

    `token` is absent where none was chosen yet; `column` where it is not predicted yet, or would cost a
    forward pass (ask for `s2s/columns`). `edits` are those of that step, in words. `copied` is, of a
    model that copies, the probability of copying, 0 to 1; absent where it is not at hand.
    """

    step: int
    token: TokenBody | None = None
    forced: bool = False
    column: ColumnBody | None = None
    edits: list[str] | None = None
    copied: float | None = None


class DecodeBody(_Camel):
    """Answer to `s2s/decode`.

    `steps` begin at step `start` of `total`. `attention` [T, S] has a row for each of the first T of them,
    over `attended`: the source, and without an encoder the output so far. `hypotheses` are those that live
    at the cursor; `stages` those of the model, `edited` the encoder's edits.
    """

    sentence: int
    line: int
    text: str
    branch: int
    step: int
    stage: str
    stages: list[str]
    hypothesis: int
    hypotheses: list[int]
    score: float
    output: str
    attended: list[SourceTokenBody]
    start: int
    total: int
    steps: list[DecodedStepBody]
    layers: int
    heads: int
    attention: ArrayBody | None = None
    reference: str | None = None
    edited: list[str] | None = None


class ColumnsArguments(_Camel):
    """`s2s/columns`: those of steps `start` to `start + count`, run again where they must be."""

    frame_id: int | None = None
    thread_id: int | None = None
    start: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=1)] = 32
    top: Top = 5


class ColumnsBody(_Camel):
    """Answer to `s2s/columns`."""

    columns: list[ColumnBody]


class SentencesArguments(_Camel):
    """`s2s/sentences`: a page of the program."""

    start: Annotated[int, Meta(ge=0)] = 0
    count: Annotated[int, Meta(ge=0)] = 0


class SentenceBody(_Camel):
    """A sentence: its index, its line from 0, and its reference; once decoded its output, or its error."""

    sentence: int
    line: int
    text: str
    reference: str | None = None
    output: str | None = None
    error: str | None = None


class SentencesBody(_Camel):
    """Answer to `s2s/sentences`; `total` counts those of the program."""

    sentences: list[SentenceBody]
    total: int


class ModelsBody(_Camel):
    """Answer to `s2s/models`: the bundled models, and what other names of models may begin with."""

    bundled: list[str]
    default: str
    schemes: list[str]
    version: str


_MESSAGES: Final = (
    (DECODE, DecodeArguments, DecodeBody),
    (COLUMNS, ColumnsArguments, ColumnsBody),
    (SENTENCES, SentencesArguments, SentencesBody),
    (MODELS, Nothing, ModelsBody),
)
_PARTS: Final = (ArrayBody, DecodedStepBody, ColumnBody, SentenceBody)
