"""One step of a decoder with attention, told in its parts: what comes in, and what is made of it."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.models.contract import Embeds
from s2sdap.vocabulary import sites


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """A vector that takes part in a step, by a name that people read."""

    name: str
    vector: Float[Tensor, "D"]


def walk_through(frame: Frame) -> list[tuple[str, list[Part]]]:
    """The parts of an attention decoder's step in the order of the walk-through, as far as it has come.

    What comes in, the new state, the context, both put together, and what the output layer reads
    (Bahdanau et al. 2014, Luong et al. 2015). A part that the model does not show is left out.
    """
    if frame.record is None:
        return []
    earlier = frame.before
    before = None
    if earlier.parent is not None:
        record = frame.records[earlier.step]
        if sites.DECODER_STATE in record.sites:
            before = record.sites[sites.DECODER_STATE][earlier.row]
    embedded = _embedded(frame)
    state = frame.site_or_none(sites.DECODER_STATE)
    context = frame.site_or_none(sites.ATTENTION_CONTEXT)
    features = frame.site_or_none(sites.PREDICTION_FEATURES)
    both = None if state is None or context is None else torch.cat((state, context))
    wanted: list[tuple[str, list[tuple[str, Tensor | None]]]] = [
        ("in", [("embedding of the token before", embedded), ("decoder state before", before)]),
        ("state", [("new decoder state", state)]),
        ("context", [("context from attention", context)]),
        ("together", [("state and context", both)]),
        ("features", [("what the output layer reads", features)]),
    ]
    out = []
    for name, parts in wanted:
        there = [Part(title, vector) for title, vector in parts if vector is not None]
        if there:
            out.append((name, there))
    return out


def _embedded(frame: Frame) -> Tensor | None:
    model = frame.decode.model
    embeddings = model.target_embeddings() if isinstance(model, Embeds) else None
    token = frame.before.token
    if embeddings is None or not 0 <= token < len(embeddings.vectors):
        return None
    return embeddings.vectors[token].detach()
