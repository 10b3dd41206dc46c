"""A person's choice in a beam search: it takes a place whatever its score, and comes first in the end.

Only the sentence that carries a choice is touched. Its candidates are picked here; which of them go on
and which are finished, transformers' own functions decide, on scores in which the choice stands above
all others, a later choice above an earlier one. What is kept are true scores; only finished sequences with
a choice stay lifted.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.asked import Asked, check_places
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
    asked: Asked,
    now: int,
    ends: Container[int],
    vocabulary: int,
    *,
    sampled: bool,
) -> Picked | None:
    """The candidates of a sentence, `None` where nobody chose anything in it.

    `accumulated` [N V] are its scores and `drawn` [keep] the places in them that transformers looked
    at. `live` says of each row of the batch that holds a hypothesis how late a choice it carries (0:
    none), `now` is the level of a choice in this step, `ends` are the tokens that end a sentence.
    """
    beams = len(accumulated) // vocabulary
    mine = range(sentence * beams, (sentence + 1) * beams)
    forced = {row: token for row, token in asked.forced.items() if row in mine}
    carried = [row for row in mine if live.get(row, 0) and row not in forced and row not in asked.pruned]
    if not (carried or forced or asked.pruned & set(mine) or asked.revived.keys() & set(mine)):
        return None
    open_ = torch.full_like(accumulated, -torch.inf).view(beams, vocabulary)
    scores = accumulated.view(beams, vocabulary)
    for row in mine:
        at = row - mine.start
        if row in asked.pruned:
            continue
        if row in live and row not in forced:
            open_[at] = scores[at]
        for token in asked.given(row):
            open_[at, token] = scores[at, token]
    looked_at = [place for place in drawn.tolist() if open_.flatten()[place] > -torch.inf]
    best = open_.flatten().topk(len(drawn)).indices.tolist()

    def ending(place: int) -> bool:
        return place % vocabulary in ends

    def by_person(place: int) -> bool:
        return asked.by_person(mine.start + place // vocabulary, place % vocabulary)

    given = [(row - mine.start) * vocabulary + token for row in mine for token in asked.given(row)]
    wanted = [place for place in given if by_person(place)]
    room = beams - sum(not ending(place) for place in wanted)
    if room < 0:
        check_places(beams - room, beams)
    earlier = [place for place in given if not by_person(place)]
    for row in carried:
        at = row - mine.start
        own = [place for place in looked_at if place // vocabulary == at] if sampled else []
        others = open_[at].clone()
        others[list(asked.revived.get(row, ()))] = -torch.inf
        own = [place for place in own if place not in wanted]
        place = max(own, key=lambda each: float(accumulated[each])) if own else None
        earlier.append(at * vocabulary + int(others.argmax()) if place is None else place)
    earlier.sort(key=lambda each: -float(accumulated[each]))
    reserved = list(wanted)
    for place in earlier:
        if ending(place) or room > 0:
            reserved.append(place)
            room -= not ending(place)
    # Only the first `beams` may finish.
    crowded = len(reserved) > beams
    reserved.sort(
        key=lambda each: (crowded and not (by_person(each) and ending(each)), -float(accumulated[each]))
    )
    places = list(dict.fromkeys([*reserved, *(looked_at if sampled else ()), *best]))[: len(drawn)]
    levels = [now if by_person(each) else live.get(mine.start + each // vocabulary, 0) for each in places]
    device = accumulated.device
    index = torch.tensor(places, device=device)
    return Picked(
        places=index,
        reserved=torch.tensor([place in reserved for place in places], device=device),
        level=torch.tensor(levels, device=device),
        empty=open_.flatten()[index] == -torch.inf,
        chosen=bool(asked.rows & set(mine)) or any(live.get(row, 0) for row in mine),
    )


def count_what_is_forbidden(accumulated: Tensor, running: Tensor, processed: Processed, asked: Asked) -> None:
    """Give tokens that are asked for and that the settings rule out the score that the model gives them.

    `accumulated` [B, N V] is written to, `running` [B, N] are the scores of the beams.
    """
    batch, beams = running.shape
    scores = accumulated.view(batch * beams, -1)
    for row in {*asked.forced, *asked.revived}:
        for token in asked.given(row):
            if scores[row, token] == -torch.inf:
                scores[row, token] = processed.raw[row, token] + running[row // beams, row % beams]
