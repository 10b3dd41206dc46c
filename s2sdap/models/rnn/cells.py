"""The recurrent cells, written out once for every gate activation.

A cell is a pure function of its input x, the hidden state h and, for the LSTM, the memory cell c.
Weights are laid out as in PyTorch (gates stacked along the first axis), so a whole-sequence kernel
of PyTorch and a step here read the same tensors.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from s2sdap.models.rnn.config import CellKind, GateActivation

Gate: TypeAlias = Callable[[Tensor], Tensor]


class CellWeights(NamedTuple):
    """What one layer of one direction is made of; G gates of D features each, stacked."""

    input: Float[Tensor, "GD E"]
    hidden: Float[Tensor, "GD D"]
    input_bias: Float[Tensor, "GD"]
    hidden_bias: Float[Tensor, "GD"] | None
    """`None` where a gate has one bias, that of the input."""


def hard_sigmoid(x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
    """The piecewise-linear gate of Keras 1 and 2: clip(0.2 x + 0.5, 0, 1).

    PyTorch's function of the same name has another slope, 1/6.
    """
    return (0.2 * x + 0.5).clamp(0.0, 1.0)


GATES: Final[dict[GateActivation, Gate]] = {"sigmoid": torch.sigmoid, "hard_sigmoid": hard_sigmoid}

Step: TypeAlias = Callable[[Tensor, Tensor, Tensor | None, CellWeights, Gate], tuple[Tensor, Tensor | None]]


def rnn_step(
    x: Float[Tensor, "K E"],
    h: Float[Tensor, "K D"],
    c: None,
    weights: CellWeights,
    gate: Gate,  # noqa: ARG001 - a tanh RNN has no gates
) -> tuple[Float[Tensor, "K D"], None]:
    """Elman's cell: h' = tanh(W x + b + U h + b')."""
    return torch.tanh(
        functional.linear(x, weights.input, weights.input_bias)
        + functional.linear(h, weights.hidden, weights.hidden_bias)
    ), c


def gru_step(
    x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], c: None, weights: CellWeights, gate: Gate
) -> tuple[Float[Tensor, "K D"], None]:
    """The gated recurrent unit (Cho et al. 2014), with the reset gate after the product (cuDNN's form).

    r, z = gate(W x + b + U h + b');  n = tanh(W_n x + b_n + r * (U_n h + b'_n));  h' = n + z (h - n).
    """
    _, z, n = gru_gates(x, h, weights, gate)
    return n + z * (h - n), c


def gru_gates(
    x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], weights: CellWeights, gate: Gate
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """Its reset gate r, its update gate z and its candidate n."""
    size = h.shape[-1]
    of_x = functional.linear(x, weights.input, weights.input_bias)
    of_h = functional.linear(h, weights.hidden, weights.hidden_bias)
    r, z = gate(of_x[:, : 2 * size] + of_h[:, : 2 * size]).chunk(2, dim=-1)
    n = torch.tanh(of_x[:, 2 * size :] + r * of_h[:, 2 * size :])
    return r, z, n


def lstm_step(
    x: Float[Tensor, "K E"],
    h: Float[Tensor, "K D"],
    c: Float[Tensor, "K D"],
    weights: CellWeights,
    gate: Gate,
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate of Gers et al. 2000).

    i, f, o = gate(.);  g = tanh(.);  c' = f c + i g;  h' = o tanh(c'), each of W x + b + U h + b'.
    """
    i, f, g, o = lstm_gates(x, h, weights, gate)
    c = f * c + i * g
    return o * torch.tanh(c), c


def lstm_gates(
    x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], weights: CellWeights, gate: Gate
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"], Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """Its input gate i, its forget gate f, its candidate g and its output gate o."""
    size = h.shape[-1]
    both = functional.linear(x, weights.input, weights.input_bias) + functional.linear(
        h, weights.hidden, weights.hidden_bias
    )
    i, f = gate(both[:, : 2 * size]).chunk(2, dim=-1)
    g = torch.tanh(both[:, 2 * size : 3 * size])
    o = gate(both[:, 3 * size :])
    return i, f, g, o


STEPS: Final[dict[CellKind, Step]] = {"rnn": rnn_step, "gru": gru_step, "lstm": lstm_step}  # type: ignore[dict-item]
GATE_COUNT: Final[dict[CellKind, int]] = {"rnn": 1, "gru": 3, "lstm": 4}


class Cell(nn.Module):
    """One decoder layer: the weights of a cell, and the step that reads them."""

    def __init__(self, kind: CellKind, gate_activation: GateActivation, input_size: int, size: int) -> None:
        super().__init__()
        rows = GATE_COUNT[kind] * size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, size))
        self.bias_ih = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows))
        for parameter in self.parameters():  # as PyTorch starts its own cells
            nn.init.uniform_(parameter, -(size**-0.5), size**-0.5)
        self.kind = kind
        self._step = STEPS[kind]
        self._gate = GATES[gate_activation]

    def forward(
        self, x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], c: Float[Tensor, "K D"] | None
    ) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"] | None]:
        """The next hidden state and, for an LSTM, the next memory cell."""
        weights = CellWeights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return self._step(x, h, c, weights, self._gate)

    def gates(self, x: Float[Tensor, "K E"], h: Float[Tensor, "K D"]) -> dict[str, Float[Tensor, "K D"]]:
        """The gates of the step that these inputs lead to, by name; a tanh RNN has none.

        They are computed as the step computes them, so they are its own to the bit.
        """
        weights = CellWeights(self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        if self.kind == "lstm":
            values: tuple[Tensor, ...] = lstm_gates(x, h, weights, self._gate)
            names: tuple[str, ...] = ("input", "forget", "candidate", "output")
        elif self.kind == "gru":
            values, names = gru_gates(x, h, weights, self._gate), ("reset", "update", "candidate")
        else:
            return {}
        return dict(zip(names, values, strict=True))
