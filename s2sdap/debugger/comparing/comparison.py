"""Two runs side by side: where they first part, and step by step how far apart they are.

Up to the first divergence both have the same prefix, so that every difference there is one of the
model or its settings. After it, steps are paired by an alignment of the tokens. What one side lacks,
or what cannot be held against each other, is absent, and `absent` says why.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Final

from s2sdap.debugger import measures
from s2sdap.debugger.comparing import distances
from s2sdap.debugger.comparing.alignment import Pair, aligned, common_prefix
from s2sdap.debugger.comparing.runs import Run, Work
from s2sdap.debugger.frames import attention_of
from s2sdap.models.contract import Described
from s2sdap.models.tokens import added_words, counterpart
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Rival:
    """The other side's token in this side's distribution."""

    token: int
    piece: str
    logprob: float
    rank: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One step of one side: its token and the distribution that it was chosen from, in numbers."""

    step: int
    token: int
    piece: str
    logprob: float
    rank: int
    entropy: float
    margin: float
    rival: Rival | None


@dataclass(frozen=True, slots=True)
class Row:
    """A step of each side that go together. A distance is `None` where it cannot be told.

    `attention_*` are over the source, averaged over layers and heads: total variation (0..1) and
    Jensen-Shannon (nats); `state_*` those of the decoder state; `kl` is the symmetric divergence of the
    distributions over target tokens (infinite where settings rule out what the other side allows) and
    `js` their Jensen-Shannon divergence.
    """

    left: Cell | None
    right: Cell | None
    same: bool
    attention_tv: float | None = None
    attention_js: float | None = None
    state_l2: float | None = None
    state_cosine: float | None = None
    kl: float | None = None
    js: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Two runs, aligned. `divergence` is the first step at which they part, `None` where they never do.

    `pairs` are all rows; `absent` names the distances that no row has, each with why.
    """

    left: Run
    right: Run
    same_vocabulary: bool
    pairs: tuple[Pair, ...]
    divergence: int | None
    absent: Mapping[str, str]

    def row(self, pair: Pair) -> Row:
        """The numbers of a pair of steps."""
        i, j = pair
        left = None if i is None else self._cell(self.left, i, self.right, j)
        right = None if j is None else self._cell(self.right, j, self.left, i)
        if i is None or j is None:
            return Row(left, right, same=False)
        same = self._key(self.left, i) == self._key(self.right, j)
        tv, js_attention = self._attention(i, j)
        l2, cosine = self._state(i, j)
        kl, js = self._distribution(i, j)
        return Row(left, right, same, tv, js_attention, l2, cosine, kl, js)

    def rows(self, start: int = 0, count: int | None = None) -> Work[tuple[Row, ...]]:
        """A page of rows; yields after each, since a step may have to run again for its distribution."""
        end = len(self.pairs) if count is None else start + count
        out: list[Row] = []
        for pair in self.pairs[start:end]:
            out.append(self.row(pair))
            yield len(out)
        return tuple(out)

    @property
    def parting(self) -> Row | None:
        """The row at the first divergence: both sides have the same prefix, and choose different tokens.

        A side that has ended there has nothing in it.
        """
        if self.divergence is None:
            return None
        here = [
            self.divergence if self.divergence < len(run.nodes) else None for run in (self.left, self.right)
        ]
        return self.row((here[0], here[1]))

    def _key(self, run: Run, step: int) -> Hashable:
        return _key(run, step, same_vocabulary=self.same_vocabulary)

    def _cell(self, run: Run, step: int, other: Run, other_step: int | None) -> Cell:
        node, target = run.nodes[step], run.model.target
        row = run.logprobs(step)
        rival = None
        if other_step is not None and self._key(run, step) != self._key(other, other_step):
            token = counterpart(other.model.target, target, other.nodes[other_step].token)
            if token is not None and token < row.shape[-1]:
                rival = Rival(token, target.piece(token), float(row[token]), measures.rank(row, token))
        return Cell(
            step=step,
            token=node.token,
            piece=target.piece(node.token),
            logprob=node.logprob,
            rank=measures.rank(row, node.token),
            entropy=measures.entropy(row),
            margin=measures.margin(row),
            rival=rival,
        )

    def _attention(self, i: int, j: int) -> tuple[float | None, float | None]:
        if ATTENTION in self.absent:
            return None, None
        left, right = self.left.site(i, sites.ATTENTION_WEIGHTS), self.right.site(j, sites.ATTENTION_WEIGHTS)
        if left is None or right is None or left.shape[-1] != right.shape[-1]:
            return None, None
        a, b = attention_of(left, None, None).cpu(), attention_of(right, None, None).cpu()
        return distances.total_variation(a, b), distances.jensen_shannon(a, b)

    def _state(self, i: int, j: int) -> tuple[float | None, float | None]:
        if STATE in self.absent:
            return None, None
        left, right = self.left.site(i, sites.DECODER_STATE), self.right.site(j, sites.DECODER_STATE)
        if left is None or right is None:
            return None, None
        a, b = left.cpu(), right.cpu()
        return distances.euclidean(a, b), distances.cosine(a, b)

    def _distribution(self, i: int, j: int) -> tuple[float | None, float | None]:
        if DISTRIBUTION in self.absent:
            return None, None
        p, q = self.left.logprobs(i).cpu(), self.right.logprobs(j).cpu()
        return distances.symmetric_kl(p, q), distances.jensen_shannon(p.double().exp(), q.double().exp())


_PIECES: Final = 1000
ATTENTION = "attention"
STATE = "state"
DISTRIBUTION = "distribution"


def compare(left: Run, right: Run) -> Work[Comparison]:
    """Align two runs. The numbers of a row are computed when it is asked for."""
    same = yield from same_vocabulary(left.model, right.model)
    keys = [
        [_key(run, step, same_vocabulary=same) for step in range(len(run.nodes))] for run in (left, right)
    ]
    parted = common_prefix(*keys)
    whole = parted == len(keys[0]) == len(keys[1])
    return Comparison(
        left, right, same, aligned(*keys), None if whole else parted, _absent(left, right, same=same)
    )


def same_vocabulary(left: Described, right: Described) -> Work[bool]:
    """Whether a token id means the same piece to both models; yields now and then, as there may be many."""
    if left is right or left.fingerprint == right.fingerprint:
        return added_words(left.target) == added_words(right.target)
    one, other = left.target, right.target
    if (len(one), one.eos) != (len(other), other.eos):
        return False
    for start in range(0, len(one), _PIECES):
        some = range(start, min(start + _PIECES, len(one)))
        if any(one.piece(token) != other.piece(token) for token in some):
            return False
        yield start
    return True


def _key(run: Run, step: int, *, same_vocabulary: bool) -> Hashable:
    """What tokens are held against each other by: their ids, or how they are written."""
    token, target = run.nodes[step].token, run.model.target
    if same_vocabulary:
        return token
    return None if token == target.eos else target.piece(token)


def _absent(left: Run, right: Run, *, same: bool) -> dict[str, str]:
    """The distances that no row has, each with why."""
    out: dict[str, str] = {}
    for name, site in ((ATTENTION, sites.ATTENTION_WEIGHTS), (STATE, sites.DECODER_STATE)):
        for side, run in (("left", left), ("right", right)):
            if run.site(0, site) is None:
                why = dict(run.model.layout.missing).get(site)
                out.setdefault(name, f"the {side} has no {site}" + (f": {why}" if why else ""))
    sources = len(left.source.tokens), len(right.source.tokens)
    if sources[0] != sources[1]:
        out.setdefault(ATTENTION, f"the sources have {sources[0]} and {sources[1]} tokens")
    if (Stage.ENCODER in left.model.layout.stages) != (Stage.ENCODER in right.model.layout.stages):
        out.setdefault(ATTENTION, "only one of them attends to its own output as well")
    if STATE not in out:
        sizes = [_size(run) for run in (left, right)]
        if sizes[0] != sizes[1]:
            out[STATE] = f"the states have {sizes[0]} and {sizes[1]} numbers"
    if not same:
        out[DISTRIBUTION] = "the vocabularies differ"
    return out


def _size(run: Run) -> int:
    state = run.site(0, sites.DECODER_STATE)
    return 0 if state is None else math.prod(state.shape)
