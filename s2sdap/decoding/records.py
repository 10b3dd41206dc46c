"""What a step leaves behind: hypotheses, candidates, snapshots and records. All immutable.

Nothing is copied from step to step: a hypothesis points at its parent, a snapshot at the model's
state and the live hypotheses, a record at the snapshots before and after it. So the memory of a
decode grows with its length and not with the square of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.edits import Edit
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError


class Fate(IntEnum):
    """What became of a candidate."""

    SURVIVED = 0
    FINISHED = 1
    PRUNED = 2


class Reason(IntEnum):
    """Why a candidate met its fate. `NONE`: its rank earned its place."""

    NONE = 0
    RANK = 1
    """others scored higher"""
    CONSTRAINT = 2
    """a setting forbade the token (a repeated n-gram, top-k, top-p)"""
    LENGTH = 3
    """the end symbol before `min_length`, or the last token that `max_length` allows"""
    DRAW = 4
    """sampling drew another token"""
    ENDED = 5
    """search ended: no live hypothesis could still win"""
    FORCED = 6
    """a person's choice or the forced prefix decided"""


@dataclass(frozen=True, slots=True, eq=False)
class Hypothesis:
    """A prefix of target tokens: the last token and the hypothesis that it continues.

    `id` is the identity that a person follows: the best child inherits it. `row` is the parent's
    row in the batch of step `step`, `candidate` the index into that step's candidates, `score` the
    sum of log-probs in nats, `final` the score after penalties as if it ended here; `forced` says
    that a person chose one of its tokens. The root has step -1 and the begin symbol.
    """

    id: int
    step: int
    token: int
    parent: "Hypothesis | None"
    row: int
    candidate: int
    logprob: float
    score: float
    final: float
    finished: bool
    forced: bool
    coverage: Float[Tensor, "S"] | None
    sentence: int = 0
    """Its sentence, where a batch of several is decoded at once."""
    attended: Float[Tensor, "K S"] | None = None
    """The attention of its step on each source token, for all rows of that step; see `row`."""

    def path(self) -> "list[Hypothesis]":
        """This hypothesis and those it continues, newest first, without the root."""
        nodes: list[Hypothesis] = []
        node: Hypothesis = self
        while node.parent is not None:
            nodes.append(node)
            node = node.parent
        return nodes

    @property
    def tokens(self) -> tuple[int, ...]:
        """The target tokens, oldest first, the end symbol included."""
        return tuple([node.token for node in self.path()[::-1]])

    @property
    def length(self) -> int:
        """How many target tokens, the end symbol included."""
        return self.step + 1


