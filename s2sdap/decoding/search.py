"""The search stage: one loop for greedy, beam search and sampling.

Every live hypothesis proposes its likeliest continuations; search ranks them all, keeps the ones
that earn a place and writes down for each of the others why it did not. Greedy search is a beam of
one; sampling is a set of beams of one whose place is drawn.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from s2sdap.decoding.asked import Asked, check_places, check_some_left
from s2sdap.decoding.penalties import coverage_term, length_term
from s2sdap.decoding.records import Candidates, Fate, Hypothesis, Reason, Snapshot
from s2sdap.decoding.settings import SearchSettings

POOL = 10
"""How many continuations a hypothesis proposes at least, so that a person sees the runners-up."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """What search decided: the candidates with their fates, and the hypotheses that go on."""

    candidates: Candidates
    live: tuple[Hypothesis, ...]
    finished: tuple[Hypothesis, ...]
    next_id: int
    ended: bool


class _Proposal(NamedTuple):
    """One continuation before its fate is known; `reason` is set where it is out of the running."""

    row: int
    token: int
    logprob: float
    score: float
    reason: Reason


def select(
    snapshot: Snapshot,
    settings: SearchSettings,
    eos: int,
    logits: Float[Tensor, "K V"],
    logprobs: Float[Tensor, "K V"],
    attended: Float[Tensor, "K S"] | None,
    coverage: Float[Tensor, "K S"] | None,
    asked: Asked,
    sentence: int,
) -> Selection:
    """Choose the next live hypotheses.

    `logprobs` are those under the settings, `logits` the model's own. What the prefix or a person
    `asked` for takes a place whatever its rank. A person's choice outranks scores to the end: the
    hypothesis that carries it keeps a place in the beam and comes first in the output. `attended` is
    the attention of this step on each source token, `coverage` that of all steps, where it counts.
    `sentence` is mixed into the random draws.
    """
    check_some_left(asked, snapshot, range(len(snapshot.live)))
    proposals = _proposals(snapshot, settings, eos, logits, logprobs, asked)
    if settings.sample:
        proposals = _drawn(snapshot, settings, logprobs, asked, proposals, sentence)
    kept, fates = _places(proposals, settings, eos, asked, snapshot)
    length = snapshot.step + 1
    lp = length_term(length, settings.length_penalty)
    cp = [0.0] * len(snapshot.live)
    if coverage is not None and settings.coverage_penalty:
        cp = coverage_term(coverage, settings.coverage_penalty)

    taken: set[int] = set()
    live: list[Hypothesis] = []
    finished = list(snapshot.finished)
    next_id = snapshot.next_id
    children = [-1] * len(proposals)
    for index in kept:
        proposal = proposals[index]
        parent = snapshot.live[proposal.row]
        if proposal.row in taken:
            identity, next_id = next_id, next_id + 1
        else:
            identity = parent.id
            taken.add(proposal.row)
        done = fates[index][0] is Fate.FINISHED
        hypothesis = Hypothesis(
            id=identity,
            step=snapshot.step,
            token=proposal.token,
            parent=parent,
            row=proposal.row,
            candidate=index,
            logprob=proposal.logprob,
            score=proposal.score,
            final=proposal.score / lp + cp[proposal.row],
            finished=done,
            forced=parent.forced or asked.by_person(proposal.row, proposal.token),
            coverage=None if coverage is None else coverage[proposal.row],
            attended=attended,
        )
        children[index] = identity
        (finished if done else live).append(hypothesis)
    finished.sort(key=standing, reverse=True)
    ended = _ended(live, finished, settings, asked)
    if ended:
        for hypothesis in live:
            fates[hypothesis.candidate] = (Fate.PRUNED, Reason.ENDED)
            children[hypothesis.candidate] = -1
        live = []
    coverage_terms = np.array([cp[proposal.row] for proposal in proposals], np.float64)
    scores = np.array([proposal.score for proposal in proposals], np.float64)
    candidates = Candidates(
        parent=np.array([proposal.row for proposal in proposals], np.int32),
        token=np.array([proposal.token for proposal in proposals], np.int64),
        logprob=np.array([proposal.logprob for proposal in proposals], np.float64),
        score=scores,
        length_term=lp,
        coverage_term=coverage_terms,
        final=scores / lp + coverage_terms,
        fate=np.array([fate for fate, _ in fates], np.int8),
        reason=np.array([reason for _, reason in fates], np.int8),
        child=np.array(children, np.int32),
    )
    return Selection(candidates, tuple(live), tuple(finished), next_id, ended)


def _proposals(
    snapshot: Snapshot,
    settings: SearchSettings,
    eos: int,
    logits: Float[Tensor, "K V"],
    logprobs: Float[Tensor, "K V"],
    asked: Asked,
) -> list[_Proposal]:
    """Every continuation that is looked at, best score first; ties go to the lower row and token."""
    width = min(logprobs.shape[-1], max(POOL, 2 * settings.beam_size))
    best = logprobs.topk(width, dim=-1)
    rows = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    constrained = (
        bool((best.values[:, -1] == -math.inf).any()) or settings.no_repeat_ngram or settings.min_length
    )
    forced = asked.forced
    proposals: list[_Proposal] = []
    for row, (tokens, values) in enumerate(rows):
        score = snapshot.live[row].score
        given = asked.given(row)
        out = Reason.FORCED if row in forced or row in asked.pruned else Reason.NONE
        for token in given:
            logprob = logprobs[row, token].item()
            if logprob == -math.inf:  # the settings forbid it: count what the model itself thinks
                logprob = torch.log_softmax(logits[row], dim=-1)[token].item()
            proposals.append(_Proposal(row, token, logprob, score + logprob, Reason.NONE))
        proposals += [
            _Proposal(row, token, value, score + value, out)
            for token, value in zip(tokens, values, strict=True)
            if value > -math.inf and token not in given
        ]
        if constrained:
            forbidden = _forbidden(row, snapshot, settings, eos, logits[row], logprobs[row], width, given)
            pruned = row in asked.pruned
            proposals += [each._replace(reason=Reason.FORCED) if pruned else each for each in forbidden]
    proposals.sort(
        key=lambda proposal: (proposal.reason != Reason.NONE, -proposal.score, proposal.row, proposal.token)
    )
    return proposals


def _forbidden(
    row: int,
    snapshot: Snapshot,
    settings: SearchSettings,
    eos: int,
    logits: Float[Tensor, "V"],
    logprobs: Float[Tensor, "V"],
    width: int,
    given: tuple[int, ...],
) -> list[_Proposal]:
    """The model's own favourites that the settings forbade, so that nobody wonders where they went."""
    favourites = torch.log_softmax(logits, dim=-1).topk(width)
    out: list[_Proposal] = []
    for token, value in zip(favourites.indices.tolist(), favourites.values.double().tolist(), strict=True):
        if value > -math.inf and logprobs[token] == -math.inf and token not in given:
            early = token == eos and snapshot.step + 1 < settings.min_length
            reason = Reason.LENGTH if early else Reason.CONSTRAINT
            out.append(_Proposal(row, token, value, snapshot.live[row].score + value, reason))
    return out


