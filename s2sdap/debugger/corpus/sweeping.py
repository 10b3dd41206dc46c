"""Sweeping a batch: its outputs, and which sentences have to be looked at by themselves.

A sweep is how a kind of model decodes many sentences at once. `sweep_for` gives the one for a model,
or says why its sentences are decoded one by one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from s2sdap.debugger.corpus.suspects import looked, suspects, untold
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.watch_rules import ArmedRule
from s2sdap.decoding.batched.search import run_batch
from s2sdap.decoding.changed_settings import within
from s2sdap.decoding.decode import Output
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.planning import Settings, generates
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.contract import BatchingModel, Described, extends
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError

__all__ = ["Sweep", "Swept", "sweep_for"]


@dataclass(frozen=True, slots=True)
class Swept:
    """Of each sentence of a batch its outputs, and whether only a run by itself can tell of it."""

    outputs: tuple[tuple[Output, ...], ...]
    suspect: NDArray[np.bool_]


class Sweep(Protocol):
    """How batches are decoded. `beam` counts the rows of a sentence, `roundoff` is that of its numbers."""

    @property
    def beam(self) -> int:
        """Rows that a sentence takes."""
        ...

    @property
    def roundoff(self) -> float:
        """The relative error of one rounding of its numbers."""
        ...

    def length(self, plan: Plan) -> int:
        """Source tokens of a sentence."""
        ...

    def __call__(
        self, plans: Sequence[Any], sentences: Sequence[Sentence], tolerance: float
    ) -> Callable[[], Swept]:
        """Decode a batch; what this gives tells of it. `tolerance` bounds what its log-probs may be off."""
        ...


@dataclass(frozen=True, slots=True)
class OwnSweep:
    """Batches of a model that our own search decodes."""

    model: BatchingModel
    settings: SearchSettings
    rules: tuple[ArmedRule, ...]

    @property
    def beam(self) -> int:
        """Rows that a sentence takes."""
        return self.settings.beam_size

    @property
    def roundoff(self) -> float:
        """The relative error of one rounding of its numbers."""
        return float(torch.finfo(torch.get_default_dtype()).eps)

    def length(self, plan: Plan) -> int:
        """Source tokens of a sentence."""
        if not isinstance(plan, Decode):
            raise TypeError(f"{plan!r} is no plan of our own search")
        return len(plan.source.tokens)

    def __call__(
        self, plans: Sequence[Decode], sentences: Sequence[Sentence], tolerance: float
    ) -> Callable[[], Swept]:
        """Decode a batch."""
        sources = [plan.source for plan in plans]
        telling = run_batch(
            self.model,
            sources,
            self.settings,
            plans[0].prefix,
            looked=looked(self.rules),
            tolerance=tolerance,
        )
        targets = [plan.model.target for plan in plans]

        def told() -> Swept:
            outcome = telling()
            fired = suspects(outcome.choices, outcome.ends, sentences, sources, targets, self.rules)
            return Swept(outcome.outputs, fired | outcome.close)

        return told


def sweep_for(model: Described, settings: Settings | None, rules: tuple[ArmedRule, ...]) -> Sweep:
    """How batches of `model` are decoded. Raises `runs_singly` where they cannot be."""
    if generates(model):
        from s2sdap.debugger.corpus.generated import generate_sweep  # noqa: PLC0415 - imports transformers

        return generate_sweep(model, settings, rules)
    settings = within(model, settings if isinstance(settings, SearchSettings) else SearchSettings())
    if settings.sample:
        raise S2sdapError("runs_singly", reason="each sentence has draws of its own")
    if not isinstance(model, BatchingModel):
        raise S2sdapError("runs_singly", reason=f"the model {model.name} reads one sentence at a time")
    if settings.prefix and extends(model):
        reason = "each sentence may write the prefix with tokens of its own"
        raise S2sdapError("runs_singly", reason=reason)
    attends = sites.ATTENTION_WEIGHTS in model.layout.sites
    unknown = frozenset[str]().union(*(untold(rule, attends=attends) for rule in rules))
    if unknown:
        names = ", ".join(f"`{name}`" for name in sorted(unknown))
        raise S2sdapError("runs_singly", reason=f"a rule looks at {names}, which a batch does not tell")
    return OwnSweep(model, settings, rules)
