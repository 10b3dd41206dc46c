"""The two networks, in plain PyTorch. Nothing here knows of a debugger."""

from typing import TypeVar

import torch
from torch import Tensor, nn

PIECES = ("<pad>", "<unk>", "<s>", "</s>", *"0123456789")
PAD, UNKNOWN, BEGIN, END = range(4)


class PlainSeq2Seq(nn.Module):
    """A GRU reads the source, and another one writes the target from its last state."""

    def __init__(self, size: int = 96) -> None:
        super().__init__()
        self.size = size
        self.source_embedding = nn.Embedding(len(PIECES), size)
        self.encoder = nn.GRU(size, size, batch_first=True)
        self.target_embedding = nn.Embedding(len(PIECES), size)
        self.decoder = nn.GRUCell(size, size)
        self.output = nn.Linear(size, len(PIECES))

    def forward(self, source: Tensor, inputs: Tensor) -> Tensor:
        """The logits [B, T, V] for sources [B, S] of one length; `inputs` [B, T] are the tokens so far."""
        _, last = self.encoder(self.source_embedding(source))
        state = last[0]
        logits = []
        for tokens in inputs.unbind(1):
            state = self.decoder(self.target_embedding(tokens), state)
            logits.append(self.output(state))
        return torch.stack(logits, dim=1)


class AttentiveSeq2Seq(nn.Module):
    """The same with a reader of both directions, all of whose states the decoder looks at in every step."""

    def __init__(self, size: int = 48) -> None:
        super().__init__()
        self.size = size
        self.source_embedding = nn.Embedding(len(PIECES), size)
        self.encoder = nn.GRU(size, size // 2, batch_first=True, bidirectional=True)
        self.target_embedding = nn.Embedding(len(PIECES), size)
        self.decoder = nn.GRUCell(size, size)
        self.query = nn.Linear(size, size, bias=False)
        self.mix = nn.Linear(2 * size, size)
        self.output = nn.Linear(size, len(PIECES))

    def forward(self, source: Tensor, inputs: Tensor) -> Tensor:
        """The logits [B, T, V] for sources [B, S] of one length; `inputs` [B, T] are the tokens so far."""
        states, last = self.encoder(self.source_embedding(source))
        state = torch.cat((last[0], last[1]), dim=-1)
        logits = []
        for tokens in inputs.unbind(1):
            state = self.decoder(self.target_embedding(tokens), state)
            scores = torch.einsum("bsd,bd->bs", states, self.query(state))
            context = torch.einsum("bs,bsd->bd", scores.softmax(dim=-1), states)
            logits.append(self.output(torch.tanh(self.mix(torch.cat((state, context), dim=-1)))))
        return torch.stack(logits, dim=1)


Network = TypeVar("Network", bound=nn.Module)


def restored(network: Network, path: str) -> Network:
    """`network` with the weights that training saved at `path`."""
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return network


@torch.no_grad()
def write(network: nn.Module, digits: str, longest: int = 20) -> str:
    """What `network` makes of `digits`: the likeliest token at every step."""
    source = torch.tensor([[PIECES.index(digit) for digit in digits]])
    written = [BEGIN]
    while written[-1] != END and len(written) <= longest:
        written.append(int(network(source, torch.tensor([written]))[0, -1].argmax()))
    return "".join(PIECES[token] for token in written if token > END)