def _drawn(
    snapshot: Snapshot,
    settings: SearchSettings,
    logprobs: Float[Tensor, "K V"],
    asked: Asked,
    proposals: list[_Proposal],
    sentence: int,
) -> list[_Proposal]:
    """The proposals with one drawn for each row and the others out of the running.

    The draw is a counter-based random number (Salmon et al. 2011) of (seed, sentence, step,
    hypothesis): no random state has to be kept, any step can be run again by itself, and a branch
    that a person opens meets the same luck as the one it left.
    """
    for tokens in asked.revived.values():
        check_places(len(set(tokens)), 1)
    drawn = asked.drawn
    for row, hypothesis in enumerate(snapshot.live):
        if row in drawn or row in asked.pruned:
            continue
        counter = [hypothesis.id, snapshot.step, sentence, 0]
        uniform = np.random.Generator(np.random.Philox(key=settings.seed, counter=counter)).random()
        mass = logprobs[row].double().exp().cumsum(dim=-1)
        token = int(torch.searchsorted(mass, uniform * mass[-1], right=True))
        drawn[row] = min(token, logprobs.shape[-1] - 1)
    out = [
        proposal
        if proposal.reason or proposal.token == drawn.get(proposal.row)
        else proposal._replace(reason=Reason.DRAW)
        for proposal in proposals
    ]
    listed = {(proposal.row, proposal.token) for proposal in out}
    for row, token in drawn.items():
        if (row, token) not in listed:
            logprob = logprobs[row, token].item()
            out.append(_Proposal(row, token, logprob, snapshot.live[row].score + logprob, Reason.NONE))
    out.sort(
        key=lambda proposal: (proposal.reason != Reason.NONE, -proposal.score, proposal.row, proposal.token)
    )
    return out


