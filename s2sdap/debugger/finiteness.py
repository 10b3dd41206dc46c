"""Whether the numbers of a step are numbers: the first site that holds a NaN or an infinity.

Scores before a softmax and log-probs may be minus infinity: something is masked, or forbidden.
"""

import math
from typing import Final

import numpy as np
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.measures import plain
from s2sdap.vocabulary import sites

_MASKED: Final = frozenset({sites.ATTENTION_SCORES, sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS})


def first_not_finite(frame: Frame) -> str | None:
    """The first site, in the order in which the model computes them, that is not finite; else `None`.

    The encoder's are looked at with the first step.
    """
    record = frame.record
    held = record.sites if record is not None else {}
    found = [name for name in held if not _finite(held[name], masked=name in _MASKED)]
    if record is None or record.step == 0:
        read = frame.encoder.of(frame.before.sentence)[1]
        found += [name for name in read if not _finite(read[name], masked=False)]
    if not found:
        return None
    order = (*frame.decode.model.layout.sites, sites.PREDICTION_LOGPROBS)
    return min(found, key=lambda name: order.index(name) if name in order else -1)


def _finite(value: Tensor, *, masked: bool) -> bool:
    """One pass tells a whole site, which is paid for at every step: a NaN makes its sum or maximum one."""
    if not value.numel():
        return True
    numbers = plain(value)
    if masked:
        return bool(numbers.max() < math.inf)
    total = numbers.sum()
    return math.isfinite(total) or bool(np.isfinite(numbers).all())  # a sum may overflow by itself
