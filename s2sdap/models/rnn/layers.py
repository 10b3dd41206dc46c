"""A decoder's layers of cells: one step through them, and what their gates do in it."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from s2sdap.models.contract import Probe
from s2sdap.vocabulary import sites

Layers = tuple[Float[Tensor, "K D"], ...]
"""A row a hypothesis of every layer, bottom first."""


@runtime_checkable
class GatedCell(Protocol):
    """A cell that tells its gates."""

    def gates(self, x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], /) -> Mapping[str, Tensor]:
        """The gates of a step from its input and the state before, by name."""
        ...


def advance(
    layers: Iterable[nn.Module],
    x: Float[Tensor, "K I"],
    hidden: Sequence[Tensor],
    cells: Sequence[Tensor],
    probe: Probe,
    between: Callable[[Tensor], Tensor] = lambda x: x,
) -> tuple[Layers, Layers]:
    """One step: the new hidden states, and the memory cells of an LSTM (`cells` is empty for any other).

    Probes `decoder.layers`, `decoder.cells` and `decoder.state`. `between` is what a layer's output goes
    through before the next one reads it.
    """
    states: list[Tensor] = []
    memories: list[Tensor] = []
    for number, layer in enumerate(layers):
        h, c = layer(between(x) if number else x, hidden[number], cells[number] if cells else None)
        states.append(h)
        if c is not None:
            memories.append(c)
        x = h
    seen = _apart(probe(sites.DECODER_LAYERS, torch.stack(states, dim=1)))
    kept = _apart(probe(sites.DECODER_CELLS, torch.stack(memories, dim=1))) if memories else ()
    return (*seen[:-1], probe(sites.DECODER_STATE, seen[-1])), kept


@contextlib.contextmanager
def watching(layers: Iterable[nn.Module]) -> Iterator[list[Mapping[str, Float[Tensor, "K D"]]]]:
    """While it is open, every layer that steps adds its gates; see `Gated`."""
    seen: list[Mapping[str, Tensor]] = []

    def note(cell: nn.Module, inputs: tuple[Tensor | None, ...], _output: object) -> None:
        x, h = inputs[:2]
        if isinstance(cell, GatedCell) and x is not None and h is not None:
            seen.append(cell.gates(x, h))

    with contextlib.ExitStack() as stack, torch.no_grad():
        for layer in layers:
            stack.callback(layer.register_forward_hook(note).remove)
        yield seen


def _apart(layers: Float[Tensor, "K L D"]) -> Layers:
    """Each layer in memory of its own.

    A product can differ in its last bit with the place and stride of what it reads. An edit makes a
    fresh tensor, so what it replaces must be laid out like one: then no other hypothesis changes.
    """
    return tuple(layer.contiguous() for layer in layers.unbind(1))
