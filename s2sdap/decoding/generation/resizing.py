"""A beam search that goes on with another number of beams, or that begins in the middle.

The step has run with the old rows; what it chooses from is cut to the best of them, or filled up with
beams that hold nothing, as at the beginning.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from s2sdap.decoding.asked import Asked
from s2sdap.decoding.generation.beam_forcing import NOWHERE
from s2sdap.decoding.generation.beam_telling import Beams
from s2sdap.decoding.generation.intercept import Prepared
from s2sdap.decoding.generation.sampling import Rows
from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.records import Snapshot
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Resized:
    """What a step of beam search chooses from.

    `rows` [B M] names the old row of each new one, `None` where the beams are as many as they were.
    """

    state: Beams
    processed: Processed
    asked: Asked
    rows: Tensor | None


def resized(state: Beams, width: int, processed: Processed, asked: Asked) -> Resized:
    """The beams [B, N] as [B, M], M being `width`: the best ones, and those that a person asks for."""
    batch, beams, _ = state.running.shape
    if beams == width:
        return Resized(state, processed, asked, None)
    places: dict[int, int] = {}
    rows: list[int] = []
    for sentence in range(batch):
        mine = range(sentence * beams, (sentence + 1) * beams)
        kept = sorted(sorted(mine, key=lambda row: row not in asked.rows)[:width])
        places |= {row: sentence * width + place for place, row in enumerate(kept)}
        rows += [*kept, *[kept[0]] * (width - len(kept))]
    device = state.running.device
    index = torch.tensor(rows, device=device)
    new = torch.arange(batch * width, device=device).view(batch, width) % width >= beams

    def moved(values: Tensor) -> Tensor:
        return values.flatten(0, 1)[index].view(batch, width, *values.shape[2:])

    def cut(values: Tensor, filler: Any) -> Tensor:
        more = values.new_full((batch, max(0, width - beams), *values.shape[2:]), filler)
        return torch.cat((values[:, :width], more), dim=1)

    ends = [state.ends[start : start + beams] for start in range(0, batch * beams, beams)]
    beam_state = replace(
        state,
        running=moved(state.running),
        running_scores=torch.where(new, NOWHERE, moved(state.running_scores)),
        running_history=moved(state.running_history),
        finished=torch.where(new[..., None], moved(state.running), cut(state.finished, 0)),
        finished_scores=cut(state.finished_scores, NOWHERE),
        finished_history=cut(state.finished_history, -1),
        is_finished=cut(state.is_finished, filler=False),
        rows=tuple(places.get(row, -1) for row in state.rows),
        ends=tuple(each for group in ends for each in (*group[:width], *[None] * (width - len(group)))),
    )
    scores = Processed(
        tuple((name, values[index]) for name, values in processed.stages), processed.logprobs[index]
    )
    return Resized(beam_state, scores, asked.at(places), index)


def begun_in_the_middle(prepared: Prepared, before: Snapshot, ids: Tensor, rows: Rows) -> Beams:
    """Greedy search or sampling so far as a beam search of one beam a sentence."""
    batch, prompt = len(ids), prepared.ids.shape[1]
    if len(rows.live) != batch or len({each.sentence for each in before.live}) != batch:
        reason = "a sentence has ended, or several outputs of it are drawn"
        raise S2sdapError("setting_fixed", setting="num_beams", step=before.step, reason=reason)
    device, running = ids.device, ids[:, None]
    scores = torch.tensor([[each.score] for each in before.live], dtype=torch.float, device=device)
    written = torch.arange(batch, dtype=torch.int32, device=device)[:, None, None]
    history = written.expand(batch, 1, ids.shape[1] - prompt)
    return Beams(
        running=running,
        finished=running.clone(),
        running_scores=scores,
        finished_scores=torch.full_like(scores, NOWHERE),
        running_history=history.clone(),
        finished_history=torch.full_like(history, -1),
        is_finished=torch.zeros((batch, 1), dtype=torch.bool, device=device),
        improvable=torch.ones((batch, 1), dtype=torch.bool, device=device),
        rows=rows.live,
        levels=tuple(before.step if each.forced else 0 for each in before.live),
        ends=(None,) * batch,
        prompt=prompt,
        returned=prepared.config.num_return_sequences,
    )


def of_rows(kwargs: Mapping[str, Any], rows: Tensor, count: int) -> dict[str, Any]:
    """The model's arguments with a row for each of `rows`, where there was one for each of `count`."""

    def moved(value: Any) -> Any:
        if isinstance(value, Tensor):
            return value[rows.to(value.device)] if value.dim() and len(value) == count else value
        if isinstance(value, Mapping):  # an output object of transformers is one
            return type(value)(**{name: moved(each) for name, each in value.items()})
        if isinstance(value, tuple | list):
            return type(value)(moved(each) for each in value)
        return value

    return {name: value if name == "cache_position" else moved(value) for name, value in kwargs.items()}
