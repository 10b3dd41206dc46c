"""Whether the numbers of a step are numbers: the first site that holds a NaN or an infinity.

Scores before a softmax and log-probs may be minus infinity: something is masked, or forbidden.
"""

import math
from collections.abc import Iterable, Mapping
from typing import Final

import numpy as np
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.measures import plain
from s2sdap.vocabulary import sites

_MASKED: Final = frozenset({sites.ATTENTION_SCORES, sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS})

_PASSED_ON_TO: Final = {
    sites.ATTENTION_SCORES: (sites.ATTENTION_WEIGHTS,),
    sites.ATTENTION_WEIGHTS: (sites.ATTENTION_CONTEXT, sites.ATTENTION_CONTEXTS),
    sites.DECODER_STATE: (sites.DECODER_LAYERS,),
    sites.PREDICTION_FEATURES: (sites.PREDICTION_LOGITS,),
    sites.PREDICTION_LOGITS: (sites.PREDICTION_LOGPROBS,),
}
"""Where what is not finite shows again: softmax and sums pass a NaN on, and make one of an infinity. So a
run that asks at every step need not look at the first of two."""


def first_not_finite(frame: Frame) -> str | None:
    """The first site, in the order in which the model computes them, that is not finite; else `None`.

    The encoder's are looked at with the first step.
    """
    record = frame.record
    read = frame.encoder.of(frame.before.sentence)[1] if record is None or record.step == 0 else {}
    held = record.sites if record is not None else {}
    ends = [name for name in held if not any(each in held for each in _PASSED_ON_TO.get(name, ()))]
    if _all_finite(read, read) and _all_finite(held, ends):
        return None
    order = (*frame.decode.model.layout.sites, sites.PREDICTION_LOGPROBS)
    found = [name for each in (read, held) for name in each if not _all_finite(each, (name,))]
    return min(found, key=lambda name: order.index(name) if name in order else -1)


def _all_finite(values: Mapping[str, Tensor], names: Iterable[str]) -> bool:
    return all(_finite(values[name], masked=name in _MASKED) for name in names)


def _finite(value: Tensor, *, masked: bool) -> bool:
    """One pass tells a whole site, which is paid for at every step: a NaN makes its sum or maximum one."""
    if not value.numel():
        return True
    numbers = plain(value)
    if masked:
        return bool(numbers.max() < math.inf)
    total = numbers.sum()
    return math.isfinite(total) or bool(np.isfinite(numbers).all())  # a sum may overflow by itself