def _places(
    proposals: Sequence[_Proposal],
    settings: SearchSettings,
    eos: int,
    asked: Asked,
    snapshot: Snapshot,
) -> tuple[list[int], list[tuple[Fate, Reason]]]:
    """Who gets a place: the indices of those kept, best first, and the fate of every proposal.

    An end symbol finishes its hypothesis only from one of the first `beam_size` ranks, and takes
    no place from the live ones.
    """
    width = len(snapshot.live) if settings.sample else settings.beam_size
    last = snapshot.step + 1 >= settings.max_length
    reserved, full = _reserved(proposals, eos, asked, snapshot, width)
    free = width - sum(1 for index in reserved if proposals[index].token != eos)
    kept: list[int] = []
    fates: list[tuple[Fate, Reason]] = []
    for rank, proposal in enumerate(proposals):
        chosen = rank in reserved
        if proposal.reason and not chosen:
            fates.append((Fate.PRUNED, proposal.reason))
            continue
        why = Reason.FORCED if chosen else Reason.NONE
        if proposal.token == eos:
            earned = chosen or (rank < width and not full)
        else:
            earned = chosen or free > 0
            free -= 0 if chosen or not earned else 1
        if not earned:
            fates.append((Fate.PRUNED, Reason.RANK))
            continue
        kept.append(rank)
        if proposal.token == eos:
            fates.append((Fate.FINISHED, why))
        elif last:
            fates.append((Fate.FINISHED, Reason.LENGTH))
        else:
            fates.append((Fate.SURVIVED, why))
    return kept, fates


def _reserved(
    proposals: Sequence[_Proposal], eos: int, asked: Asked, snapshot: Snapshot, width: int
) -> tuple[set[int], bool]:
    """The proposals that have a place whatever their rank, and whether a person gave away the only one.

    They are what a person asks for in this step, the prefix' tokens and, while there is room, the best
    continuation of each hypothesis that carries an earlier choice.
    """
    forced = asked.forced
    now: list[int] = []
    carried: dict[int, int] = {}
    for index, proposal in enumerate(proposals):
        if proposal.reason:
            continue
        if asked.by_person(proposal.row, proposal.token):
            now.append(index)
        elif proposal.row in forced or snapshot.live[proposal.row].forced:
            carried.setdefault(proposal.row, index)
    room = width - sum(1 for index in now if proposals[index].token != eos)
    if room < 0:
        check_places(width - room, width)
    reserved = set(now)
    full = width == 1 and room == 0
    for index in carried.values():
        ending = proposals[index].token == eos
        if (ending or room > 0) and not full:
            reserved.add(index)
            room -= 0 if ending else 1
    return reserved, full


def standing(hypothesis: Hypothesis) -> tuple[bool, float]:
    """How hypotheses are ordered: a person's choice first, then the final score."""
    return (hypothesis.forced, hypothesis.final)


def _ended(
    live: Sequence[Hypothesis], finished: Sequence[Hypothesis], settings: SearchSettings, asked: Asked
) -> bool:
    """Whether no live hypothesis is left, or none could still push its way into the output."""
    if not live:
        return True
    if settings.sample or len(finished) < settings.n_best:
        return False
    if any(asked.by_person(hypothesis.row, hypothesis.token) for hypothesis in live):
        return False
    if settings.beam_size == 1 and any(hypothesis.step == live[0].step for hypothesis in finished):
        return True
    if settings.early_stopping and not any(hypothesis.forced for hypothesis in live):
        return len(finished) >= settings.beam_size
    # log P never rises and lp is largest at max_length, cp is never above 0: this bounds every
    # score that a live hypothesis can still reach.
    largest = length_term(settings.max_length, settings.length_penalty)
    worst = standing(finished[settings.n_best - 1])
    return all((hypothesis.forced, hypothesis.score / largest) <= worst for hypothesis in live)
