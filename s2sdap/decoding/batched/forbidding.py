"""The settings' constraints on the log-probs of a batch: `processors`, without a loop over rows."""

from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from s2sdap.decoding.settings import SearchSettings

_REGISTER: Final = 16
"""Numbers that a vector register of today's processors holds."""


def batch_logprobs(
    logits: Float[Tensor, "R V"],
    written: Int[Tensor, "R T"] | None,
    step: int,
    settings: SearchSettings,
    eos: int,
) -> Float[Tensor, "R V"]:
    """Log-probs in nats after length limits and n-gram blocking; `written` are the rows' tokens so far.

    `written` may be `None` where no n-gram is blocked.
    """
    if step + 1 < settings.min_length and eos >= 0:
        logits = logits.clone()
        logits[:, eos] = -torch.inf
    if settings.no_repeat_ngram and written is not None:
        size = settings.no_repeat_ngram
        if written.shape[1] >= size:
            windows = written.unfold(1, size, 1)  # [R, T-size+1, size]
            last = written[:, written.shape[1] - size + 1 :]
            repeats = (windows[:, :, :-1] == last[:, None, :]).all(dim=-1)
            rows, at = repeats.nonzero(as_tuple=True)
            filtered = logits.clone()
            filtered[rows, windows[rows, at, -1]] = -torch.inf
            stuck = filtered.amax(dim=-1) == -torch.inf
            if eos < 0:  # none ends by itself, so what repeats may come where all does
                filtered[stuck] = logits[stuck]
            elif bool(stuck.any()):  # a hypothesis can always end
                own = logits[stuck, eos]
                filtered[stuck, eos] = torch.where(own.isfinite(), own, 0.0)
            logits = filtered
    return log_softmax(logits)


def log_softmax(logits: Float[Tensor, "R V"]) -> Float[Tensor, "R V"]:
    """That of each row. Rows shorter than a vector register are normalised side by side, which is faster."""
    if logits.shape[-1] >= _REGISTER:
        return logits.log_softmax(dim=-1)
    return logits.t().log_softmax(dim=0).t()
