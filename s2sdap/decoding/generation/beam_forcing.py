"""A person's choice in a beam search: it takes a place whatever its score, and comes first in the end.

Only the sentence that carries a choice is touched. Its candidates are picked here; which of them go on
and which are finished, transformers' own functions decide, on scores in which the choice stands above
all others, a later choice above an earlier one. What is kept are true scores; only finished sequences with
a choice stay lifted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.generation.scoring import Processed

LIFT: Final = 1.0e4
"""What lifts a choice over every score; in double precision, so that its own score stays exact."""
NOWHERE: Final = -1.0e9
"""The score of a beam that holds nothing, as transformers has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Picked:
    """The candidates of one sentence: places [keep] in its N V scores, best first.

    `reserved` ones take a place whatever their score, `level` says how late a choice each carries (0:
    none), and `empty` ones only fill up the number.
    """

    places: Tensor
    reserved: Tensor
    level: Tensor
    empty: Tensor
    chosen: bool
    """Whether a person chose here, now or before; a forced prefix alone is nobody's choice."""

    def ranks(self, scores: Tensor) -> Tensor:
        """Scores [keep] by which candidates go on."""
        lifted = scores.double() + LIFT * self.reserved
        return torch.where(self.empty, -torch.inf, lifted)

    def ends(self, scores: Tensor, term: float) -> Tensor:
        """Scores [keep] by which candidates finish, before they are divided by `term`."""
        lifted = scores.double() + LIFT * term * self.level
        return torch.where(self.empty, -torch.inf, lifted)


def picked(
    sentence: int,
    accumulated: Tensor,
    drawn: Tensor,
    live: Mapping[int, int],
    forced: Mapping[int, int],
    chosen: Mapping[int, int],
    now: int,
    vocabulary: int,
    *,
    sampled: bool,
) -> Picked | None:
    """The candidates of a sentence, `None` where nobody chose anything in it.

    `accumulated` [N V] are its scores and `drawn` [keep] the places in them that transformers looked
    at. `live` says of each row of the batch that holds a hypothesis how late a choice it carries (0:
    none), `forced` and `chosen` give rows their tokens, `now` is the level of a choice in this step.
    """
    beams = len(accumulated) // vocabulary
    mine = range(sentence * beams, (sentence + 1) * beams)
    carried = [row for row in mine if live.get(row, 0) and row not in forced]
    given = [row for row in mine if row in forced]
    if not carried and not given:
        return None
    open_ = torch.full_like(accumulated, -torch.inf).view(beams, vocabulary)
    scores = accumulated.view(beams, vocabulary)
    for row in mine:
        at = row - mine.start
        if row in forced:
            open_[at, forced[row]] = scores[at, forced[row]]
        elif row in live:
            open_[at] = scores[at]
    looked_at = [place for place in drawn.tolist() if open_.flatten()[place] > -torch.inf]
    best = open_.flatten().topk(len(drawn)).indices.tolist()
    reserved = [(row - mine.start) * vocabulary + forced[row] for row in given]
    for row in carried:
        at = row - mine.start
        own = [place for place in looked_at if place // vocabulary == at] if sampled else []
        place = max(own, key=lambda each: float(accumulated[each])) if own else None
        reserved.append(at * vocabulary + int(open_[at].argmax()) if place is None else place)
    reserved.sort(key=lambda each: -float(accumulated[each]))
    others = [*looked_at, *best] if sampled else best
    places = list(dict.fromkeys([*reserved, *others]))[: len(drawn)]
    levels = [now if row in chosen else live.get(row, 0) for row in mine]
    device = accumulated.device
    index = torch.tensor(places, device=device)
    return Picked(
        places=index,
        reserved=torch.tensor([place in reserved for place in places], device=device),
        level=torch.tensor([levels[place // vocabulary] for place in places], device=device),
        empty=open_.flatten()[index] == -torch.inf,
        chosen=any(levels),
    )


def count_what_is_forbidden(
    accumulated: Tensor, running: Tensor, processed: Processed, forced: Mapping[int, int]
) -> None:
    """Give forced tokens that the settings rule out the score that the model itself gives them.

    `accumulated` [B, N V] is written to, `running` [B, N] are the scores of the beams.
    """
    batch, beams = running.shape
    scores = accumulated.view(batch * beams, -1)
    for row, token in forced.items():
        if scores[row, token] == -torch.inf:
            scores[row, token] = processed.raw[row, token] + running[row // beams, row % beams]
