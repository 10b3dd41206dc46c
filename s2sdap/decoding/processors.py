"""From logits to log-probs under the generation settings: what search is allowed to choose from.

A forbidden token gets minus infinity. The end symbol stays allowed where every other token of a
row is forbidden, so that a hypothesis can always end; without one (-1) such a row keeps its tokens.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from s2sdap.decoding.records import Hypothesis, Snapshot
from s2sdap.decoding.settings import SearchSettings

_FORBIDDEN = float("-inf")


def logprobs_under_settings(
    logits: Float[Tensor, "K V"], snapshot: Snapshot, settings: SearchSettings, eos: int
) -> Float[Tensor, "K V"]:
    """Log-probs in nats after length limits, n-gram blocking, temperature, top-k and top-p."""
    if snapshot.step + 1 < settings.min_length and eos >= 0:
        logits = _forbid(logits, [[eos]] * len(logits))
    if settings.no_repeat_ngram:
        banned = [repeating_tokens(hypothesis, settings.no_repeat_ngram) for hypothesis in snapshot.live]
        logits = _keep_a_way_out(_forbid(logits, banned), logits, eos)
    if settings.sample:
        if settings.temperature != 1.0:
            logits = logits / settings.temperature
        if settings.top_k and settings.top_k < logits.shape[-1]:
            smallest = logits.topk(settings.top_k).values[:, -1:]
            logits = logits.masked_fill(logits < smallest, _FORBIDDEN)
        if settings.top_p < 1.0:
            logits = _nucleus(logits, settings.top_p)
    return torch.log_softmax(logits, dim=-1)


def repeating_tokens(hypothesis: Hypothesis, size: int) -> list[int]:
    """The tokens that would complete an n-gram of `size` that `hypothesis` has already.

    Paulus et al. 2017, section 2.5.
    """
    tokens = hypothesis.tokens
    start = tokens[len(tokens) - size + 1 :] if size > 1 else ()
    if len(tokens) < size - 1:
        return []
    return [
        tokens[at + size - 1] for at in range(len(tokens) - size + 1) if tokens[at : at + size - 1] == start
    ]


def _forbid(logits: Float[Tensor, "K V"], tokens: list[list[int]]) -> Float[Tensor, "K V"]:
    if not any(tokens):
        return logits
    logits = logits.clone()
    for row, banned in enumerate(tokens):
        logits[row, banned] = _FORBIDDEN
    return logits


def _keep_a_way_out(
    filtered: Float[Tensor, "K V"], logits: Float[Tensor, "K V"], eos: int
) -> Float[Tensor, "K V"]:
    stuck = filtered.amax(dim=-1) == _FORBIDDEN
    if not bool(stuck.any()):
        return filtered
    filtered = filtered.clone()
    if eos < 0:
        filtered[stuck] = logits[stuck]
        return filtered
    filtered[stuck, eos] = torch.where(logits[stuck, eos].isfinite(), logits[stuck, eos], 0.0)
    return filtered


def _nucleus(logits: Float[Tensor, "K V"], mass: float) -> Float[Tensor, "K V"]:
    """Keep the fewest likeliest tokens whose probability reaches `mass` (Holtzman et al. 2020)."""
    ordered, tokens = logits.sort(dim=-1, descending=True, stable=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    drop = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, tokens, before >= mass)
    return logits.masked_fill(drop, _FORBIDDEN)
