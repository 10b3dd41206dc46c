"""The encoder's layers: whole sequences, in one direction or both."""

from typing import cast

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from s2sdap.models.rnn.cells import GATES, STEPS, CellWeights
from s2sdap.models.rnn.config import RnnConfig


class EncoderLayer(nn.Module):
    """One encoder layer over whole sequences, forward and, if bidirectional, backward.

    The weights are those of PyTorch's own layer, whose kernel runs with sigmoid gates; other gates
    run the step of `cells` over the positions, with the same weights.
    """

    def __init__(self, config: RnnConfig, input_size: int) -> None:
        super().__init__()
        kinds: dict[str, type[nn.LSTM | nn.GRU | nn.RNN]] = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}
        self.config = config
        self.kernel = kinds[config.cell](
            input_size, config.encoder_size, batch_first=True, bidirectional=config.bidirectional
        )

    def forward(
        self, inputs: Float[Tensor, "B S I"], lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B S E"], Float[Tensor, "B E"] | None]:
        """The states at every position, 0 where padded, and an LSTM's last memory cells."""
        if self.config.gate_activation != "sigmoid":
            return self._by_steps(inputs, lengths)
        if lengths is None:
            states, last = self.kernel(inputs)
        else:
            packed = pack_padded_sequence(inputs, lengths.cpu(), batch_first=True, enforce_sorted=False)
            packed_states, last = self.kernel(packed)
            states, _ = pad_packed_sequence(packed_states, batch_first=True, total_length=inputs.shape[1])
        cells = torch.cat(last[1].unbind(0), dim=-1) if self.config.cell == "lstm" else None
        return states, cells

    def _by_steps(
        self, inputs: Float[Tensor, "B S I"], lengths: Int[Tensor, "B"] | None
    ) -> tuple[Float[Tensor, "B S E"], Float[Tensor, "B E"] | None]:
        step, gate = STEPS[self.config.cell], GATES[self.config.gate_activation]
        batch, length, _ = inputs.shape
        states, cells = [], []
        for suffix in ("", "_reverse") if self.config.bidirectional else ("",):
            names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
            weights = CellWeights(*(cast("Tensor", getattr(self.kernel, name + suffix)) for name in names))
            h = inputs.new_zeros(batch, self.config.encoder_size)
            c = h if self.config.cell == "lstm" else None
            outputs = [h] * length
            for s in reversed(range(length)) if suffix else range(length):
                next_h, next_c = step(inputs[:, s], h, c, weights, gate)
                if lengths is None:
                    h, c, outputs[s] = next_h, next_c, next_h
                    continue
                stands = (s < lengths)[:, None]  # a padded position leaves the state as it was
                h = torch.where(stands, next_h, h)
                c = None if c is None or next_c is None else torch.where(stands, next_c, c)
                outputs[s] = next_h * stands
            states.append(torch.stack(outputs, dim=1))
            if c is not None:
                cells.append(c)
        return torch.cat(states, dim=-1), torch.cat(cells, dim=-1) if cells else None
