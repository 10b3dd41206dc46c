"""Copying: words of the source mixed into what the output layer writes (pointer-generator, See et al. 2017).

    P(w) = (1 - p) softmax(g)[w] + p * (the attention on the source tokens that are written w)

p is the probability of copying (1 - p_gen in the paper), g are the logits of the output layer. A word of
the source that the target vocabulary lacks has an id behind it, which is its own in this sentence alone:
so the mixture is over an *extended* vocabulary of V + N tokens. As an input such a word is the unknown one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional

from s2sdap.models.rnn.attention import Attention
from s2sdap.models.rnn.config import RnnConfig

_LEAST = torch.finfo(torch.float32).tiny
"""A word without any probability is counted with this: so its logarithm is a number."""


@dataclass(frozen=True, slots=True, eq=False)
class SourceWords:
    """Which target token each source token is copied as; a row a sentence.

    `ids` from the vocabulary's size on are words that it lacks; `counts` says how many of those each
    sentence has. `gather` adds up what is copied from the places of a word at its first place.
    `unknown` is what the decoder reads in the place of a word that its vocabulary lacks.
    """

    ids: Int[Tensor, "B S"]
    counts: Int[Tensor, "B"]
    gather: Float[Tensor, "B S S"]
    vocabulary: int
    unknown: int

    @classmethod
    def of(
        cls,
        rows: Sequence[Sequence[int]],
        vocabulary: int,
        unknown: int,
        device: torch.device | None = None,
    ) -> "SourceWords":
        """Those of sentences whose tokens are copied as `rows`, of a vocabulary of that size."""
        width = max(len(row) for row in rows)
        ids = torch.tensor([[*row, *([0] * (width - len(row)))] for row in rows])
        stands = torch.arange(width) < torch.tensor([[len(row)] for row in rows])
        same = (ids[:, :, None] == ids[:, None, :]) & stands[:, :, None]
        first = same.long().argmax(dim=1)  # of every place, the first that has its word
        gather = same & (first == torch.arange(width))[:, None, :]
        counts = torch.tensor([max(0, *(each + 1 - vocabulary for each in row)) for row in rows])
        return cls(ids.to(device), counts.to(device), gather.float().to(device), vocabulary, unknown)

    def select(self, rows: Int[Tensor, "R"]) -> "SourceWords":
        """Those of other sentences: row i is row `rows[i]` of this one."""
        ids, counts, gather = (each.index_select(0, rows) for each in (self.ids, self.counts, self.gather))
        return SourceWords(ids, counts, gather, self.vocabulary, self.unknown)

    @property
    def most(self) -> int:
        """How many words the sentence with most of them adds."""
        return int(self.counts.max())

    def gathered(self, weights: Float[Tensor, "K T S"]) -> Float[Tensor, "K T S"]:
        """Attention as what each word gets together, at its first place, and 0 at its others."""
        return torch.bmm(weights, self.gather.expand(len(weights), -1, -1))

    def read(self, tokens: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
        """The tokens as the decoder reads them: a word that the vocabulary lacks is the unknown one."""
        return torch.where(tokens < self.vocabulary, tokens, self.unknown)


class Copying(nn.Module):
    """How likely a token is copied, and the attention that points, where it is not the one of the context."""

    def __init__(self, config: RnnConfig) -> None:
        super().__init__()
        size = config.decoder_size
        if config.copying == "pointer":
            size += config.states_size + (config.target_embedding_size or config.embedding_size)
        self.gate = nn.Linear(size, 1)
        self.attention: Attention | None = None
        if config.copy_attention != "none":
            self.attention = Attention(
                config.copy_attention, config.decoder_size, config.states_size, bias=True
            )

    def probability(self, seen: Float[Tensor, "K I"]) -> Float[Tensor, "K"]:
        """How likely the next token is copied, 0..1, from what the gate sees."""
        return torch.sigmoid(self.gate(seen)).squeeze(-1)


def mixed(
    generated: Float[Tensor, "N V"],
    copied: Float[Tensor, "N"],
    pointed: Float[Tensor, "N S"],
    ids: Int[Tensor, "N S"],
    counts: Int[Tensor, "N"],
    most: int,
) -> Float[Tensor, "N W"]:
    """The logarithm of the mixture over W tokens: the vocabulary's, and `most` that sentences add.

    `generated` are logits, `copied` the probability of copying, `pointed` what `SourceWords.gathered` made
    of the attention that is copied by; `ids` and `counts` are those of each row's sentence. A token that a
    sentence does not have has minus infinity.
    """
    written = generated.softmax(dim=-1) * (1 - copied[:, None])
    # Everywhere but at a word's first place this adds nothing, so the order of adding cannot matter.
    both = functional.pad(written, (0, most)).scatter_add(1, ids, copied[:, None] * pointed)
    logits = both.clamp_min(_LEAST).log()
    if most:
        size = generated.shape[-1]
        beyond = torch.arange(size + most, device=logits.device) >= size + counts[:, None]
        logits = logits.masked_fill(beyond, -torch.inf)
    return logits
