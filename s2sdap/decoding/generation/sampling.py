"""The choice of greedy search and of sampling, as `GenerationMixin._sample` makes it.

Every row of the batch goes on by itself; a row that has finished is filled up with the pad token.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from s2sdap.decoding.asked import Asked, check_places, check_some_left
from s2sdap.decoding.generation.choice import Chosen, Decided, eos_tokens
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.likeliest import likeliest
from s2sdap.decoding.records import Fate, Hypothesis, Reason, Snapshot, root


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
    asked: Asked,
    scores: tuple[Tensor, ...] | None,
) -> Chosen:
    """The next token of every row. A row that a person prunes ends as it stands, without an output."""
    check_some_left(asked, before, rows.live)
    for revived in asked.revived.values():
        check_places(len(set(revived)), 1)
    config = prepared.config
    if config.do_sample:
        probs = torch.nn.functional.softmax(processed.final, dim=-1)
        next_tokens = torch.multinomial(probs, num_samples=1).squeeze(1)
    else:
        next_tokens = likeliest(processed.final)
    given = asked.drawn
    for row, token in given.items():
        next_tokens[row] = token
    pruned = list(asked.pruned)
    going_on = rows.unfinished.clone()
    going_on[pruned] = 0
    proposed = next_tokens.tolist()
    if any(hasattr(criterion, "eos_token_id") for criterion in prepared.criteria):
        pad: Any = config._pad_token_tensor
        pad = pad.to(ids.device)
        next_tokens = next_tokens * going_on + pad * (1 - going_on)
    ids = torch.cat([ids, next_tokens[:, None]], dim=-1)
    unfinished = going_on & ~prepared.criteria(ids, scores)
    going = unfinished.tolist()
    tokens = next_tokens.tolist()
    ends = eos_tokens(prepared)

    decided: list[Decided] = []
    live: list[Hypothesis] = []
    finished = list(before.finished)
    named = [(proposed if row in asked.pruned else tokens)[row] for row in rows.live]
    logprobs = processed.logprobs[list(rows.live), named].tolist()
    for index, (row, token) in enumerate(zip(rows.live, named, strict=True)):
        gone = row in asked.pruned
        parent, done, logprob = before.live[index], not going[row], logprobs[index]
        if logprob == -math.inf:  # the settings forbid it: count what the model itself thinks
            logprob = float(torch.log_softmax(processed.raw[row], dim=-1)[token])
        if gone:
            decided.append(Decided(index, token, logprob, Fate.PRUNED, Reason.FORCED))
            continue
        why = Reason.FORCED if row in given else Reason.NONE
        if done and token not in ends and ids.shape[1] >= config.max_length:
            why = Reason.LENGTH
        fate = Fate.FINISHED if done else Fate.SURVIVED
        decided.append(Decided(index, token, logprob, fate, why, parent.id))
        hypothesis = Hypothesis(
            id=parent.id,
            step=before.step,
            token=token,
            parent=parent,
            row=index,
            candidate=index,
            logprob=logprob,
            score=parent.score + logprob,
            final=parent.score + logprob,
            finished=done,
            forced=parent.forced or asked.by_person(row, token),
            coverage=None,
            sentence=parent.sentence,
        )
        (finished if done else live).append(hypothesis)
    finished.sort(key=lambda hypothesis: hypothesis.id)  # the order of the rows is that of the output
    still = tuple(row for row in rows.live if going[row])
    passed_over = Reason.DRAW if config.do_sample else Reason.RANK
    alone = {*asked.forced, *asked.pruned}
    return Chosen(
        decided=tuple(decided),
        others=tuple(Reason.FORCED if row in alone else passed_over for row in rows.live),
        length_term=1.0,
        live=tuple(live),
        finished=tuple(finished),
        next_id=before.next_id,
        ended=not still,
        search=Rows(unfinished, still),
        ids=ids,
        order=None,
    )
