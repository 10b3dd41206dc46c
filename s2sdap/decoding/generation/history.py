"""The caches of a decode, step by step, in memory that grows with its length and not its square.

A layer of a dynamic cache grows by one key and one value a step, and beam search permutes its rows.
A `Moment` keeps what one step added and how its rows were permuted, and points at the moment before
it; from that the cache of any step is put together again, bit for bit. Layers that write in place
(static, quantised, linear attention) are copied whole, and so are caches of a model's own kind.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor
from transformers import cache_utils
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer, EncoderDecoderCache

from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class _Grown:
    """What a growing layer got in one step: keys and values [R, H, n, D], and its length after it."""

    keys: Tensor
    values: Tensor
    length: int


@dataclass(frozen=True, slots=True, eq=False)
class Moment:
    """The cache before a step. `rows` [R] names, for each row, the row of `grown` that it continues.

    `layers` holds one entry a layer: `_Grown` for one that grows, a copy of the layer for one that
    does not. `crossed` are the layers over the source as they were before the first step: mostly
    empty, and then the model fills them again, as it did in that step, from the encoder's states;
    a cache that is given back to a caller keeps them as they are.
    `shell` is the cache without its layers; a cache of another kind than transformers' own stands
    whole in it, copied.
    """

    before: "Moment | None"
    layers: tuple[Any, ...]
    rows: Tensor | None
    crossed: tuple[Any, ...]
    shell: Any = field(repr=False)

    @classmethod
    def first(cls, cache: Any) -> "Moment":
        """The cache as `generate` prepared it; one that a caller filled beforehand counts as one step."""
        if not _layered(cache):
            return cls(None, (), None, (), copy.deepcopy(cache))
        own, crossed = _layers(cache)
        return cls(None, tuple(_kept(layer, 0) for layer in own), None, _copies(crossed), _shell(cache))

    @classmethod
    def empty(cls) -> "Moment":
        """Before a model made a cache of its own."""
        return cls(None, (), None, (), None)

    def then(self, cache: Any, model: Any, rows: Tensor | None, *, given_back: bool) -> "Moment":
        """The moment after a step that made this one's cache `cache`, which `rows` [R] is to permute."""
        if not _layered(cache):
            whole = copy.deepcopy(cache)
            return Moment(None, (), None, (), whole if rows is None else reorder(whole, model, rows))
        own, crossed = _layers(cache)
        # A cache that a caller made may get its layers only as they are used for the first time.
        there = (*self.layers, *(None for _ in own[len(self.layers) :]))
        layers = tuple(
            _kept(layer, was.length if isinstance(was, _Grown) else 0, rows)
            for layer, was in zip(own, there, strict=True)
        )
        read = _copies(crossed) if given_back or self.shell is None else self.crossed
        return Moment(self, layers, rows, read, _shell(cache))

    def crossing(self, cache: Any) -> "Moment":
        """The same with the layers over the source that `cache` has, where this one keeps them filled.

        They have a row for each row of the batch, and there may be more or fewer of those now.
        """
        if not _layered(cache) or not any(layer.get_seq_length() for layer in self.crossed):
            return self
        return replace(self, crossed=_copies(_layers(cache)[1]))

    def cache(self) -> Any:
        """The cache of this moment, put together again: nothing in it is shared with another run."""
        if not _layered(self.shell):
            return copy.deepcopy(self.shell)
        chain: list[Moment] = []
        moment: Moment | None = self
        while moment is not None:
            chain.append(moment)
            moment = moment.before
        rows = _rows(chain)
        chain.reverse()
        rows.reverse()
        own: list[Any] = []
        for index, layer in enumerate(self.layers):
            if isinstance(layer, _Grown):
                own.append(_rebuilt(self._layer(index), chain, rows, index))
            else:
                own.append(copy.deepcopy(layer))
        whole = _filled(self.shell, own, list(_copies(self.crossed)))
        filled = any(layer.get_seq_length() for layer in self.crossed)
        if isinstance(whole, EncoderDecoderCache) and not filled and chain[0].shell is not None:
            whole.is_updated = dict(chain[0].shell.is_updated)
        return whole

    def _layer(self, index: int) -> Any:
        own, _ = _layers(self.shell)
        return own[index]


def reorder(cache: Any, model: Any, rows: Tensor) -> Any:
    """Permute the rows of the cache, as transformers' beam search does.

    Raises `generate_refused` where that cannot be done.
    """
    if hasattr(model, "_reorder_cache"):
        return model._reorder_cache(cache, rows)
    if not hasattr(cache, "reorder_cache"):
        reason = f"there is no beam search over a cache of the kind {type(cache).__name__}"
        raise S2sdapError("generate_refused", reason=reason)
    cache.reorder_cache(rows)
    return cache


