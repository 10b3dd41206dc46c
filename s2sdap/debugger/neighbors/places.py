"""Places of which neighbours can be asked: a site at a frame, and the vector that stands there."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float32
from torch import Tensor

from s2sdap.debugger.frames import Frame
from s2sdap.models.tokens import SourceToken
from s2sdap.neighbors.states import INDEXABLE, StateSite
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

_AT_STAGE: Final = {
    Stage.ENCODER: (sites.ENCODER_STATES, sites.ENCODER_LAYERS),
    Stage.DECODER: (sites.DECODER_STATE, sites.DECODER_LAYERS, sites.DECODER_CELLS),
    Stage.ATTENTION: (sites.ATTENTION_CONTEXT, sites.ATTENTION_CONTEXTS),
    Stage.PREDICTION: (sites.PREDICTION_FEATURES, sites.DECODER_STATE, sites.DECODER_LAYERS),
}
_PREDICTING: Final = (
    sites.DECODER_STATE,
    sites.PREDICTION_FEATURES,
    sites.DECODER_LAYERS,
    sites.ATTENTION_CONTEXT,
    sites.ATTENTION_CONTEXTS,
)
"""Sites of a step by how much they say of it."""


@dataclass(frozen=True, slots=True)
class StatePlace:
    """A site at a frame. `position` is that of a source token; sites of the target have none."""

    site: StateSite
    position: int | None = None

    def __str__(self) -> str:
        return str(self.site) if self.position is None else f"{self.site}[{self.position}]"


def vector_at(frame: Frame, place: StatePlace) -> Float32[np.ndarray, "D"]:
    """The tensor that the run used at `place`, in single precision; heads of a layer one after the other.

    Raises `no_such_site` or `not_yet` where the frame has none, and `bad_value` for a layer or a
    position that is not there.
    """
    value = frame.site(place.site.site)
    if place.site.layer is not None:
        value = _part(value, place.site.layer, "the layer", place)
    if place.site.of_source:
        value = _part(value, focused(frame, place), "the position", place)
    vector: Float32[np.ndarray, "D"] = value.detach().to("cpu", torch.float32).flatten().numpy()
    return vector


def focused(frame: Frame, place: StatePlace) -> int:
    """The source position of a place; where none is named, the most attended token's, else the first."""
    return place.position if place.position is not None else frame.focus() or 0


def source_token(frame: Frame, position: int | None) -> SourceToken:
    """The source token at a position, by default the most attended one. Raises `bad_value`."""
    tokens = frame.source.tokens
    at = position if position is not None else frame.focus() or 0
    if not 0 <= at < len(tokens):
        expected = f"a number from 0 to {len(tokens) - 1}"
        reason = f"the source has {len(tokens)} tokens"
        raise S2sdapError("bad_value", value=at, name="the position", reason=reason, expected=expected)
    return tokens[at]


def settled(frame: Frame, place: StatePlace) -> StatePlace:
    """The place with its source position named; a site of the target takes none. Raises `bad_value`."""
    if place.site.of_source:
        return StatePlace(place.site, focused(frame, place))
    if place.position is not None:
        raise S2sdapError(
            "bad_value",
            value=place.position,
            name=str(place.site),
            reason="it is one vector a step",
            expected="no position; the frame says which step",
        )
    return place


def states_of(frame: Frame) -> tuple[StateSite, ...]:
    """The sites that the frame's model has states of, layer by layer, as far as the frame has come."""
    found: list[StateSite] = []
    for name in INDEXABLE:
        value = frame.site_or_none(name)
        if value is None:
            continue
        layered = "L" in SITES[name].axes.split()
        found += [StateSite(name, at) for at in range(len(value))] if layered else [StateSite(name)]
    return tuple(found)


def sites_here(frame: Frame, indexed: Sequence[StateSite]) -> tuple[StateSite, ...]:
    """Of the sites that an index holds those of the frame's stage; at search those of the whole step."""
    stage = frame.stage
    if stage is Stage.SEARCH:
        named = dict.fromkeys(
            site for each in _AT_STAGE if each is not Stage.ENCODER for site in _AT_STAGE[each]
        )
    else:
        named = dict.fromkeys(_AT_STAGE[stage])
    return tuple(site for name in named for site in indexed if site.site == name and frame.has(name))


def predicting_site(frame: Frame, indexed: Sequence[StateSite]) -> StateSite | None:
    """The site whose vector says most of what a step predicts, of those that an index holds.

    Of layers the top one.
    """
    for name in _PREDICTING:
        of_it = [site for site in indexed if site.site == name and frame.has(name)]
        if of_it:
            return max(of_it)
    return None


def _part(value: Tensor, index: int, what: str, place: StatePlace) -> Tensor:
    if not 0 <= index < value.shape[0]:
        raise S2sdapError(
            "bad_value",
            value=index,
            name=what,
            reason=f"{SITES[place.site.site].name} has {value.shape[0]} there",
            expected=f"a number from 0 to {value.shape[0] - 1}",
        )
    return value[index]


def place_at(site: str, at: Sequence[int | None]) -> StatePlace:
    """The place of the tensor at a site, `at` running over its leading axes. Raises `index_site`.

    One that names no single vector has no neighbours: `nothing_to_copy`.
    """
    if site not in INDEXABLE:
        raise S2sdapError("index_site", site=site, known=", ".join(INDEXABLE))
    wanted = [axis for axis in SITES[site].axes.split() if axis in ("L", "S")]
    named = [each for each in at if each is not None]
    if len(named) != len(at) or len(named) != len(wanted):
        reason = f"name its {' and '.join(_AXES[axis] for axis in wanted)}" if wanted else "it is one vector"
        raise S2sdapError("nothing_to_copy", site=site, where="a neighbour", reason=reason)
    values = dict(zip(wanted, named, strict=True))
    return StatePlace(StateSite(site, values.get("L")), values.get("S"))


_AXES: Final = {"L": "layer", "S": "source position"}
