"""What a stop shows in one message: a step, the attention of a hypothesis, the search."""

from typing import Final

from s2sdap.protocol.arguments import Arguments as _Camel

STEP = "s2s/step"
ATTENTION = "s2s/attention"
BEAM = "s2s/beam"


class StepArguments(_Camel):
    """`s2s/step`: one step as seen from a frame, or from a hypothesis' top frame."""

    frame_id: int | None = None
    thread_id: int | None = None
    top: int = 10


class SourceTokenBody(_Camel):
    """A source token; `seen` is what the model reads in its place, `known` whether they agree."""

    piece: str
    id: int
    seen: str
    known: bool
    start: int | None = None
    end: int | None = None


class TokenBody(_Camel):
    """A target token with its probability under the settings."""

    piece: str
    id: int
    p: float
    logp: float


class ProcessorBody(_Camel):
    """A candidate's score after a logits processor, first `model`: before any. `None` is ruled out."""

    name: str
    score: float | None = None


class CandidateBody(_Camel):
    """A continuation that search looked at.

    `parent` is the id of the hypothesis it continues, `child` of the one it became. `fate` is
    survived, finished or pruned; `reason` none, rank, constraint, length, draw, ended or forced.
    `final` is `score / lengthTerm + coverageTerm`.
    """

    parent: int
    piece: str
    id: int
    logp: float
    score: float
    length_term: float
    coverage_term: float
    final: float
    fate: str
    reason: str
    child: int | None = None
    processors: list[ProcessorBody] | None = None


class StepBody(_Camel):
    """Answer to `s2s/step`. Fields of a stage that has not come yet, or does not exist, are absent."""

    sentence: int
    line: int
    branch: int
    step: int
    stage: str
    hypothesis: int
    score: float
    source: list[SourceTokenBody]
    target: list[TokenBody]
    output: str
    token: TokenBody | None = None
    rank: int | None = None
    entropy: float | None = None
    margin: float | None = None
    top: list[TokenBody] | None = None
    attention: list[float] | None = None
    focus: int | None = None
    candidates: list[CandidateBody] | None = None
    edits: list[str] | None = None


class AttentionArguments(_Camel):
    """`s2s/attention` of a hypothesis; without layer and head, their average."""

    frame_id: int | None = None
    thread_id: int | None = None
    layer: int | None = None
    head: int | None = None


class AttentionBody(_Camel):
    """Answer to `s2s/attention`: `weights` [T, S] and the pieces of both sides."""

    weights: list[list[float]]
    source: list[str]
    target: list[str]
    layers: int
    heads: int


class BeamArguments(_Camel):
    """`s2s/beam`: the search of steps `start` to `start + count`; 0 is all up to the cap."""

    start: int = 0
    count: int = 0


class LiveBody(_Camel):
    """A hypothesis that a step began with."""

    id: int
    score: float
    output: str


class BeamStepBody(_Camel):
    """The search of one step."""

    step: int
    hypotheses: list[LiveBody]
    candidates: list[CandidateBody]


class BeamBody(_Camel):
    """Answer to `s2s/beam`; `total` counts the steps there are."""

    steps: list[BeamStepBody]
    total: int


_MESSAGES: Final = (
    (STEP, StepArguments, StepBody),
    (ATTENTION, AttentionArguments, AttentionBody),
    (BEAM, BeamArguments, BeamBody),
)
_PARTS: Final = (SourceTokenBody, TokenBody, CandidateBody, BeamStepBody, LiveBody)
