"""The vectors of a decode as a table, a row a source token or a step; and what numbers look like together.

Reading a step that was let go of runs it again, so this is for the thread where the model lives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.debugger.columns import Row, rows_of
from s2sdap.debugger.frames import Frame
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import PREDICTION_LOGITS, PREDICTION_LOGPROBS, SITES
from s2sdap.vocabulary.stages import Stage

BINS: Final = 24
PROBABILITIES: Final = "prediction.probabilities"
"""What is shown beside the sites: the softmax, that is, the powers of e of `prediction.logprobs`."""
TOKENS: Final = 4096
"""Of a larger vocabulary logits and probabilities are no picture that anybody could read."""
SATURATED: Final = 0.95
"""From this share of its bound on, a number counts as saturated."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A site that can be shown as vectors: its axes without those of position, as they are in this model.

    Attributes:
        name: of the site.
        meaning: what it holds.
        layers: how many layers it has, 0 where it has no such axis.
        heads: the same of heads.
        size: features of a vector, or tokens.
    """

    name: str
    meaning: str
    layers: int
    heads: int
    size: int


@dataclass(frozen=True, slots=True, eq=False)
class Summary:
    """What numbers look like together.

    Attributes:
        least: the smallest.
        most: the largest.
        mean: their mean.
        deviation: their standard deviation.
        counts: of `BINS` bins of equal width from the smallest to the largest.
        saturated: of numbers that lie in -1..1, the share at 0.95 of it or beyond; `None` of others.
        odd: how many are NaN or infinite; they count nowhere else.
        zero: the share of exact zeros.
    """

    least: float
    most: float
    mean: float
    deviation: float
    counts: NDArray[np.int64]
    saturated: float | None
    odd: int
    zero: float


def summary_of(values: Tensor) -> Summary:
    """The summary of all numbers of a tensor."""
    flat = values.detach().reshape(-1).float()
    finite = flat[torch.isfinite(flat)]
    odd = flat.numel() - finite.numel()
    if finite.numel() == 0:
        return Summary(0.0, 0.0, 0.0, 0.0, np.zeros(BINS, np.int64), None, odd, 0.0)
    least, most = float(finite.min()), float(finite.max())
    edges = (least, most) if most > least else (least - 0.5, least + 0.5)
    counts = torch.histc(finite, bins=BINS, min=edges[0], max=edges[1]).long().cpu().numpy()
    bounded = least >= -1 and most <= 1
    return Summary(
        least=least,
        most=most,
        mean=float(finite.double().mean()),
        deviation=float(finite.double().std(unbiased=False)),
        counts=counts,
        saturated=float((finite.abs() >= SATURATED).double().mean()) if bounded else None,
        odd=odd,
        zero=float((finite == 0).double().mean()),
    )


def shown_sites(frame: Frame) -> list[Shown]:
    """The sites with vectors of features or tokens that this frame has come to, in the order of the model."""
    found = []
    for name in frame.decode.model.layout.sites:
        axes = SITES[name].axes.split()
        value = frame.site_or_none(name) if axes[-1:] == ["D"] else None
        if value is None:
            continue
        lengths = dict(zip(axes, value.shape, strict=True))
        found.append(Shown(name, SITES[name].meaning, lengths.get("L", 0), lengths.get("H", 0), lengths["D"]))
    for name in (PREDICTION_LOGITS, PROBABILITIES) if _few_tokens(frame) else ():
        value = frame.site_or_none(_recorded(name)) if frame.has(_recorded(name)) else None
        if value is not None:
            meaning = "their softmax, after the generation settings" if name == PROBABILITIES else ""
            found.append(Shown(name, meaning or SITES[name].meaning, 0, 0, len(value)))
    return found


def of_tokens(site: str) -> bool:
    """Whether a vector of the site has a number for every target token."""
    return site in (PREDICTION_LOGITS, PROBABILITIES)


def _few_tokens(frame: Frame) -> bool:
    """Whether there are few enough for a picture; of a large vocabulary logits would be computed again."""
    return len(frame.decode.model.target) <= TOKENS


def _recorded(site: str) -> str:
    """The site that is recorded of what is shown."""
    return PREDICTION_LOGPROBS if site == PROBABILITIES else site


def of_encoder(site: str) -> bool:
    """Whether a site has a vector for every source token, and not one a step."""
    return site in SITES and SITES[site].stage is Stage.ENCODER


def steps_with(frame: Frame, site: str) -> list[Row]:
    """The steps of the frame's hypothesis that have come to a site."""
    site, rows = _recorded(site), rows_of(frame)
    if rows and rows[-1].chosen is None and not frame.has(site):
        rows = rows[:-1]
    return [row for row in rows if site in row.record.sites]


def vectors_of(
    frame: Frame, site: str, rows: Sequence[Row], layer: int | None, head: int | None
) -> Float[Tensor, "N L D"]:
    """The vectors of a site for these steps, or of an encoder's site for all tokens; L is 1 of one layer.

    Raises `no_such_site`, `not_yet`, or `bad_value` where there is no such layer or head.
    """
    shown, site = site, _recorded(site)
    axes = SITES[site].axes.split() if site in SITES else []
    if not axes or (axes[-1] != "D" and not (of_tokens(shown) and _few_tokens(frame))):
        raise S2sdapError("no_such_site", site=shown)
    if of_encoder(site):
        value = frame.site(site)
        stacked = value.movedim(axes.index("S"), 0)
    else:
        here = frame.site(site)[None, ...] if not rows else None  # a page beyond the last step is empty
        stacked = torch.stack([row.record.sites[site][row.row] for row in rows]) if here is None else here[:0]
        stacked = stacked.exp() if shown == PROBABILITIES else stacked
    if "H" in axes:
        stacked = _part(stacked, 2, "head", head or 0)
    if "L" not in axes:
        return stacked[:, None]
    return stacked if layer is None else _part(stacked, 1, "layer", layer)[:, None]


def _part(values: Tensor, axis: int, name: str, index: int) -> Tensor:
    count = values.shape[axis]
    if not 0 <= index < count:
        raise S2sdapError(
            "bad_value", value=index, name=name, reason=f"there are {count}", expected="a lower number"
        )
    return values.select(axis, index)
