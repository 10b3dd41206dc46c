"""One step of a decoder with attention, told in its parts: what comes in, and what is made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.parts import INPUTS, TOGETHER
from s2sdap.models.contract import Embeds
from s2sdap.models.tokens import added_words
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

_PARTS: Final = {
    INPUTS: "in",
    sites.DECODER_REPEATED: "in",
    sites.DECODER_LAYERS: "state",
    sites.DECODER_CELLS: "state",
    sites.DECODER_STATE: "state",
    sites.ATTENTION_SCORES: "scores",
    sites.ATTENTION_WEIGHTS: "weights",
    sites.ATTENTION_CONTEXT: "context",
    sites.ATTENTION_CONTEXTS: "context",
    TOGETHER: "together",
    sites.PREDICTION_FEATURES: "features",
    sites.PREDICTION_GENERATED: "copy",
    sites.PREDICTION_POINTER: "copy",
    sites.PREDICTION_COPY: "copy",
    sites.PREDICTION_LOGITS: "word",
    sites.PREDICTION_LOGPROBS: "word",
}
"""Which part of the walk-through a part of a stage belongs to."""


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A vector that takes part in a step, by a name that people read."""

    name: str
    vector: Float[Tensor, "D"]


def walk_through(frame: Frame) -> list[tuple[str, list[Part]]]:
    """The parts of an attention decoder's step in the order in which it takes them, as far as it has come.

    What comes in, the new state, the scores and weights of attention, the context, state and context
    together, and what the output layer reads (Bahdanau et al. 2014, who attend before the new state;
    Luong et al. 2015, after it); last, what decides about copying (See et al. 2017). Of several layers and
    heads the scores and weights are left to the views of attention. A part that the model does not show is
    left out.
    """
    if frame.record is None:
        return []
    attention = [
        ("scores", [("scores before the softmax", _only_row(frame, sites.ATTENTION_SCORES))]),
        ("weights", [("attention weights", _only_row(frame, sites.ATTENTION_WEIGHTS))]),
        ("context", [("context from attention", frame.site_or_none(sites.ATTENTION_CONTEXT))]),
    ]
    state = [("state", [("new decoder state", frame.site_or_none(sites.DECODER_STATE))])]
    order = [each for each in frame.decode.model.layout.stages if each in (Stage.ATTENTION, Stage.DECODER)]
    attends_first = order[:1] == [Stage.ATTENTION]
    wanted: list[tuple[str, list[tuple[str, Tensor | None]]]] = [
        ("in", _inputs(frame)),
        *(attention + state if attends_first else state + attention),
        ("together", [("state and context", _together(frame))]),
        ("features", [("what the output layer reads", frame.site_or_none(sites.PREDICTION_FEATURES))]),
        ("copy", _copying(frame)),
    ]
    out = []
    for name, parts in wanted:
        there = [Part(title, vector) for title, vector in parts if vector is not None]
        if there:
            out.append((name, there))
    return out


def part_of(frame: Frame) -> str | None:
    """The part of the walk-through at which the cursor stands; `None` where it stands at a whole stage."""
    return None if frame.part is None else _PARTS.get(frame.part.name)


def part_told(frame: Frame) -> str:
    """The part at the cursor in a line: its name, the meaning and shape of what has come."""
    part = frame.part
    if part is None:
        return ""
    if part.name == INPUTS:
        return _told(part.name, _inputs(frame))
    if part.name == TOGETHER:
        return _told(part.name, [("state and context", _together(frame))])
    site = sites.SITES[part.name]
    value = frame.site(part.name)
    axes = site.axes
    if part.layer is not None:
        value, axes = value[part.layer], axes.removeprefix("L ")
    shape = f"[{axes}] {_shape(value)}" if axes else f"{value.item():.6g}"
    return f"{part}: {shape}, {site.meaning}"


def _told(name: str, vectors: Sequence[tuple[str, Tensor | None]]) -> str:
    there = [f"{title} [D] {_shape(vector)}" for title, vector in vectors if vector is not None]
    return f"{name}: {', '.join(there) or 'nothing that the model shows'}"


def _shape(value: Tensor) -> str:
    return "x".join(str(length) for length in value.shape)


def _inputs(frame: Frame) -> list[tuple[str, Tensor | None]]:
    """What every step is given or the embedding of the token before, and the decoder state before."""
    earlier = frame.before
    before = None
    if earlier.parent is not None:
        record = frame.records[earlier.step]
        if sites.DECODER_STATE in record.sites:
            before = record.sites[sites.DECODER_STATE][earlier.row]
    given = [("embedding of the token before", _embedded(frame))]
    if sites.DECODER_REPEATED in frame.decode.model.layout.sites:
        given = [("vector of the source, repeated", frame.site_or_none(sites.DECODER_REPEATED))]
    return [*given, ("decoder state before", before)]


def _together(frame: Frame) -> Tensor | None:
    state = frame.site_or_none(sites.DECODER_STATE)
    context = frame.site_or_none(sites.ATTENTION_CONTEXT)
    return None if state is None or context is None else torch.cat((state, context))


def _copying(frame: Frame) -> list[tuple[str, Tensor | None]]:
    """Where a copying attention of its own points, and how likely the token is copied."""
    copied = frame.site_or_none(sites.PREDICTION_COPY)
    return [
        ("where to copy from", frame.site_or_none(sites.PREDICTION_POINTER)),
        ("probability of copying", None if copied is None else copied[None]),
    ]


def _only_row(frame: Frame, site: str) -> Tensor | None:
    """The row [S] of a site of attention that has one layer and head."""
    value = frame.site_or_none(site)
    return value[0, 0] if value is not None and value.shape[:2] == (1, 1) else None


def _embedded(frame: Frame) -> Tensor | None:
    model = frame.decode.model
    embeddings = model.target_embeddings() if isinstance(model, Embeds) else None
    token, target = frame.before.token, model.target
    if target.unknown is not None and token >= len(target) - len(added_words(target)):
        token = target.unknown  # as the decoder reads a word that its source has added
    if embeddings is None or not 0 <= token < len(embeddings.vectors):
        return None
    return embeddings.vectors[token].detach()