def root(token: int, identity: int, *, row: int = 0, sentence: int = 0) -> Hypothesis:
    """The hypothesis before any token was predicted."""
    return Hypothesis(
        id=identity,
        step=-1,
        token=token,
        parent=None,
        row=row,
        candidate=-1,
        logprob=0.0,
        score=0.0,
        final=0.0,
        finished=False,
        forced=False,
        coverage=None,
        sentence=sentence,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Every continuation that search looked at in one step, in its order of preference.

    Parallel arrays of length C. `parent` is a row of the step's batch; `score` the cumulative
    log-prob; `final = score / length_term + coverage_term`; `child` the id of the hypothesis that
    it became, -1 where it was pruned.
    """

    parent: NDArray[np.int32]
    token: NDArray[np.int64]
    logprob: NDArray[np.float64]
    score: NDArray[np.float64]
    length_term: float
    coverage_term: NDArray[np.float64]
    final: NDArray[np.float64]
    fate: NDArray[np.int8]
    reason: NDArray[np.int8]
    child: NDArray[np.int32]
    processed: tuple[tuple[str, NDArray[np.float64]], ...] = ()
    """What each processor made of the candidates' scores, in the order in which they ran: the name,
    and C numbers; the first is what the model gave, before any."""

    def __len__(self) -> int:
        return len(self.token)


@runtime_checkable
class Telling(Protocol):
    """Candidates that are told when somebody looks at them."""

    def __call__(self) -> Candidates:
        """All of them. May run the step again, where their scores were let go."""
        ...

    def decided(self) -> Candidates:
        """Those that search itself looked at, without runners-up; always at hand."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All that is needed to run a step: the state before it, with one row a live hypothesis.

    `live` and `finished` are in search's order of preference; `ended` says that search is over.
    `settings` are those in force where a person changed some, `None` while they are the plan's own.
    """

    step: int
    live: tuple[Hypothesis, ...]
    finished: tuple[Hypothesis, ...]
    state: Any
    next_id: int
    ended: bool
    settings: Any = None


@dataclass(frozen=True, slots=True, eq=False)
class EncoderRecord:
    """What reading the source computed: the encoder's sites and the snapshot before step 0.

    `others` are the further sentences, each with its sites, where a batch is decoded at once.
    """

    source: Source
    encoded: Any
    sites: Mapping[str, Tensor]
    after: Snapshot
    edits: tuple[Edit, ...]
    others: tuple[tuple[Source, Mapping[str, Tensor]], ...] = field(default=())

    def of(self, sentence: int) -> tuple[Source, Mapping[str, Tensor]]:
        """The source and the sites of one sentence of the batch."""
        return (self.source, self.sites) if sentence == 0 else self.others[sentence - 1]

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors that it holds."""
        held = (self.sites, *(sites for _, sites in self.others))
        return sum(tensor.nbytes for sites in held for tensor in sites.values())


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class StepRecord:
    """What one step computed, for all of its hypotheses: sites with a leading K, and the search.

    Row k of every site belongs to `before.live[k]`. `search` are the candidates, or what tells them
    when they are looked at.
    """

    step: int
    before: Snapshot
    sites: Mapping[str, Tensor]
    search: Candidates | Telling
    after: Snapshot
    edits: tuple[Edit, ...]
    failed: bool = False
    """Whether its log-probs were no numbers, so that nothing could be chosen and search was not run."""

    @property
    def candidates(self) -> Candidates:
        """What search looked at, with fates and reasons."""
        return self.search if isinstance(self.search, Candidates) else self.search()

    @property
    def decided(self) -> Candidates:
        """The candidates that are at hand at once; `candidates` may hold more runners-up."""
        return self.search if isinstance(self.search, Candidates) else self.search.decided()

    @property
    def nbytes(self) -> int:
        """Bytes of the tensors that it holds; those it would compute again do not count."""
        held = getattr(self.sites, "held", self.sites)
        return sum(tensor.nbytes for tensor in held.values())


class NotFinite(S2sdapError):  # noqa: N818 - it says what the numbers are
    """A step whose log-probs are no numbers. `record` holds what it computed, without a search."""

    def __init__(self, record: StepRecord) -> None:
        super().__init__("model_failed", where=f"step {record.step}", reason="its logits are no numbers")
        self.record = record


def without_search(before: Snapshot, values: Mapping[str, Tensor], edits: tuple[Edit, ...]) -> StepRecord:
    """The record of a step that could choose nothing: its sentence ends here as it was."""
    after = Snapshot(
        step=before.step + 1,
        live=before.live,
        finished=before.finished,
        state=None,
        next_id=before.next_id,
        ended=True,
    )
    return StepRecord(before.step, before, values, NO_CANDIDATES, after, edits, failed=True)


NO_CANDIDATES = Candidates(
    parent=np.zeros(0, np.int32),
    token=np.zeros(0, np.int64),
    logprob=np.zeros(0),
    score=np.zeros(0),
    length_term=1.0,
    coverage_term=np.zeros(0),
    final=np.zeros(0),
    fate=np.zeros(0, np.int8),
    reason=np.zeros(0, np.int8),
    child=np.zeros(0, np.int32),
)
