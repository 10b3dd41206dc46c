"""Numbers about one row of log-probs: how sure the model is, and of what."""

from jaxtyping import Float
from torch import Tensor


def entropy(logprobs: Float[Tensor, "V"]) -> float:
    """Shannon entropy in nats; a forbidden token adds nothing."""
    values = logprobs.double()
    return float(-(values.exp() * values.clamp_min(-1e9)).sum())


def margin(logprobs: Float[Tensor, "V"]) -> float:
    """Probability of the likeliest token less that of the second."""
    best = logprobs.topk(min(2, logprobs.shape[-1])).values.double().exp().tolist()
    return float(best[0] - (best[1] if len(best) > 1 else 0.0))


def rank(logprobs: Float[Tensor, "V"], token: int) -> int:
    """0 for the likeliest token; ties share the better rank."""
    return int((logprobs > logprobs[token]).sum())


def top_tokens(logprobs: Float[Tensor, "V"], count: int) -> list[tuple[int, float]]:
    """The `count` likeliest tokens with their log-probs, best first; forbidden ones left out."""
    best = logprobs.topk(min(max(count, 0), logprobs.shape[-1]))
    pairs = zip(best.indices.tolist(), best.values.double().tolist(), strict=True)
    return [(token, value) for token, value in pairs if value > float("-inf")]
