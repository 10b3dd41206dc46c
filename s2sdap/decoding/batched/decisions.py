"""What the steps of a batch decided, looked at once all have run: how close it was, and who led.

No step needs this of the one before, and of many steps in one go it costs little more than of one. Axes
here: T steps of the same A sentences, M candidates, k places.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from s2sdap.decoding.penalties import length_term
from s2sdap.decoding.settings import SearchSettings

_NOTHING: Final = -math.inf


class Decision(NamedTuple):
    """What a step of a beam search decided for each of the `active` sentences.

    `candidates` are the row, token, log-prob and score of all that could get a place, and `final` their
    scores after penalties, once anything has finished. `kept` are the scores of those that go on, one more
    than have a place; `places` says which they are, `live` what they score in the end. `best` and `where`
    are the scores and codes of the finished ones so far, how many of which there are says `finished`.
    Scores may be `off` by so much.
    """

    time: int
    active: Int[Tensor, "A"]
    candidates: tuple[Int[Tensor, "A M"], Int[Tensor, "A M"], Float[Tensor, "A M"], Float[Tensor, "A M"]]
    final: Float[Tensor, "A M"]
    kept: Float[Tensor, "A K"]
    places: Int[Tensor, "A k"]
    live: Float[Tensor, "A k"]
    over: Bool[Tensor, "A"]
    best: Float[Tensor, "A n"]
    where: Int[Tensor, "A n"]
    finished: Int[Tensor, "A"]
    off: float


class Leaders(NamedTuple):
    """Choices of hypotheses in the lead: the step, the place among its active sentences, and what was chosen.

    `finished` says which came to their end, `ended` whose search was over.
    """

    time: Int[Tensor, "N"]
    place: Int[Tensor, "N"]
    sentence: Int[Tensor, "N"]
    row: Int[Tensor, "N"]
    token: Int[Tensor, "N"]
    value: Float[Tensor, "N"]
    score: Float[Tensor, "N"]
    finished: Bool[Tensor, "N"]
    ended: Bool[Tensor, "N"]


class _Run:
    """Decisions about the same sentences among as many candidates: their tensors with a leading T."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self.active = decisions[0].active
        self.row, self.token, self.value, self.score = (
            torch.stack([each.candidates[part] for each in decisions]) for part in range(4)
        )
        self.final = torch.stack([each.final for each in decisions])
        self.kept = torch.stack([each.kept for each in decisions])
        self.places = torch.stack([each.places for each in decisions])
        self.live = torch.stack([each.live for each in decisions])
        self.over = torch.stack([each.over for each in decisions])
        self.best = torch.stack([each.best for each in decisions])
        self.where = torch.stack([each.where for each in decisions])
        self.finished = torch.stack([each.finished for each in decisions])
        device = self.active.device
        self.time = torch.tensor([each.time for each in decisions], device=device)[:, None]
        self.off = torch.tensor([each.off for each in decisions], dtype=torch.float64, device=device)[:, None]

    def highest(self) -> tuple[Tensor, Tensor]:
        """The final scores of the live ones [T, A, k], and the highest of them where search goes on."""
        finals = self.final.gather(-1, self.places)
        reached = torch.where(self.live > _NOTHING, finals, _NOTHING)
        return reached, torch.where(self.over, _NOTHING, reached.amax(dim=-1))


def _runs(decisions: Sequence[Decision]) -> Iterator[_Run]:
    for _, run in itertools.groupby(decisions, key=lambda each: (id(each.active), each.final.shape)):
        yield _Run(list(run))


def close_ones(
    decisions: Sequence[Decision],
    settings: SearchSettings,
    eos: int,
    off: float,
    count: int,
    *,
    leading: bool,
) -> Bool[Tensor, "B"]:
    """Of each of `count` sentences whether a decision had two sides no further apart than `off`.

    That is about the first place, the last place, an end symbol's place and the end of the search, and,
    where somebody asks who was `leading`, about that. What is no number is close, too: by itself the
    sentence will say what is wrong.
    """
    close = torch.zeros(count, dtype=torch.bool, device=decisions[0].active.device if decisions else None)
    beam = settings.beam_size
    for run in _runs(decisions):
        score, kept = run.score, run.kept
        found = score[..., 0].isnan()
        if score.shape[-1] > 1:
            found |= score[..., 0] - score[..., 1] <= off
        if kept.shape[-1] > beam:
            found |= kept[..., beam - 1] - kept[..., beam] <= off
        if score.shape[-1] > beam:
            edge = (run.token[..., beam - 1 : beam + 1] == eos).any(dim=-1)
            found |= edge & (score[..., beam - 1] - score[..., beam] <= off)
        if not settings.early_stopping:
            enough = run.finished >= settings.n_best
            found |= enough & ((reachable(run.live, settings) - worst(run.best, settings)).abs() <= run.off)
        if leading:
            _, highest = run.highest()
            near = (run.best[..., 0] - highest).abs() <= run.off
            found |= (run.finished > 0) & ~run.over & near
        close[run.active] |= found.any(dim=0)
    return close


def reachable(live: Float[Tensor, "*A k"], settings: SearchSettings) -> Float[Tensor, "*A"]:
    """The best score that a live hypothesis can still come to."""
    return live[..., 0] / length_term(settings.max_length, settings.length_penalty)


def worst(best: Float[Tensor, "*A n"], settings: SearchSettings) -> Float[Tensor, "*A"]:
    """The score of the last output that is wanted."""
    return best[..., settings.n_best - 1]


def leaders_of(decisions: Sequence[Decision], settings: SearchSettings, most: int) -> Iterator[Leaders]:
    """The choices of the hypotheses in the lead, where a step made them.

    A code is step * `most` + candidate.
    """
    for run in _runs(decisions):
        leading = run.places[..., 0]
        some = run.finished > 0
        reached, highest = run.highest()
        if settings.coverage_penalty:  # then the best score is not always the best final one
            best = reached.argmax(dim=-1, keepdim=True)
            leading = torch.where(some, run.places.gather(-1, best)[..., 0], leading)
        done = some & (run.best[..., 0] > highest)
        code = run.where[..., 0]
        index = torch.where(done, code % most, leading)
        leads = torch.where(done, code // most == run.time, (run.live[..., 0] > _NOTHING) & ~run.over)
        time, place = leads.nonzero(as_tuple=True)
        chosen = index[time, place]
        yield Leaders(
            run.time[time, 0],
            place,
            run.active[place],
            run.row[time, place, chosen],
            run.token[time, place, chosen],
            run.value[time, place, chosen],
            run.score[time, place, chosen],
            done[time, place],
            run.over[time, place],
        )
