"""Attention scores: how well a decoder state (the query) matches each encoder state (a key).

Luong et al. 2015, section 3.1, names the three: dot q·s, general q·(W s), and concat
v·tanh(W q + U s), which is the score of Bahdanau et al. 2014; some have a bias beside W q. What depends on
the source alone is computed once a sentence, by `keys`.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from s2sdap.models.rnn.config import AttentionKind


class Attention(nn.Module):
    """Scores of one kind, between queries of `query_size` and encoder states of `states_size`."""

    def __init__(self, kind: AttentionKind, query_size: int, states_size: int, *, bias: bool = False) -> None:
        super().__init__()
        self.kind = kind
        if kind != "dot":
            self.key_projection = nn.Linear(states_size, query_size, bias=False)
        if kind == "concat":
            self.query_projection = nn.Linear(query_size, query_size, bias=bias)
            self.energy = nn.Linear(query_size, 1, bias=False)

    def keys(self, states: Float[Tensor, "B S E"]) -> Float[Tensor, "B S D"]:
        """The part of the score that depends on the encoder states alone."""
        projected: Tensor = states if self.kind == "dot" else self.key_projection(states)
        return projected

    def scores(self, query: Float[Tensor, "K D"], keys: Float[Tensor, "K S D"]) -> Float[Tensor, "K S"]:
        """How well each query matches each of its keys, before the softmax."""
        if self.kind == "concat":
            energy: Tensor = self.energy(torch.tanh(keys + self.query_projection(query)[:, None, :]))
            return energy.squeeze(-1)
        return torch.bmm(keys, query.unsqueeze(-1)).squeeze(-1)

    def all_scores(
        self, queries: Float[Tensor, "B T D"], keys: Float[Tensor, "B S D"]
    ) -> Float[Tensor, "B T S"]:
        """The scores of T queries for the same keys, as `scores` gives them of one."""
        if self.kind == "concat":
            asked: Tensor = self.query_projection(queries)
            energy: Tensor = self.energy(torch.tanh(keys[:, None] + asked[:, :, None]))
            return energy.squeeze(-1)
        return torch.bmm(queries, keys.transpose(1, 2))
