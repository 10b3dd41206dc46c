"""The gates of a recurrent decoder at a step. No site holds them: the step is run again for who looks."""

from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.vectors import SATURATED
from s2sdap.models.contract import Gated
from s2sdap.vocabulary import sites


def gates_at(frame: Frame) -> list[dict[str, Tensor]]:
    """The gates of a frame's step for its hypothesis, a layer each, bottom first; empty without any.

    The step is run again, with its edits in it.
    """
    model = frame.decode.model
    if frame.record is None or not isinstance(model, Gated) or not frame.has(sites.DECODER_STATE):
        return []
    with model.watching_gates() as seen:
        frame.decode.step(frame.encoder, frame.record.before, frame.record.edits)
    return [{name: gate[frame.row] for name, gate in layer.items()} for layer in seen if layer]


def gate_saturation(gate: Tensor) -> float:
    """Of a gate's numbers in 0..1, the share that is nearly shut or nearly open (0.05 and 0.95)."""
    return float(((gate <= 1 - SATURATED) | (gate >= SATURATED)).double().mean())
