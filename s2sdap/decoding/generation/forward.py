"""One forward pass of a decode: the snapshot's state in, logits and the next state's parts out."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from transformers.generation.utils import ALL_CACHE_NAMES

from s2sdap.decoding.generation.history import Moment
from s2sdap.decoding.generation.intercept import SAMPLE, Prepared
from s2sdap.models.contract import Probe


@dataclass(frozen=True, slots=True, eq=False)
class Running:
    """The state before a step: R rows of tokens [R, T], the model's arguments, the cache, the luck.

    `cache_name` is the argument that the cache is given in, which some models choose in a step.
    `search` is what the search stage keeps from step to step, `gathered` what the caller of
    `generate` asked to be given at the end.
    """

    ids: Tensor
    kwargs: Mapping[str, Any]
    cache: Moment | None
    cache_name: str | None
    luck: "Luck | None"
    search: Any
    gathered: "Gathered | None"
    first: bool


@dataclass(frozen=True, slots=True, eq=False)
class Luck:
    """The state of a device's random number generator."""

    device: torch.device
    state: Tensor

    @classmethod
    def now(cls, device: torch.device) -> "Luck":
        """The generator as it stands."""
        if device.type == "cpu":
            return cls(device, torch.get_rng_state())
        return cls(device, torch.get_device_module(device).get_rng_state(device))

    def restore(self) -> None:
        """Put the generator back."""
        if self.device.type == "cpu":
            torch.set_rng_state(self.state)
        else:
            torch.get_device_module(self.device).set_rng_state(self.state, self.device)


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What a step leaves for the caller: scores and logits [R, V], and the model's own outputs."""

    before: "Gathered | None"
    scores: Tensor | None
    logits: Tensor | None
    attentions: Any
    crossed: Any
    hidden: Any

    @classmethod
    def of(
        cls, model: Any, prepared: Prepared, running: "Running", outputs: Any, scores: Tensor, logits: Tensor
    ) -> "Gathered | None":
        """What the caller asked for of a step."""
        config = prepared.config
        if not config.return_dict_in_generate:
            return None
        paired = model.config.is_encoder_decoder
        own = "decoder_attentions" if paired else "attentions"
        hidden = "decoder_hidden_states" if paired else "hidden_states"
        return cls(
            running.gathered,
            scores if config.output_scores else None,
            logits if config.output_logits else None,
            getattr(outputs, own, None) if config.output_attentions else None,
            getattr(outputs, "cross_attentions", None) if config.output_attentions and paired else None,
            getattr(outputs, hidden, None) if config.output_hidden_states else None,
        )

    def all_scores(self) -> tuple[Tensor, ...] | None:
        """The scores of all steps, oldest first; `None` where nobody asked for them."""
        return None if self.scores is None else self.column(lambda each: each.scores)

    def column(self, read: Callable[["Gathered"], Any]) -> tuple[Any, ...]:
        """One of the fields over all steps, oldest first."""
        out: list[Any] = []
        node: Gathered | None = self
        while node is not None:
            out.append(read(node))
            node = node.before
        return tuple(out[::-1])


class Live:
    """The one cache object that grows in place with the run, and the moment that it stands at.

    A step that starts there goes on with it; any other has its cache put together from the moments.
    """

    def __init__(self) -> None:
        self._moment: Moment | None = None
        self._cache: Any = None

    def take(self, moment: Moment) -> Any:
        """The cache of `moment`. Until `put`, nobody else has it."""
        cache, at = self._cache, self._moment
        self._cache = self._moment = None
        return cache if at is moment and cache is not None else moment.cache()

    def put(self, moment: Moment, cache: Any) -> None:
        """The run has come to `moment` with `cache`."""
        self._moment, self._cache = moment, cache


@contextmanager
def chance(luck: Luck | None) -> Iterator[None]:
    """Draw from `luck` inside; outside, nobody's random numbers have moved."""
    if luck is None:
        yield
        return
    outside = Luck.now(luck.device)
    luck.restore()
    try:
        yield
    finally:
        outside.restore()


def forward(
    model: Any,
    prepared: Prepared,
    running: Running,
    cache: Any,
    watching: Callable[[Any], Any],
    probe: Probe,
) -> tuple[Any, dict[str, Any], str | None, Any]:
    """The model's outputs for one step, the arguments of the next one, its cache's name and the cache."""
    kwargs = dict(running.kwargs)
    if running.cache_name is not None and cache is not None:
        kwargs[running.cache_name] = cache
    with watching(probe):
        if running.first:
            first = not prepared.config.is_assistant
            outputs = model._prefill(running.ids, prepared.config, kwargs, is_first_iteration=first)
        else:
            length = 1 if kwargs["use_cache"] else None
            inputs = model.prepare_inputs_for_generation(running.ids, next_sequence_length=length, **kwargs)
            with _as_in_loop(model, prepared):
                outputs = model(**inputs, return_dict=True)
    kwargs = model._update_model_kwargs_for_generation(
        outputs, kwargs, is_encoder_decoder=model.config.is_encoder_decoder
    )
    name = next((each for each in ALL_CACHE_NAMES if kwargs.get(each) is not None), None)
    after = kwargs.pop(name) if name is not None else None
    return outputs, kwargs, name, after


@contextmanager
def _as_in_loop(model: Any, prepared: Prepared) -> Iterator[None]:
    """Sampling and greedy search choose other kernels for experts after the prompt; so do we."""
    if prepared.method != SAMPLE or model.device.type == "cpu":
        yield
        return
    with model._optimize_model_for_decode():
        yield
