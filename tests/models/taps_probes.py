"""Tiny models of every family, and the probes that the tests of taps watch them with."""

import functools
import tempfile
from collections import defaultdict
from pathlib import Path

from torch import nn
from transformers import GenerationMixin, PreTrainedModel

from parity.families import FAMILIES, inputs_of, load, saved

ALL = list(FAMILIES)
PROMPTED = [name for name in FAMILIES if FAMILIES[name].kind == "decoder-only"]
RESULT = {"return_dict_in_generate": True, "output_logits": True}


@functools.cache
def _folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory()


@functools.cache
def _saved(name: str) -> Path:
    return saved(FAMILIES[name], Path(_folder().name))


def fresh(name: str) -> PreTrainedModel:
    """A model of the family that no other test has."""
    return load(_saved(name))


@functools.cache
def shared(name: str) -> PreTrainedModel:
    """The family's model; a test leaves it as it was."""
    return fresh(name)


def generate(model: PreTrainedModel, inputs: dict, **settings):
    """`generate` as every model has it (Whisper's own also rewrites what it returns)."""
    return GenerationMixin.generate(model, **inputs, **{**RESULT, **settings})


def sources(name: str, model: PreTrainedModel, batch: int = 2) -> dict:
    return inputs_of(FAMILIES[name], model, batch)


class Keeping:
    """Keeps what it is shown, in the order of the calls, by site, or by site and layer; changes nothing."""

    def __init__(self, lazily: bool = False) -> None:
        self.kept = defaultdict(list)
        self.copies = defaultdict(list)
        if lazily:
            self.may_change = lambda site: False

    def _keep(self, key, value):
        self.kept[key].append(value)
        self.copies[key].append(value.clone())
        return value

    def part(self, site, layer, value):
        return self._keep((site, layer), value)

    def __call__(self, site, value):
        return self._keep(site, value)


class Editing:
    """Puts `change(value)` in the place of each value of the site."""

    def __init__(self, site, change) -> None:
        self.site, self.change, self.calls = site, change, 0

    def may_change(self, site):
        return site == self.site

    def part(self, site, layer, value):
        return self(site, value)

    def __call__(self, site, value):
        if site != self.site:
            return value
        self.calls += 1
        return self.change(value)


def traces(model: PreTrainedModel) -> dict:
    """All that installing taps could leave behind: attributes, hooks, configs of every module."""
    found = {}
    for path, module in model.named_modules():
        found[path] = (
            sorted(key for key in module.__dict__ if key != "_output_capturing_hooks_installed"),
            len(module._forward_hooks),
            len(module._forward_pre_hooks),
            id(module.__dict__.get("config")),
            getattr(module.__dict__.get("config"), "_attn_implementation", None),
            type(getattr(module.__dict__.get("config"), "_attn_implementation", None)),
            module.__dict__.get("forward"),
        )
    return found


def equal_runs(one, other) -> bool:
    """Whether two results of `generate` have the same tokens and the same logits, to the bit."""
    return (
        one.sequences.equal(other.sequences)
        and len(one.logits) == len(other.logits)
        and all(a.equal(b) for a, b in zip(one.logits, other.logits, strict=True))
    )


def layers_of(kept: dict, site: str) -> list[int]:
    return sorted(key[1] for key in kept if isinstance(key, tuple) and key[0] == site)


def parameters_of(model: nn.Module) -> dict:
    return {name: value.clone() for name, value in model.state_dict().items()}
