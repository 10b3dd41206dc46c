"""Parts of a stage: how `stepIn` at instruction granularity walks through what a stage computes.

A part is a site of the stage, layer by layer where it has several, and what comes in between two sites
without being one: a step's inputs, and the state beside the context. Together they are the steps of an
attention decoder (Bahdanau et al. 2014, Luong et al. 2015), in the order in which the model takes them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from torch import Tensor

from s2sdap.models.contract import Layout
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

INPUTS: Final = "inputs"
"""The part before a step's first site: the embedding of the token before, and the state before."""
TOGETHER: Final = "together"
"""The part between context and output layer: the state and the context, one behind the other."""


@dataclass(frozen=True, slots=True)
class StagePart:
    """A part of a stage; `pending` are the sites of the stage that have not come as a whole.

    `name` is that of a site, `INPUTS` or `TOGETHER`; `layer` is given where a site has several.
    """

    name: str
    layer: int | None
    pending: frozenset[str]

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}[{self.layer}]"

    @property
    def complete(self) -> bool:
        """Whether the whole stage has come."""
        return not self.pending


def parts_of(layout: Layout, stage: Stage, values: Mapping[str, Tensor]) -> tuple[StagePart, ...]:
    """The parts of a stage, of which `values` has the tensors, in the order in which they come.

    `values` are those of a record: a step's have their leading `K` axis, the encoder's have none.
    """
    mine = _sites_of(layout, stage, values)
    found: list[tuple[str, int | None, frozenset[str]]] = []
    step_stages = [each for each in layout.stages if each is not Stage.ENCODER]
    if step_stages and stage is step_stages[0]:
        found.append((INPUTS, None, frozenset(mine)))
    both = sites.DECODER_STATE in values and sites.ATTENTION_CONTEXT in values
    if both and mine and mine[0] == sites.PREDICTION_FEATURES:
        found.append((TOGETHER, None, frozenset(mine)))
    for place, site in enumerate(mine):
        pending = frozenset(mine[place + 1 :])
        layers = _layers(site, stage, values[site])
        for layer in range(layers) if layers > 1 else (None,):
            last = layer is None or layer == layers - 1
            found.append((site, layer, pending if last else pending | {site}))
    return tuple(StagePart(*each) for each in found)


def _sites_of(layout: Layout, stage: Stage, values: Mapping[str, Tensor]) -> list[str]:
    order = (*layout.sites, sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS)
    return [site for site in dict.fromkeys(order) if SITES[site].stage is stage and site in values]


def _layers(site: str, stage: Stage, value: Tensor) -> int:
    if not SITES[site].axes.startswith("L"):
        return 1
    return value.shape[0 if stage is Stage.ENCODER else 1]
