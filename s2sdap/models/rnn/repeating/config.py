"""What a repeating network is made of. Plain data: it is read from and written to `config.json`.

Nothing here imports a tensor library.
"""

from typing import Annotated, Literal

import msgspec

from s2sdap.models.rnn.config import CellKind, LayerCount, Size

Gates = Literal["sigmoid", "hard_sigmoid", "hard_sigmoid_sixth"]
"""`hard_sigmoid` is clip(0.2 x + 0.5, 0, 1), of Keras 1 and 2; `_sixth` clip(x / 6 + 0.5, 0, 1), of 3."""
Width = Annotated[int, msgspec.Meta(ge=1, le=1000)]

PADDING = " "
"""Fills both sides up to their width, and is a character like any other."""


class RepeatingConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parts and sizes of a network that repeats one vector.

    `characters` are what it reads and writes, in the order of their places in the one-hot vectors; the
    space among them is the padding. A source is filled up to `source_length` characters and, if
    `reversed`, read from its right end; `target_length` characters are written. `reset_after` is where
    a GRU's reset gate acts: after the product with the state, with a second bias (cuDNN's form), or on
    the state itself (Cho et al. 2014), with one bias a gate. `layers` are those of the decoder.
    """

    cell: CellKind
    gate_activation: Gates
    reset_after: bool
    encoder_size: Size
    decoder_size: Size
    layers: LayerCount
    characters: str
    source_length: Width
    target_length: Width
    reversed: bool

    def __post_init__(self) -> None:
        if self.cell == "rnn" and self.gate_activation != "sigmoid":
            raise ValueError("gate_activation: a tanh RNN has no gates, leave it at 'sigmoid'")
        if self.cell != "gru" and self.reset_after:
            raise ValueError("reset_after: only a GRU has a reset gate, leave it false")
        if not 1 <= len(self.characters) <= 65_536:
            raise ValueError(f"characters: there are {len(self.characters)}; 1 to 65536 are possible")
        if len(set(self.characters)) != len(self.characters):
            raise ValueError("characters: one of them comes twice")
        if PADDING not in self.characters:
            raise ValueError("characters: the space, which is the padding, is not among them")
