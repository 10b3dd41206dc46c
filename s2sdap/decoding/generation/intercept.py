"""What `generate` has prepared when its loop would begin, taken out of it.

`generate` checks the settings, runs the encoder, makes the caches, the processors and the stopping
criteria, then calls one of its decoding methods. Here that method is stood in for by one that
unwinds the call: the run never reaches transformers' loop, and everything it would have been given
comes back to us.
"""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from torch import Tensor
from transformers import GenerationConfig, PreTrainedModel
from transformers.cache_utils import Cache
from transformers.generation.logits_process import LogitsProcessorList, SynthIDTextWatermarkLogitsProcessor
from transformers.generation.stopping_criteria import MaxTimeCriteria, StoppingCriteriaList
from transformers.generation.utils import ALL_CACHE_NAMES

from s2sdap.vocabulary.errors import S2sdapError

SAMPLE: Final = "_sample"
BEAM_SEARCH: Final = "_beam_search"
_METHODS: Final = (SAMPLE, BEAM_SEARCH, "_assisted_decoding")


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A call of `generate` at the point where its loop begins. `ids` is [R, T], R rows of the batch.

    `kwargs` are the arguments of the model without the cache, which stands in `cache` under
    `cache_name` (`None` where the decode keeps none).
    """

    method: str
    ids: Tensor
    processors: LogitsProcessorList
    criteria: StoppingCriteriaList
    config: GenerationConfig
    kwargs: Mapping[str, Any]
    cache_name: str | None
    cache: Cache | None


class _UnwoundError(BaseException):
    """Carries the arguments of a decoding method out of `generate`; no `except Exception` stops it."""

    def __init__(self, method: str, arguments: Mapping[str, Any]) -> None:
        super().__init__(method)
        self.method = method
        self.arguments = arguments


_here = threading.local()
_lock = threading.Lock()
_standing_in: dict[tuple[type, str], tuple[int, Any]] = {}


def prepare(model: PreTrainedModel, call: Callable[[], Any]) -> Prepared:
    """Run `call`, which calls `model.generate`, as far as its loop.

    Raises `cannot_step` where the decode is of a kind that cannot be taken apart.
    """
    if any(hasattr(module, "recurrent_states") for module in model.modules()):  # RecurrentGemma
        raise S2sdapError(
            "cannot_step", reason="its layers keep their states to themselves, and cannot go back"
        )
    with _stood_in(type(model)):
        before = getattr(_here, "model", None)
        _here.model = model
        try:
            call()
        except _UnwoundError as unwound:
            return _prepared(unwound.method, unwound.arguments)
        finally:
            _here.model = before
    raise S2sdapError("cannot_step", reason="it does not come to the loop of transformers' own `generate`")


def _prepared(method: str, arguments: Mapping[str, Any]) -> Prepared:
    kwargs = dict(arguments)
    config: GenerationConfig = kwargs.pop("generation_config")
    if method not in (SAMPLE, BEAM_SEARCH):
        reason = "assisted decoding accepts several drafted tokens in one forward pass"
        raise S2sdapError("cannot_step", reason=f"{reason}; without the assistant the tokens are the same")
    if kwargs.pop("synced_gpus", False):
        raise S2sdapError("cannot_step", reason="its steps are in step with those of other processes")
    if getattr(config, "guidance_scale", None) not in (None, 1.0, 1):
        raise S2sdapError("cannot_step", reason="`guidance_scale` keeps a second decode in its processor")
    if config.low_memory and method == BEAM_SEARCH:
        raise S2sdapError("cannot_step", reason="`low_memory` beam search is gone from transformers")
    if any(isinstance(each, MaxTimeCriteria) for each in kwargs["stopping_criteria"]):
        raise S2sdapError("cannot_step", reason="`max_time` counts the seconds in which a person looks")
    if any(isinstance(each, SynthIDTextWatermarkLogitsProcessor) for each in kwargs["logits_processor"]):
        raise S2sdapError(
            "cannot_step", reason="SynthID's processor remembers the steps before and cannot go back"
        )
    kwargs.pop("streamer", None)
    name = next((each for each in ALL_CACHE_NAMES if kwargs.get(each) is not None), None)
    cache = kwargs.pop(name) if name is not None else None
    return Prepared(
        method=method,
        ids=kwargs.pop("input_ids"),
        processors=kwargs.pop("logits_processor"),
        criteria=kwargs.pop("stopping_criteria"),
        config=config,
        kwargs=kwargs,
        cache_name=name,
        cache=cache,
    )


@contextmanager
def _stood_in(family: type) -> Iterator[None]:
    """Put the stand-ins into the classes that `family` has its decoding methods from, for a while."""
    owners = [(owner, name) for name in _METHODS for owner in family.__mro__ if name in vars(owner)]
    with _lock:
        for owner, name in owners:
            count, original = _standing_in.get((owner, name), (0, vars(owner)[name]))
            _standing_in[owner, name] = (count + 1, original)
            if count == 0:
                setattr(owner, name, _unwinding(name, original))
    try:
        yield
    finally:
        with _lock:
            for owner, name in owners:
                count, original = _standing_in.pop((owner, name))
                if count > 1:
                    _standing_in[owner, name] = (count - 1, original)
                else:
                    setattr(owner, name, original)


def _unwinding(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
    """`original`, but unwinding where the model of this thread's `prepare` calls it."""

    @functools.wraps(original)  # `generate` looks at the signature
    def stand_in(model: PreTrainedModel, input_ids: Tensor, **kwargs: Any) -> Any:
        if getattr(_here, "model", None) is not model:
            return original(model, input_ids, **kwargs)
        raise _UnwoundError(name, {"input_ids": input_ids, **kwargs})

    return stand_in
