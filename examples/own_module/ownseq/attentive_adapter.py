"""`AttentiveSeq2Seq` as a model that can be debugged, `ownattn:WEIGHTS`; `Adapter` has the rest."""
# ruff: noqa: D102 - the contract says what each method does

import torch
from torch import Tensor

from ownseq.networks import PIECES, AttentiveSeq2Seq, restored
from s2sdap.models.adapting import Adapter
from s2sdap.models.contract import Probe, Source
from s2sdap.models.tokenizers import SideConfig

SIDE = SideConfig(unit="character", lowercase=False, end=False, pieces=PIECES)
Encoded = tuple[Tensor, Tensor]  # what the decoder looks at [S, D], and its first state [1, D]


class AttentiveModel(Adapter):
    """Fulfils `s2sdap.models.contract.Model`."""

    sites = ("encoder.states", "decoder.state", "attention.scores", "attention.weights", "attention.context")
    examples = ("12345", "907", "31")

    def encode(self, source: Source, probe: Probe, /) -> Encoded:
        ids = torch.tensor([token.id for token in source.tokens], device=self.device)
        states, last = self.network.encoder(self.network.source_embedding(ids))
        return probe("encoder.states", states), last.reshape(1, -1)

    def begin(self, encoded: Encoded, /) -> Tensor:
        return encoded[1]

    def step(self, encoded: Encoded, state: Tensor, tokens: Tensor, probe: Probe, /) -> tuple[Tensor, Tensor]:
        net, states = self.network, encoded[0]
        state = probe("decoder.state", net.decoder(net.target_embedding(tokens), state))  # [K, D]
        scores = probe("attention.scores", (net.query(state) @ states.T)[:, None, None])  # [K, L=1, H=1, S]
        weights = probe("attention.weights", scores.softmax(dim=-1))
        context = probe("attention.context", weights[:, 0, 0] @ states)
        return net.output(torch.tanh(net.mix(torch.cat((state, context), dim=-1)))), state


def load(path: str, device: str) -> AttentiveModel:
    """The entry point: what comes after `ownattn:`, and where the model is to run."""
    network = restored(AttentiveSeq2Seq(), path)
    sizes = {"D": network.size, "L": 1, "H": 1}
    return AttentiveModel(network, f"ownattn:{path}", device, source=SIDE, target=SIDE, **sizes)
