"""Cells with one bias a gate, as Keras has them; the equations are those of `rnn.cells`.

Weights are laid out as there: gates stacked along the first axis, an LSTM's as i, f, g, o, a GRU's as
r, z, n.
"""

from collections.abc import Callable
from typing import Final

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from s2sdap.models.rnn import cells
from s2sdap.models.rnn.cells import GATE_COUNT, CellWeights, Gate, Step
from s2sdap.models.rnn.repeating.config import Gates, RepeatingConfig

GATES: Final[dict[Gates, Gate]] = {
    "sigmoid": cells.GATES["sigmoid"],
    "hard_sigmoid": cells.GATES["hard_sigmoid"],
    "hard_sigmoid_sixth": functional.hardsigmoid,
}


def reset_before_gates(
    x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], weights: CellWeights, gate: Gate
) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"], Float[Tensor, "K D"]]:
    """Reset gate, update gate and candidate of a GRU whose reset gate acts on the state (Cho et al. 2014).

    r, z = gate(W x + b + U h);  n = tanh(W_n x + b_n + U_n (r * h)).
    """
    size = h.shape[-1]
    of_x = functional.linear(x, weights.input, weights.input_bias)
    of_h = functional.linear(h, weights.hidden[: 2 * size])
    r, z = gate(of_x[:, : 2 * size] + of_h).chunk(2, dim=-1)
    n = torch.tanh(of_x[:, 2 * size :] + functional.linear(r * h, weights.hidden[2 * size :]))
    return r, z, n


def reset_before_step(
    x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], c: None, weights: CellWeights, gate: Gate
) -> tuple[Float[Tensor, "K D"], None]:
    """A step of that GRU: h' = n + z (h - n)."""
    _, z, n = reset_before_gates(x, h, weights, gate)
    return n + z * (h - n), c


class Cell(nn.Module):
    """A layer: its weights, started as Keras starts them, and the step that reads them."""

    def __init__(self, config: RepeatingConfig, input_size: int, size: int) -> None:
        super().__init__()
        rows = GATE_COUNT[config.cell] * size
        self.weight_ih = nn.Parameter(torch.empty(rows, input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows, size))
        self.bias = nn.Parameter(torch.empty(rows))
        self.bias_hh = nn.Parameter(torch.empty(rows)) if config.reset_after else None
        self.kind = config.cell
        before = config.cell == "gru" and not config.reset_after
        self._step: Step = reset_before_step if before else cells.STEPS[config.cell]  # type: ignore[assignment]
        self._gru_gates = reset_before_gates if before else cells.gru_gates
        self._gate = GATES[config.gate_activation]
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Glorot and orthogonal weights, biases of 0, of an LSTM's forget gate 1: Keras' own defaults."""
        if self.weight_ih.is_meta:
            return
        nn.init.xavier_uniform_(self.weight_ih)
        nn.init.orthogonal_(self.weight_hh)
        nn.init.zeros_(self.bias)
        if self.bias_hh is not None:
            nn.init.zeros_(self.bias_hh)
        if self.kind == "lstm":
            size = self.weight_hh.shape[1]
            with torch.no_grad():
                self.bias[size : 2 * size] = 1.0

    @property
    def weights(self) -> CellWeights:
        """What the equations read."""
        return CellWeights(self.weight_ih, self.weight_hh, self.bias, self.bias_hh)

    def forward(
        self, x: Float[Tensor, "K E"], h: Float[Tensor, "K D"], c: Float[Tensor, "K D"] | None
    ) -> tuple[Float[Tensor, "K D"], Float[Tensor, "K D"] | None]:
        """The next hidden state and, for an LSTM, the next memory cell."""
        return self._step(x, h, c, self.weights, self._gate)

    def gates(self, x: Float[Tensor, "K E"], h: Float[Tensor, "K D"]) -> dict[str, Float[Tensor, "K D"]]:
        """The gates of the step that these inputs lead to, by name; a tanh RNN has none."""
        if self.kind == "rnn":
            return {}
        named: dict[str, tuple[Callable[..., tuple[Tensor, ...]], tuple[str, ...]]] = {
            "lstm": (cells.lstm_gates, ("input", "forget", "candidate", "output")),
            "gru": (self._gru_gates, ("reset", "update", "candidate")),
        }
        equations, names = named[self.kind]
        return dict(zip(names, equations(x, h, self.weights, self._gate), strict=True))
