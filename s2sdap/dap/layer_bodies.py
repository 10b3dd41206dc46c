"""Vectors, gates and weights as bodies of our own messages. All of it runs where the model lives."""

from typing import Final

import numpy as np
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.gates import gate_saturation, gates_at
from s2sdap.debugger.vectors import (
    Summary,
    of_encoder,
    of_tokens,
    shown_sites,
    steps_with,
    summary_of,
    vectors_of,
)
from s2sdap.debugger.walkthrough import part_of, walk_through
from s2sdap.models.contract import Described, Weighs
from s2sdap.protocol import custom
from s2sdap.protocol.arrays import ArrayBody, array_body
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

NUMBERS: Final = 500_000
"""Numbers that one answer carries at most."""
ROWS: Final = 64
"""Rows that one answer carries at most: a step that was let go of costs a forward pass."""


def vectors_body(frame: Frame, asked: custom.VectorsArguments) -> custom.VectorsBody:
    """The vectors of a site, a row a source token or a step."""
    there = shown_sites(frame)
    site = asked.site or _usual(frame)
    reads = of_encoder(site)
    steps = [] if reads else steps_with(frame, site)
    shape = next((each for each in there if each.name == site), None)
    total = len(frame.source.tokens) if reads else len(steps)
    wide = 1 if shape is None else shape.size * (1 if asked.layer is not None else max(1, shape.layers))
    most = min(asked.count or ROWS, ROWS, max(1, NUMBERS // max(1, wide)))
    start = max(0, total - most) if asked.start is None else min(asked.start, total)
    page = steps[start : start + most]
    values = vectors_of(frame, site, page, asked.layer, asked.head)
    if reads:
        values = values[start : start + most]
        pieces = [token.piece for token in frame.source.tokens[start : start + most]]
    else:
        pieces = ["" if row.chosen is None else frame.piece(row.chosen.token) for row in page]
    return custom.VectorsBody(
        site=site,
        sites=[
            custom.ShownSiteBody(
                name=each.name,
                meaning=each.meaning,
                layers=each.layers,
                heads=each.heads,
                size=each.size,
            )
            for each in there
        ],
        rows="source" if reads else "steps",
        start=start,
        total=total,
        pieces=pieces,
        vectors=_array(values),
        summaries=[
            _unbounded(layer) if of_tokens(site) else _summary(summary_of(layer))
            for layer in values.unbind(1)
        ],
        tokens=[frame.piece(token) for token in range(values.shape[-1])] if of_tokens(site) else [],
    )


def _usual(frame: Frame) -> str:
    """What is shown where nothing is asked for: the decoder's state, before it the encoder's."""
    return sites.DECODER_STATE if frame.has(sites.DECODER_STATE) else sites.ENCODER_STATES


def walk_body(frame: Frame) -> custom.WalkBody:
    """A step in its parts, with the gates of its layers."""
    return custom.WalkBody(
        step=frame.step,
        token=frame.piece(frame.before.token) if frame.record is not None else "",
        parts=[
            custom.WalkPartBody(part=name, vectors=[_vector(each.name, each.vector) for each in parts])
            for name, parts in walk_through(frame)
        ],
        gates=[
            custom.LayerGatesBody(layer=layer, gates=[_gate(name, gate) for name, gate in gates.items()])
            for layer, gates in enumerate(gates_at(frame))
        ],
        at=part_of(frame),
    )


def weights_body(model: Described, asked: custom.WeightsArguments) -> custom.WeightsBody:
    """A page of the model's weights. Raises `no_weights` for a model that does not show them."""
    if not isinstance(model, Weighs):
        raise S2sdapError("no_weights", model=model.name)
    every = model.named_weights()
    return custom.WeightsBody(
        weights=[
            custom.WeightBody(
                name=name,
                shape=list(weight.shape),
                dtype=str(weight.dtype).removeprefix("torch."),
                count=weight.numel(),
                summary=_unbounded(weight),
            )
            for name, weight in every[asked.start : asked.start + asked.count]
        ],
        total=len(every),
        parameters=model.layout.parameters,
    )


def _unbounded(values: Tensor) -> custom.SummaryBody:
    """A weight has no bound to stand at, and a probability may well be 1: none is saturated."""
    body = _summary(summary_of(values))
    body.saturated = None
    return body


def _gate(name: str, gate: Tensor) -> custom.VectorBody:
    body = _vector(name, gate)
    if name != "candidate":  # a candidate is a tanh, in -1..1; the others are gates, in 0..1
        body.summary.saturated = gate_saturation(gate)
    return body


def _vector(name: str, vector: Tensor) -> custom.VectorBody:
    return custom.VectorBody(name=name, vector=_array(vector), summary=_summary(summary_of(vector)))


def _array(values: Tensor) -> ArrayBody:
    numbers = values.detach().float().cpu().numpy()
    return array_body("float32", numbers.shape, np.ascontiguousarray(numbers, "<f4").tobytes())


def _summary(found: Summary) -> custom.SummaryBody:
    return custom.SummaryBody(
        least=found.least,
        most=found.most,
        mean=found.mean,
        deviation=found.deviation,
        counts=found.counts.tolist(),
        odd=found.odd,
        zero=found.zero,
        saturated=found.saturated,
    )
