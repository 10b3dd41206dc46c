"""The choice of greedy search and of sampling, as `GenerationMixin._sample` makes it.

Every row of the batch goes on by itself; a row that has finished is filled up with the pad token.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from s2sdap.decoding.generation.choice import Chosen, Entry, eos_tokens, listed, root
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import POOL, Processed
from s2sdap.decoding.records import Fate, Hypothesis, Reason, Snapshot


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows [R] that have not finished (1, else 0), and the row of each live hypothesis."""

    unfinished: Tensor
    live: tuple[int, ...]


def begin(prepared: Prepared, sentences: int) -> tuple[Rows, tuple[Hypothesis, ...]]:
    """All rows live; several may belong to one sentence."""
    count = prepared.ids.shape[0]
    rows = Rows(torch.ones(count, dtype=torch.long, device=prepared.ids.device), tuple(range(count)))
    each = count // sentences
    live = tuple(root(int(prepared.ids[row, -1]), row + 1, sentence=row // each) for row in range(count))
    return rows, live


def choose(
    prepared: Prepared,
    before: Snapshot,
    ids: Tensor,
    rows: Rows,
    processed: Processed,
    logprobs: Tensor,
    prefixed: Mapping[int, int],
    chosen: Mapping[int, int],
    scores: tuple[Tensor, ...] | None,
) -> Chosen:
    """The next token of every row. `prefixed` and `chosen` map rows to tokens that are given."""
    config = prepared.config
    if config.do_sample:
        probs = torch.nn.functional.softmax(processed.final, dim=-1)
        next_tokens = torch.multinomial(probs, num_samples=1).squeeze(1)
    else:
        next_tokens = torch.argmax(processed.final, dim=-1)
    forced = {**prefixed, **chosen}
    for row, token in forced.items():
        next_tokens[row] = token
    if any(hasattr(criterion, "eos_token_id") for criterion in prepared.criteria):
        pad: Any = config._pad_token_tensor
        pad = pad.to(ids.device)
        next_tokens = next_tokens * rows.unfinished + pad * (1 - rows.unfinished)
    ids = torch.cat([ids, next_tokens[:, None]], dim=-1)
    unfinished = rows.unfinished & ~prepared.criteria(ids, scores)
    going = unfinished.tolist()
    tokens = next_tokens.tolist()
    ends = eos_tokens(prepared)

    entries: list[Entry] = []
    place: dict[int, int] = {}
    told = _runners_up(logprobs, rows.live)
    for index, row in enumerate(rows.live):
        token = tokens[row]
        if going[row]:
            fate, reason = Fate.SURVIVED, Reason.FORCED if row in forced else Reason.NONE
        else:
            fate, reason = Fate.FINISHED, Reason.NONE if token in ends else Reason.LENGTH
        place[row] = len(entries)
        entries.append((index, token, told.own(index, token, processed, row), fate, reason))
        why = Reason.FORCED if row in forced else Reason.DRAW if config.do_sample else Reason.RANK
        entries += [
            (index, other, logprob, Fate.PRUNED, why)
            for other, logprob in told.others[index]
            if other != token
        ]
    index_of = {row: index for index, row in enumerate(rows.live)}
    entries += [
        (index_of[row], token, logprob, Fate.PRUNED, Reason.CONSTRAINT)
        for row, token, logprob in processed.forbidden(rows.live)
        if tokens[row] != token
    ]
    live: list[Hypothesis] = []
    finished = list(before.finished)
    children = [-1] * len(entries)
    for index, row in enumerate(rows.live):
        parent = before.live[index]
        logprob = entries[place[row]][2]
        done = not going[row]
        children[place[row]] = parent.id
        hypothesis = Hypothesis(
            id=parent.id,
            step=before.step,
            token=tokens[row],
            parent=parent,
            row=index,
            candidate=place[row],
            logprob=logprob,
            score=parent.score + logprob,
            final=parent.score + logprob,
            finished=done,
            forced=parent.forced or row in chosen,
            coverage=None,
            sentence=parent.sentence,
        )
        (finished if done else live).append(hypothesis)
    finished.sort(key=lambda hypothesis: hypothesis.id)  # the order of the rows is that of the output
    still = tuple(row for row in rows.live if going[row])
    where = [(rows.live[index], token) for index, token, *_ in entries]
    return Chosen(
        candidates=listed(before, entries, children, processed, where, 1.0),
        live=tuple(live),
        finished=tuple(finished),
        next_id=before.next_id,
        ended=not still,
        search=Rows(unfinished, still),
        ids=ids,
        order=None,
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """The likeliest tokens of some rows with their log-probs."""

    others: list[list[tuple[int, float]]]
    logprobs: Tensor
    rows: tuple[int, ...]

    def own(self, index: int, token: int, processed: Processed, row: int) -> float:
        """The log-prob of the token that was taken; one that was ruled out counts as the model thinks."""
        for other, logprob in self.others[index]:
            if other == token:
                return logprob
        logprob = float(self.logprobs[row, token])
        return logprob if logprob > -np.inf else float(torch.log_softmax(processed.raw[row], -1)[token])


def _runners_up(logprobs: Tensor, rows: tuple[int, ...]) -> _Told:
    mine = logprobs if len(rows) == len(logprobs) else logprobs[list(rows)]
    best = mine.topk(min(POOL, logprobs.shape[-1]))
    pairs = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    others = [
        [(token, value) for token, value in zip(tokens, values, strict=True) if value > -np.inf]
        for tokens, values in pairs
    ]
    return _Told(others, logprobs, rows)
