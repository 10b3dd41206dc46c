"""The network: encoder, the vector repeated, decoder, output layer; and one step of a decode.

Training and decoding run the same `encode`, `begin` and `step`. What an edit of a site reaches:

`encoder.states`       the position that is read last: the vector, and with it every step. Another one:
                       nothing, since the encoder has read on already.
`decoder.repeated`     the lowest decoder layer of this step, and what follows from it.
`decoder.layers`       the top layer: as `decoder.state`, which is taken from it. A lower layer: its own
                       state in the next step.
`decoder.cells`        the memory of the next step.
`decoder.state`        the features, and the top layer's state in the next step.
`prediction.features`  the logits of this step.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from s2sdap.models.contract import Probe, untouched
from s2sdap.models.rnn.layers import advance
from s2sdap.models.rnn.repeating.cells import Cell
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.vocabulary import sites


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the decoder knows of the source: one vector, a row a sentence. One sentence serves all K."""

    vector: Float[Tensor, "B E"]

    def select(self, rows: Int[Tensor, "R"]) -> "Encoded":
        """What is known of other sentences: row i is row `rows[i]` of this one."""
        return Encoded(self.vector.index_select(0, rows))


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a step hands to the next: a row a hypothesis, an entry a layer, bottom first.

    `cells` is empty unless the cells are LSTMs.
    """

    hidden: tuple[Float[Tensor, "K D"], ...]
    cells: tuple[Float[Tensor, "K D"], ...]

    def select(self, rows: Int[Tensor, "R"]) -> "State":
        """The state whose row i is row `rows[i]` of this one."""
        return State(
            tuple(layer.index_select(0, rows) for layer in self.hidden),
            tuple(layer.index_select(0, rows) for layer in self.cells),
        )


class RepeatingNetwork(nn.Module):
    """Encoder and decoder of `config`."""

    def __init__(self, config: RepeatingConfig) -> None:
        super().__init__()
        self.config = config
        size = len(config.characters)
        self.encoder = Cell(config, size, config.encoder_size)
        self.decoder = nn.ModuleList(
            Cell(config, config.decoder_size if layer else config.encoder_size, config.decoder_size)
            for layer in range(config.layers)
        )
        self.output = nn.Linear(config.decoder_size, size)
        if not self.output.weight.is_meta:
            nn.init.xavier_uniform_(self.output.weight)
            nn.init.zeros_(self.output.bias)

    def read(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B S E"]:
        """The encoder's state after each character, at the place where that character stands.

        A character is a one-hot vector; an id beyond the characters, of one that is not known, is all 0.
        """
        size = len(self.config.characters)
        x = functional.one_hot(source, size + 1)[..., :size].to(self.output.weight.dtype)
        batch, length = source.shape
        h = x.new_zeros(batch, self.config.encoder_size)
        c = h if self.config.cell == "lstm" else None
        states = [h] * length
        for place in reversed(range(length)) if self.config.reversed else range(length):
            h, c = self.encoder(x[:, place], h, c)
            states[place] = h
        return torch.stack(states, dim=1)

    def encode(self, source: Int[Tensor, "B S"], probe: Probe) -> Encoded:
        """Read B sentences of one length. Each sentence is probed by itself."""
        states = torch.stack([probe(sites.ENCODER_STATES, sentence) for sentence in self.read(source)])
        return Encoded(states[:, 0 if self.config.reversed else -1].contiguous())

    def begin(self, encoded: Encoded) -> State:
        """The state before the first step, all 0: a row a sentence."""
        zeros = encoded.vector.new_zeros(len(encoded.vector), self.config.decoder_size)
        layers = (zeros,) * self.config.layers
        return State(layers, layers if self.config.cell == "lstm" else ())

    def step(
        self, encoded: Encoded, state: State, rows: int, probe: Probe
    ) -> tuple[Float[Tensor, "K V"], State]:
        """One step for K rows: K sentences, or K hypotheses of one."""
        x = probe(sites.DECODER_REPEATED, encoded.vector.expand(rows, -1).contiguous())
        layers, memories = advance(self.decoder, x, state.hidden, state.cells, probe)
        features = probe(sites.PREDICTION_FEATURES, layers[-1])
        logits: Tensor = self.output(features)
        return logits, State(layers, memories)

    def forward(self, source: Int[Tensor, "B S"]) -> Float[Tensor, "B T V"]:
        """The logits of every place of the target."""
        encoded = Encoded(self.read(source)[:, 0 if self.config.reversed else -1])
        state, logits = self.begin(encoded), []
        for _ in range(self.config.target_length):
            predicted, state = self.step(encoded, state, len(source), untouched)
            logits.append(predicted)
        return torch.stack(logits, dim=1)
