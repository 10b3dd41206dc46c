"""`PlainSeq2Seq` as a model that can be debugged: `ownseq:WEIGHTS`."""
# ruff: noqa: D102 - the contract says what each method does

import torch
from torch import Tensor

from ownseq.networks import PIECES, PlainSeq2Seq, restored
from s2sdap.models.adapting import fingerprint_of, layout_of
from s2sdap.models.contract import Probe, Source
from s2sdap.models.tokenizers import SideConfig, SourceTokenizer, TargetTokens

SITES = ("encoder.states", "decoder.state", "prediction.logits")


class PlainModel:
    """Fulfils `s2sdap.models.contract.Model`."""

    max_source_length = None
    examples = ("12345", "907", "31")

    def __init__(self, network: PlainSeq2Seq, name: str, device: str) -> None:
        self.network, self.name, self.device = network.eval().to(device), name, torch.device(device)
        self.fingerprint = fingerprint_of(network.state_dict())
        side = SideConfig(unit="character", lowercase=False, end=False, pieces=PIECES)
        self.target = TargetTokens(side)
        self.tokenize = SourceTokenizer(side).tokenize
        self.layout = layout_of(network, SITES, D=network.size, V=len(PIECES))

    def encode(self, source: Source, probe: Probe, /) -> Tensor:
        ids = torch.tensor([token.id for token in source.tokens], device=self.device)
        states, _ = self.network.encoder(self.network.source_embedding(ids))
        return probe("encoder.states", states)

    def begin(self, encoded: Tensor, /) -> Tensor:
        return encoded[-1:]  # the last state of the reader, as a batch of one row

    def step(self, _encoded: Tensor, state: Tensor, tokens: Tensor, probe: Probe, /) -> tuple[Tensor, Tensor]:
        state = self.network.decoder(self.network.target_embedding(tokens), state)
        state = probe("decoder.state", state)
        return self.network.output(state), state

    def select(self, state: Tensor, rows: Tensor, /) -> Tensor:
        return state.index_select(0, rows)


def load(path: str, device: str) -> PlainModel:
    """The entry point: what comes after `ownseq:`, and where the model is to run."""
    return PlainModel(restored(PlainSeq2Seq(), path), f"ownseq:{path}", device)
