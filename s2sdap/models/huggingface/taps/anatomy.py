"""Looking a model over: where its layers, its attention and its output are. Nothing is changed.

What holds for single families and not for all is told here too, by what their modules show of it.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from torch import nn
from transformers import PreTrainedModel

from s2sdap.models.huggingface.taps.probing import TAPPED_SITES
from s2sdap.vocabulary import sites

__all__ = ["Anatomy", "Attention", "forward_of", "look_over"]

CROSS_ATTENTION: Final = frozenset(
    {"encoder_attn", "EncDecAttention", "crossattention", "cross_attention", "cross_attn"}
)
SELF_ATTENTION: Final = frozenset({"self_attn", "attn", "self_attention", "attention", "SelfAttention"})
HEADS: Final = ("num_heads", "n_heads", "num_attention_heads", "num_attn_heads", "n_head")
INTERFACE: Final = "ALL_ATTENTION_FUNCTIONS"
NO_ROWS: Final = ("flex", "paged")
"""Implementations whose masks or caches have no row of one query position to read."""


@dataclass(frozen=True)
class Attention:
    """One decoder layer's attention on show. `through_interface`: the module asks for its implementation."""

    module: nn.Module
    through_interface: bool
    heads: int


@dataclass(frozen=True)
class Anatomy:
    """Where things are in a model. Lists are bottom first; `None` and empty lists are what it lacks."""

    has_encoder: bool
    encoder: nn.Module | None
    encoder_layers: tuple[nn.Module, ...]
    projection: nn.Linear | None
    """Between an encoder and a decoder of different widths: cross-attention reads its output."""
    stack: nn.Module | None
    """The decoder: it runs the layers and the final norm."""
    decoder_layers: tuple[nn.Module, ...]
    attention: tuple[Attention, ...]
    attention_layers: tuple[int, ...]
    """Which decoder layer each entry of `attention` belongs to."""
    output: nn.Module | None
    """The output embedding, which reads the features."""
    state_is_output: bool
    """The decoder itself applies the output embedding: its state is what that reads."""
    time_first: bool
    """Layers pass their states as `[T, K, D]`."""
    streams: int
    """Predicting streams beside the main one; the first of them predicts the next token."""
    missing: dict[str, str] = field(default_factory=dict)


def look_over(model: PreTrainedModel) -> Anatomy:
    """The anatomy of a model, with a reason for every site of `TAPPED_SITES` that it cannot show."""
    missing: dict[str, str] = {}
    has_encoder = bool(model.config.is_encoder_decoder)
    encoder, encoder_layers = _encoder(model, missing) if has_encoder else (None, ())
    if not has_encoder:
        missing[sites.ENCODER_STATES] = missing[sites.ENCODER_LAYERS] = "the model has no encoder"
    stack, decoder_layers = _decoder(model)
    if not decoder_layers:
        missing[sites.DECODER_LAYERS] = "no list of decoder layers was found in the model"
        missing[sites.DECODER_STATE] = missing[sites.DECODER_LAYERS]
    found = [(i, _attention(layer, has_encoder)) for i, layer in enumerate(decoder_layers)]
    attention = [(i, one) for i, one in found if one is not None]
    reason = _attention_lacks([one for _, one in attention])
    if reason is not None:
        missing[sites.ATTENTION_WEIGHTS] = missing[sites.ATTENTION_CONTEXTS] = reason
        attention = []
    output = _output(model)
    if output is None:
        missing[sites.PREDICTION_FEATURES] = "the output layer is no module of its own"
    file = type(decoder_layers[0]).__module__ if decoder_layers else ""
    return Anatomy(
        has_encoder=has_encoder,
        encoder=encoder,
        encoder_layers=encoder_layers,
        projection=_projection(model),
        stack=stack,
        decoder_layers=decoder_layers,
        attention=tuple(one for _, one in attention),
        attention_layers=tuple(i for i, _ in attention),
        output=output,
        state_is_output=stack is not None and output is not None and output in set(stack.modules()),
        time_first=file.endswith("modeling_fsmt"),
        streams=getattr(stack, "ngram", 0) if file.endswith("modeling_prophetnet") else 0,
        missing={site: missing[site] for site in TAPPED_SITES if site in missing},
    )


def forward_of(module: nn.Module) -> Callable[..., Any]:
    """The function that a module's class wrote as its forward, without decorators."""
    forward: Callable[..., Any] = inspect.unwrap(type(module).forward)
    return forward


