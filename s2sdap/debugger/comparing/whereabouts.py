"""Where did my reference go? The way of a reference through the records of a search.

A reference leaves the beam at the first step after which no live hypothesis is a prefix of it. What is
told of that step is how the continuation that it needed stood among all that were possible, who had a
place in its stead, and by how much.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import torch

from s2sdap.debugger import measures
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Fate, Hypothesis, Reason, StepRecord
from s2sdap.vocabulary import sites


class Outcome(StrEnum):
    """What became of a reference."""

    OUTPUT = "output"
    """it is the output"""
    N_BEST = "nBest"
    """it is among the n best, and another is better"""
    LOST = "lost"
    """it was finished, and is not among those that are returned"""
    PRUNED = "pruned"
    """it was looked at and got no place"""
    NEVER = "never"
    """it was not even looked at"""
    CUT = "cut"
    """it was in the beam when the length limit ended it"""
    OPEN = "open"
    """it is still in the beam: the search has not come further"""


@dataclass(frozen=True, slots=True, eq=False)
class Fall:
    """The step at which a reference left the beam.

    `token` continues the reference's prefix, the hypothesis `parent`. `rank` counts the continuations
    of all live hypotheses that scored higher, `considered` the candidates that search looked at,
    `token_rank` the tokens that were likelier after the same prefix. `survivor` is the hypothesis with
    the lowest score that had a place and stood above it, and `gap` by how many nats: below 0 where the
    reason was not the score.
    """

    step: int
    token: int
    parent: Hypothesis
    logprob: float
    score: float
    rank: int
    considered: int
    token_rank: int
    fate: Fate | None
    reason: Reason
    survivor: Hypothesis | None
    gap: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Whereabouts:
    """What became of a reference, and where.

    `hypothesis` is it, as far as search went with it. Of a finished one, `place` is its rank among
    `finished` finished hypotheses by the final score (0: the best) and `behind` by how much its final
    score is below the output's.
    """

    outcome: Outcome
    hypothesis: Hypothesis
    output: Hypothesis | None
    fall: Fall | None = None
    place: int | None = None
    finished: int = 0
    behind: float | None = None


def where_did_it_go(
    plan: Plan,
    encoder: EncoderRecord,
    records: Sequence[StepRecord],
    tokens: Sequence[int],
    sentence: int = 0,
) -> Whereabouts:
    """Follow `tokens` through a search, in a batch through that of one sentence."""
    after = records[-1].after if records else encoder.after
    output = next((each for each in plan.best(after) if each.sentence == sentence), None)
    here = [each for each in encoder.after.live if each.sentence == sentence]
    last = len(tokens) - 1
    for step, token in enumerate(tokens):
        if step >= len(records):
            return Whereabouts(Outcome.OPEN, here[0], output)
        record = records[step]
        children = [
            each
            for each in (*record.after.live, *record.after.finished)
            if each.step == step and each.token == token and each.parent in here
        ]
        going = [each for each in children if not each.finished]
        done = [each for each in children if each.finished]
        if done and (step == last or not going):
            if step == last:
                return _finished(plan, records, done, output)
            return Whereabouts(Outcome.CUT, done[0], output)
        if not going:
            fall = _fall(record, here, token, sentence, output)
            outcome = Outcome.NEVER if fall.fate is None else Outcome.PRUNED
            return Whereabouts(outcome, here[0], output, fall)
        here = going
    return Whereabouts(Outcome.OPEN, here[0], output)


def _finished(
    plan: Plan, records: Sequence[StepRecord], done: Sequence[Hypothesis], output: Hypothesis | None
) -> Whereabouts:
    """It was written to its end: how it stands among all that were."""
    after = records[-1].after
    mine = done[0]
    best = [each for each in plan.best(after) if each.sentence == mine.sentence]
    rivals = [each for each in after.finished if each.sentence == mine.sentence and each not in best]
    order = [*best, *sorted(rivals, key=lambda each: -each.final)]
    places = [order.index(each) for each in done if each in order]
    if places:
        place, mine = min(places), order[min(places)]
    else:  # a library keeps as many as it returns, and has let it go
        place = sum(each.final > mine.final for each in order)
        order.append(mine)
    behind = None if output is None else output.final - mine.final
    kind = Outcome.OUTPUT if mine is output else Outcome.N_BEST if mine in best else Outcome.LOST
    return Whereabouts(kind, mine, output, None, place, len(order), behind)


def _fall(
    record: StepRecord, here: Sequence[Hypothesis], token: int, sentence: int, output: Hypothesis | None
) -> Fall:
    """How the continuation that the reference needed stood at the step at which it got no place."""
    live = record.before.live
    parent = max(here, key=lambda each: each.score)
    row = live.index(parent)
    logprobs = record.sites[sites.PREDICTION_LOGPROBS]
    logprob = float(logprobs[row][token])
    forbidden = logprob == -math.inf
    if forbidden:  # count what the model itself thinks
        logits = record.sites[sites.PREDICTION_LOGITS][row]
        logprob = float(torch.log_softmax(logits.float(), dim=-1)[token])
    score = parent.score + logprob
    rows = [place for place, each in enumerate(live) if each.sentence == sentence]
    above = sum(int((live[place].score + logprobs[place].double() > score).sum()) for place in rows)
    candidates = record.candidates
    at = np.flatnonzero((candidates.parent == row) & (candidates.token == token))
    fate: Fate | None = None
    reason = Reason.CONSTRAINT if forbidden else Reason.RANK
    if len(at):
        fate, reason = Fate(int(candidates.fate[at[0]])), Reason(int(candidates.reason[at[0]]))
    survivor, gap = _survivor(record, rows, row, score, reason)
    if reason is Reason.ENDED and output is not None:  # others had finished that it could not beat
        survivor = output
        gap = output.final - (score / candidates.length_term)
        if len(at):
            gap = output.final - float(candidates.final[at[0]])
    return Fall(
        step=record.step,
        token=token,
        parent=parent,
        logprob=logprob,
        score=score,
        rank=above,
        considered=int(np.isin(candidates.parent, rows).sum()),
        token_rank=measures.rank(logprobs[row], token),
        fate=fate,
        reason=reason,
        survivor=survivor,
        gap=gap,
    )


def _survivor(
    record: StepRecord, rows: Sequence[int], row: int, score: float, reason: Reason
) -> tuple[Hypothesis | None, float | None]:
    """The hypothesis that has the place, and its score less that of the reference."""
    kept = [
        each
        for each in (*record.after.live, *record.after.finished)
        if each.step == record.step and each.row in rows
    ]
    if reason is Reason.DRAW:  # the draw is between the continuations of one hypothesis
        kept = [each for each in kept if each.row == row] or kept
    if not kept:
        return None, None
    above = [each for each in kept if each.score >= score]
    survivor = min(above, key=lambda each: each.score) if above else max(kept, key=lambda each: each.score)
    return survivor, survivor.score - score


def told(whereabouts: Whereabouts, plan: Plan, unknown: Sequence[str] = ()) -> str:
    """Where it went, in a line for people."""
    target = plan.model.target
    hypothesis, fall = whereabouts.hypothesis, whereabouts.fall
    written = target.text(hypothesis.tokens)
    if unknown:
        lacking = ", ".join(map(repr, unknown))
        note = f"; the vocabulary lacks {lacking}, so no output can read like it"
    else:
        note = ""
    match whereabouts.outcome:
        case Outcome.OUTPUT:
            what = "it is the output"
        case Outcome.N_BEST | Outcome.LOST:
            returned = "" if whereabouts.outcome is Outcome.N_BEST else ", and is not returned"
            what = (
                f"it was finished with rank {whereabouts.place} of {whereabouts.finished}"
                f"{returned}: {_below(whereabouts.behind)} the output by the final score"
            )
        case Outcome.CUT:
            what = f"it was in the beam when the length limit ended it after {hypothesis.length} tokens"
        case Outcome.OPEN:
            what = f"it is still in the beam after {hypothesis.length} tokens"
        case Outcome.PRUNED | Outcome.NEVER:
            if fall is None:
                raise AssertionError("what fell has a step at which it did")
            looked = "" if fall.fate is not None else ", and search never looked at it"
            what = (
                f"it left the beam at step {fall.step}: {target.piece(fall.token)!r} after {written!r} "
                f"had rank {fall.rank}{looked} ({fall.reason.name.lower()})"
            )
            if fall.survivor is not None:
                lowest = target.text(fall.survivor.tokens)
                what += f", {_below(fall.gap)} {lowest!r}, which has the place"
    return what + note


def _below(gap: float | None) -> str:
    if gap is None:
        return "behind"
    return f"{abs(gap):.3f} nats {'below' if gap >= 0 else 'above'}"
