"""What either kind of search decides in a step, and the pieces that both are made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.records import Candidates, Fate, Hypothesis, Reason, Snapshot

Entry = tuple[int, int, float, Fate, Reason]
"""A candidate: the index of its parent among the live, its token, log-prob, fate and why."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What a search stage decided, for either kind of search.

    `ids` are the tokens of the rows of the next step, `order` the rows of this step that they
    continue, `None` where each continues itself.
    """

    candidates: Candidates
    live: tuple[Hypothesis, ...]
    finished: tuple[Hypothesis, ...]
    next_id: int
    ended: bool
    search: Any
    ids: Tensor
    order: Tensor | None


def root(token: int, identity: int, *, sentence: int) -> Hypothesis:
    """The hypothesis before any token was predicted."""
    return Hypothesis(
        id=identity,
        step=-1,
        token=token,
        parent=None,
        row=0,
        candidate=-1,
        logprob=0.0,
        score=0.0,
        final=0.0,
        finished=False,
        forced=False,
        coverage=None,
        sentence=sentence,
    )


def eos_tokens(prepared: Prepared) -> frozenset[int]:
    """The tokens that end a sentence."""
    eos = prepared.config._eos_token_tensor
    return frozenset() if eos is None else frozenset(eos.flatten().tolist())


def listed(
    before: Snapshot,
    entries: Sequence[Entry],
    children: Sequence[int],
    processed: Processed,
    where: Sequence[tuple[int, int]],
    length_term: float,
) -> Candidates:
    """Candidates as arrays. `entries` are (index of the parent, token, log-prob, fate, reason)."""
    logprobs = np.array([logprob for _, _, logprob, _, _ in entries], np.float64)
    scores = np.array([before.live[index].score for index, *_ in entries], np.float64) + logprobs
    return Candidates(
        parent=np.array([index for index, *_ in entries], np.int32),
        token=np.array([token for _, token, *_ in entries], np.int64),
        logprob=logprobs,
        score=scores,
        length_term=length_term,
        coverage_term=np.zeros(len(entries), np.float64),
        final=scores / length_term,
        fate=np.array([fate for *_, fate, _ in entries], np.int8),
        reason=np.array([reason for *_, reason in entries], np.int8),
        child=np.array(children, np.int32),
        processed=processed.of([row for row, _ in where], [token for _, token in where]),
    )
