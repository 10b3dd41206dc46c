"""What either kind of search decides in a step, and the pieces that both are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import POOL, Processed
from s2sdap.decoding.records import Candidates, Fate, Hypothesis, Reason, Snapshot


class Decided(NamedTuple):
    """A candidate: its parent's place among the live, its token, log-prob, fate, why, and its child's id."""

    parent: int
    token: int
    logprob: float
    fate: Fate
    reason: Reason
    child: int = -1


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """What a search stage decided, for either kind of search.

    `decided` are the candidates that it looked at, `others` the reason, for each live hypothesis, why
    its other continuations came to nothing, `length_term` what scores are divided by. `ids` are the
    tokens of the rows of the next step, `order` the rows of this step that they continue, `None` where
    each continues itself.
    """

    decided: "tuple[Decided, ...]"
    others: tuple[Reason, ...]
    length_term: float
    live: tuple[Hypothesis, ...]
    finished: tuple[Hypothesis, ...]
    next_id: int
    ended: bool
    search: Any
    ids: Tensor
    order: Tensor | None


def eos_tokens(prepared: Prepared) -> frozenset[int]:
    """The tokens that end a sentence."""
    eos = prepared.config._eos_token_tensor
    return frozenset() if eos is None else frozenset(eos.flatten().tolist())


class Told:
    """The candidates of a step, told when somebody looks. Fulfils `records.Telling`.

    `rows` holds the batch's row of each hypothesis in `before.live`; `processed` gives the scores that
    search went by, which may run the step again.
    """

    __slots__ = ("_all", "_before", "_chosen", "_processed", "_rows")

    def __init__(
        self, before: Snapshot, rows: Sequence[int], chosen: Chosen, processed: Callable[[], Processed]
    ) -> None:
        self._before = before
        self._rows = rows
        self._chosen = chosen
        self._processed = processed
        self._all: Candidates | None = None

    def __call__(self) -> Candidates:
        """Those decided on, each row's runners-up, and favourites that were ruled out."""
        if self._all is None:
            processed = self._processed()
            entries = _with_runners_up(self._before, self._rows, self._chosen, processed)
            places = [self._rows[each.parent] for each in entries]
            scores = processed.of(places, [each.token for each in entries])
            self._all = _arrays(self._before, entries, self._chosen.length_term, scores)
        return self._all

    def decided(self) -> Candidates:
        """Those decided on alone."""
        return self._all or _arrays(self._before, self._chosen.decided, self._chosen.length_term, ())


def _with_runners_up(
    before: Snapshot, rows: Sequence[int], chosen: Chosen, processed: Processed
) -> list[Decided]:
    entries = list(chosen.decided)
    seen = {(each.parent, each.token) for each in entries}
    mine = processed.logprobs[list(rows)]
    best = mine.topk(min(POOL, mine.shape[-1]))
    pairs = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    others = [
        Decided(parent, token, value, Fate.PRUNED, chosen.others[parent])
        for parent, (tokens, values) in enumerate(pairs)
        for token, value in zip(tokens, values, strict=True)
        if value > -np.inf and (parent, token) not in seen
    ]
    others.sort(key=lambda each: -(before.live[each.parent].score + each.logprob))
    entries += others
    entries += [
        Decided(parent, token, value, Fate.PRUNED, Reason.CONSTRAINT)
        for parent, token, value in processed.forbidden(rows)
        if (parent, token) not in seen
    ]
    return entries


def _arrays(
    before: Snapshot,
    entries: Sequence[Decided],
    length_term: float,
    processed: tuple[tuple[str, NDArray[np.float64]], ...],
) -> Candidates:
    logprobs = np.array([each.logprob for each in entries], np.float64)
    scores = np.array([before.live[each.parent].score for each in entries], np.float64) + logprobs
    return Candidates(
        parent=np.array([each.parent for each in entries], np.int32),
        token=np.array([each.token for each in entries], np.int64),
        logprob=logprobs,
        score=scores,
        length_term=length_term,
        coverage_term=np.zeros(len(entries), np.float64),
        final=scores / length_term,
        fate=np.array([each.fate for each in entries], np.int8),
        reason=np.array([each.reason for each in entries], np.int8),
        child=np.array([each.child for each in entries], np.int32),
        processed=processed,
    )
