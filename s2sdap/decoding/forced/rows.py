"""What a forced batch leaves: rows of chosen sites, one after the other, with no padding among them.

B sentences, S source tokens and T target tokens of the longest, N rows: the tokens of all sentences.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Float16, Int
from torch import Tensor

from s2sdap.decoding.likeliest import likeliest
from s2sdap.models.tokens import Source
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES
from s2sdap.vocabulary.stages import Stage

Wanted = tuple[str, int | None]
"""A site of the vocabulary, and which layer of one that has layers."""

LARGEST: Final = float(torch.finfo(torch.float16).max)
"""65504. What is larger is kept as this: infinity would be near to nothing."""


@dataclass(frozen=True, slots=True)
class Forced:
    """A sentence to be forced: its source, and the target tokens that it has to write, in their order."""

    source: Source
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The rows of a batch, sentence after sentence, on the CPU.

    `vectors` of a site of the encoder has a row a source token, of any other a row a target token.
    `predicted` is the token with the highest logit at each target token, -1 where some logit is no number.
    """

    vectors: Mapping[Wanted, Float16[Tensor, "_ _"]]
    predicted: Int[Tensor, "T"]


@runtime_checkable
class Forcing(Protocol):
    """How the sentences of one model are forced."""

    @property
    def roundoff(self) -> float:
        """The relative error of one rounding of the model's numbers."""
        ...

    def source(self, text: str, folder: Path | None, /) -> Source:
        """The source tokens of a line; `folder` is where a line that names a file means it."""
        ...

    def target(self, source: Source, written: tuple[int, ...], /) -> tuple[int, ...]:
        """What the debugger writes for a target of the tokens `written`: with the end symbol, for one."""
        ...

    def target_limit(self, source: Source, /) -> int | None:
        """How many target tokens the model has room for after `source`; `None` where nothing bounds it."""
        ...

    def greedy(self, sources: Sequence[Source], /) -> Sequence[tuple[int, ...]]:
        """What the model writes of each by itself, its likeliest token at every step.

        A word that only its source has is the token that it is in that sentence: `listed` makes of it what
        can be forced.
        """
        ...

    def force(self, sentences: Sequence[Forced], wanted: Collection[Wanted], /) -> Rows:
        """The rows of `wanted` for one batch."""
        ...

    def stepped(self, sentence: Forced, wanted: Collection[Wanted], /) -> Rows:
        """The rows of one sentence as the debugger itself computes them, step by step."""
        ...

    def sizes(self, source: Source, /) -> Mapping[Wanted, int]:
        """The width D of every site that has rows, layer by layer, as measured on `source`."""
        ...


def of_source(site: str) -> bool:
    """Whether a site has a row a source token."""
    return SITES[site].stage is Stage.ENCODER


def has_layers(site: str) -> bool:
    """Whether a site has an L axis."""
    return "L" in SITES[site].axes.split()


def layer_of(site: str, value: Tensor, layer: int | None) -> Tensor:
    """One layer of a site's value, its heads one after the other: [S D] of the encoder, else [K D].

    Raises:
        S2sdapError: `no_state_layer`.
    """
    if layer is not None:
        axis = 0 if of_source(site) else 1
        if layer >= value.shape[axis]:
            raise S2sdapError("no_state_layer", site=site, layer=layer, count=value.shape[axis])
        value = value.select(axis, layer)
    return value.flatten(1) if value.dim() > 2 else value


def standing(lengths: Sequence[int], width: int, device: torch.device) -> Int[Tensor, "N"]:
    """Where tokens stand in [B, width], as places in its flat form; the rest is padding."""
    within = torch.arange(width) < torch.tensor(lengths)[:, None]
    return within.flatten().nonzero()[:, 0].to(device)


def rows_at(places: Int[Tensor, "N"], padded: Float[Tensor, "B T *rest"]) -> Float16[Tensor, "N D"]:
    """The rows of `padded` at `places`, in half precision."""
    return halved(padded.flatten(0, 1).index_select(0, places).flatten(1))


def halved(values: Float[Tensor, "*shape"]) -> Float16[Tensor, "*shape"]:
    """`values` rounded to half precision; those too large for it become its largest number."""
    return values if values.dtype == torch.float16 else values.clamp(-LARGEST, LARGEST).half()


def predictions(logits: Float[Tensor, "*rows V"]) -> Int[Tensor, "*rows"]:
    """The token with the highest logit of each row, -1 where a logit is no number."""
    tokens = likeliest(logits)
    highest = logits.gather(-1, tokens[..., None]).squeeze(-1)
    return tokens.masked_fill(highest.isnan(), -1)


def filled_up(rows: Sequence[Sequence[int]], fill: int = 0) -> Int[Tensor, "B W"]:
    """Rows of tokens as one tensor, as wide as the longest."""
    lengths = [len(row) for row in rows]
    filled = torch.full((len(rows), max(lengths)), fill)
    flat = torch.from_numpy(np.fromiter(chain.from_iterable(rows), np.int64, sum(lengths)))
    filled.view(-1)[standing(lengths, filled.shape[1], filled.device)] = flat
    return filled


def joined(parts: Sequence[Rows]) -> Rows:
    """The rows of several batches, one after the other."""
    if len(parts) == 1:
        return parts[0]
    vectors = {key: torch.cat([part.vectors[key] for part in parts]) for key in parts[0].vectors}
    return Rows(vectors, torch.cat([part.predicted for part in parts]))
