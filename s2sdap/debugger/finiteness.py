"""Whether the numbers of a step are numbers: the first site that holds a NaN or an infinity.

Scores before a softmax and log-probs may be minus infinity: something is masked, or forbidden.
"""

import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.measures import SHORT, plain
from s2sdap.decoding.records import EncoderRecord, StepRecord
from s2sdap.vocabulary import sites

_PASSED_ON_TO: Final = {
    sites.ATTENTION_SCORES: (sites.ATTENTION_WEIGHTS,),
    sites.ATTENTION_WEIGHTS: (sites.ATTENTION_CONTEXT, sites.ATTENTION_CONTEXTS),
    sites.DECODER_STATE: (sites.DECODER_LAYERS,),
    sites.PREDICTION_FEATURES: (sites.PREDICTION_LOGITS,),
    sites.PREDICTION_GENERATED: (sites.PREDICTION_LOGITS,),
    sites.PREDICTION_POINTER: (sites.PREDICTION_LOGITS,),
    sites.PREDICTION_COPY: (sites.PREDICTION_LOGITS,),
    sites.PREDICTION_LOGITS: (sites.PREDICTION_LOGPROBS,),
}
"""Where what is not finite shows again: softmax and sums pass a NaN on, and make one of an infinity. So a
run that asks at every step need not look at the first of two."""

_LONG: Final = 2048
"""Numbers among which `argmax` finds the largest sooner than `max` does."""


def first_not_finite(frame: Frame) -> str | None:
    """The first site, in the order in which the model computes them, that is not finite; else `None`.

    The encoder's are looked at with the first step.
    """
    record = frame.record
    first = record is None or record.step == 0
    sentence = frame.before.sentence
    if (not first or source_finite(frame.encoder, sentence)) and (record is None or finite(record)):
        return None
    read = frame.encoder.of(sentence)[1] if first else {}
    held = record.sites if record is not None else {}
    order = (*frame.decode.model.layout.sites, sites.PREDICTION_LOGPROBS)
    found = [name for each in (read, held) for name in each if not _all_finite(each, (name,))]
    return min(found, key=lambda name: order.index(name) if name in order else -1)


def source_finite(encoder: EncoderRecord, sentence: int) -> bool:
    """Whether all that was read of a sentence of the batch is finite."""
    read = encoder.of(sentence)[1]
    return _all_finite(read, read)


def finite(record: StepRecord, *, logprobs: bool = False) -> bool:
    """Whether all that a step computed is finite, for all of its hypotheses.

    `logprobs` says that it is known of the log-probs.
    """
    values: Mapping[str, Tensor] = getattr(record.sites, "sites", None) or record.sites  # what lies at hand
    return _all_finite(values, _ends(tuple(values), logprobs))


@functools.lru_cache(maxsize=64)
def _ends(names: tuple[str, ...], logprobs: bool) -> tuple[str, ...]:
    """Those of the sites in which everything that is not finite shows; `logprobs` are known not to."""
    ends = [name for name in names if not any(each in names for each in _PASSED_ON_TO.get(name, ()))]
    return tuple(name for name in ends if not (logprobs and name == sites.PREDICTION_LOGPROBS))


def _all_finite(values: Mapping[str, Tensor], names: Iterable[str]) -> bool:
    for name in names:
        value, masked = values[name], name in sites.MAY_BE_INFINITE
        if not masked and value.numel() <= SHORT and math.isfinite(_sum(value.tolist())):
            continue
        if not _within(plain(value), masked=masked):
            return False
    return True


def _sum(values: Any) -> Any:
    """The sum of a tensor's numbers: where it is one, each of them is."""
    if type(values) is not list:
        return values
    while values and type(values[0]) is list:
        values = values[0] if len(values) == 1 else list(map(_sum, values))
    return sum(values)


def _within(numbers: NDArray[np.floating], *, masked: bool) -> bool:
    """Whether all are numbers; the largest and the smallest tell, since a NaN counts as either."""
    flat = numbers.ravel()
    if not flat.size:
        return True
    if flat.size > _LONG:
        return bool(flat.max() < math.inf) and (masked or bool(flat.min() > -math.inf))
    return bool(flat[flat.argmax()] < math.inf) and (masked or bool(flat[flat.argmin()] > -math.inf))