def _layered(cache: Any) -> bool:
    """Whether it is one of transformers' own caches, of which every layer is known by itself.

    A model's own class may keep more beside the layers.
    """
    return type(cache).__module__ == cache_utils.__name__


def _layers(cache: Any) -> tuple[list[Any], list[Any]]:
    """The layers that grow with the target, and those over the source."""
    if isinstance(cache, EncoderDecoderCache):
        return list(cache.self_attention_cache.layers), list(cache.cross_attention_cache.layers)
    return list(cache.layers), []


def _grows(layer: Any) -> bool:
    """Whether a layer does nothing but put new keys and values after the old ones."""
    if type(layer) is DynamicSlidingWindowLayer:
        return layer.sliding_window > 1 and not layer.record_past
    return type(layer) is DynamicLayer


def _kept(layer: Any, before: int, rows: Tensor | None = None) -> Any:
    if not _grows(layer):
        whole_copy = copy.deepcopy(layer)
        if rows is not None:
            whole_copy.reorder_cache(rows)
        return whole_copy
    length = int(layer.get_seq_length())
    if not layer.is_initialized or length == before:
        empty = torch.empty(0)
        return _Grown(empty, empty, length)
    there = layer.keys.shape[-2]
    new = min(length - before, there)  # of more than a sliding window keeps, the rest is never read
    whole = new == there
    keys, values = layer.keys[..., -new:, :], layer.values[..., -new:, :]
    # The first step's keys are all there are; later ones are cut out, so as not to hold the rest.
    return _Grown(keys if whole else keys.clone(), values if whole else values.clone(), length)


def _copies(layers: Sequence[Any]) -> tuple[Any, ...]:
    """Layers over the source; those that grow share their tensors, which nobody writes into."""
    return tuple(copy.copy(layer) if _grows(layer) else copy.deepcopy(layer) for layer in layers)


def _shell(cache: Any) -> Any:
    """The cache object without its tensors: classes, windows, flags."""
    if isinstance(cache, EncoderDecoderCache):
        hollow = copy.copy(cache)
        hollow.self_attention_cache = _shell(cache.self_attention_cache)
        hollow.cross_attention_cache = _shell(cache.cross_attention_cache)
        hollow.is_updated = dict(cache.is_updated)
        return hollow
    hollow = copy.copy(cache)
    hollow.layers = []
    for layer in cache.layers:
        bare = copy.copy(layer)
        if _grows(layer):
            bare.keys = bare.values = None
        hollow.layers.append(bare)
    return hollow


def _filled(shell: Any, own: list[Any], crossed: list[Any]) -> Any:
    """A cache like `shell` with these layers."""
    whole = copy.copy(shell)
    if isinstance(shell, EncoderDecoderCache):
        whole.self_attention_cache = _filled(shell.self_attention_cache, own, [])
        whole.cross_attention_cache = _filled(shell.cross_attention_cache, crossed, [])
        whole.is_updated = dict(shell.is_updated)
        return whole
    whole.layers = own
    return whole


def _rows(chain: list[Moment]) -> list[Tensor | None]:
    """For each moment of a chain, newest first: which of its step's rows each row of today continues."""
    rows: Tensor | None = None
    out: list[Tensor | None] = []
    for moment in chain:
        if moment.rows is not None:
            rows = moment.rows if rows is None else moment.rows[rows]
        out.append(rows)
    return out


def _rebuilt(bare: Any, chain: list[Moment], rows: list[Tensor | None], index: int) -> Any:
    """A growing layer with the keys and values of every moment of the chain, oldest first."""
    layer = copy.copy(bare)
    pieces: list[tuple[Tensor, Tensor]] = []
    for moment, row in zip(chain, rows, strict=True):
        if index >= len(moment.layers):  # not there yet
            continue
        grown: _Grown = moment.layers[index]
        if grown.keys.numel():
            if row is None:
                pieces.append((grown.keys, grown.values))
            else:
                pieces.append((grown.keys.index_select(0, row), grown.values.index_select(0, row)))
    if not pieces:
        return layer
    layer.keys = torch.cat([keys for keys, _ in pieces], dim=-2)
    layer.values = torch.cat([values for _, values in pieces], dim=-2)
    if isinstance(layer, DynamicSlidingWindowLayer):
        layer.keys = layer.keys[:, :, -layer.sliding_window + 1 :, :]
        layer.values = layer.values[:, :, -layer.sliding_window + 1 :, :]
    return layer