def _encoder(
    model: PreTrainedModel, missing: dict[str, str]
) -> tuple[nn.Module | None, tuple[nn.Module, ...]]:
    encoder = model.get_encoder()
    if encoder is model:
        reason = "the encoder was not found in the model"
        missing[sites.ENCODER_STATES] = missing[sites.ENCODER_LAYERS] = reason
        return None, ()
    if hasattr(getattr(encoder, "config", None), "depths"):
        missing[sites.ENCODER_LAYERS] = "the encoder's layers have states of different lengths"
        return encoder, ()
    layers = _layers(encoder, CROSS_ATTENTION | SELF_ATTENTION) or _repeated(encoder)
    if not layers:
        missing[sites.ENCODER_LAYERS] = "no list of encoder layers was found in the model"
    return encoder, layers


def _decoder(model: PreTrainedModel) -> tuple[nn.Module | None, tuple[nn.Module, ...]]:
    decoder = model.get_decoder()  # type: ignore[no-untyped-call]
    layers = _layers(decoder, CROSS_ATTENTION | SELF_ATTENTION) or _repeated(decoder)
    if not layers:
        return None, ()
    stack = decoder
    for inner in decoder.modules():  # parents come before children: the last one is the deepest
        if isinstance(inner, PreTrainedModel) and layers[0] in set(inner.modules()):
            stack = inner
    return stack, layers


def _output(model: PreTrainedModel) -> nn.Module | None:
    """The module that makes logits of features."""
    embedding: Any = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    if not isinstance(embedding, nn.Embedding):
        return embedding if isinstance(embedding, nn.Module) else None
    # FSMT gives the table of tokens for it: what reads features is the linear layer of the same shape.
    same = [
        m for m in model.modules() if isinstance(m, nn.Linear) and m.weight.shape == embedding.weight.shape
    ]
    return same[-1] if same else None


def _layers(model: nn.Module, names: frozenset[str]) -> tuple[nn.Module, ...]:
    """The first list of modules of which at least one has attention."""
    for modules in model.modules():
        if isinstance(modules, nn.ModuleList) and any(
            _last(path) in names for layer in modules for path, _ in layer.named_modules()
        ):
            return tuple(modules)
    return ()


def _repeated(model: nn.Module) -> tuple[nn.Module, ...]:
    """The first list of more than one module that are all of one class."""
    for modules in model.modules():
        if isinstance(modules, nn.ModuleList) and len(modules) > 1 and len({type(m) for m in modules}) == 1:
            return tuple(modules)
    return ()


def _attention(layer: nn.Module, cross: bool) -> Attention | None:
    names = CROSS_ATTENTION if cross else SELF_ATTENTION
    for path, module in layer.named_modules():
        if _last(path) in names:
            return _attending(module)
    return None


def _attending(named: nn.Module) -> Attention:
    """The module in `named`, itself included, that attends in its own code."""
    for module in named.modules():
        if INTERFACE in _names_used(module):
            # With this setting GPT-2's eager attention goes a way of its own.
            by_itself = getattr(module, "reorder_and_upcast_attn", False)
            through = "config" in module.__dict__ and not by_itself
            return Attention(module, through, _heads(module))
    for module in named.modules():
        if _names_in_class(module) & {"softmax", "scaled_dot_product_attention"}:
            return Attention(module, False, _heads(module))
    return Attention(named, False, _heads(named))


def _names_used(module: nn.Module) -> set[str]:
    code = getattr(forward_of(module), "__code__", None)
    return set() if code is None else set(code.co_names)


def _names_in_class(module: nn.Module) -> set[str]:
    """What the methods of a module's class use; an attention may have its softmax in a method of its own."""
    codes = (getattr(inspect.unwrap(method), "__code__", None) for method in _methods(type(module)))
    return {name for code in codes if code is not None for name in code.co_names}


def _methods(kind: type[nn.Module]) -> list[Callable[..., Any]]:
    own = (each for each in kind.__mro__ if each is not nn.Module and issubclass(each, nn.Module))
    return [value for each in own for value in vars(each).values() if inspect.isfunction(value)]


def _heads(module: nn.Module) -> int:
    """How many heads; 0 where it does not say."""
    for place in (module, getattr(module, "config", None)):
        for name in HEADS:
            heads = getattr(place, name, None)
            if isinstance(heads, int):
                return heads
    return 0


def _attention_lacks(attention: list[Attention]) -> str | None:
    """Why the attention cannot be shown, or `None`."""
    if not attention:
        return "no attention was found in the decoder's layers"
    if len({one.heads for one in attention}) > 1:
        return "the decoder's layers have different numbers of heads"
    if attention[0].heads == 0:
        return "the attention does not say how many heads it has"
    for one in attention:
        implementation = getattr(getattr(one.module, "config", None), "_attn_implementation", None) or ""
        if one.through_interface and any(name in implementation for name in NO_ROWS):
            return f"with the implementation {implementation!r} no row of the attention can be read"
    return None


def _projection(model: PreTrainedModel) -> nn.Linear | None:
    projection = getattr(model, "enc_to_dec_proj", None)
    return projection if isinstance(projection, nn.Linear) else None


def _last(path: str) -> str:
    return path.rpartition(".")[2]
