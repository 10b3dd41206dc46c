"""OpenNMT-py's weights as those of the recurrent family, which computes the same from them.

What a network is made of is read from the names and shapes of its weights, since options have changed their
names and meanings from version to version. The family has every part under another name, and two things are
turned round: OpenNMT projects the query of `general` attention where the family projects the keys, so that
matrix is transposed; and its `mlp` attention has two biases and an attentional state without tanh, which the
family knows as `concat` with `attention_bias` and `linear`.

Copy attention is the family's `attentional` copying, by the attention of the context (`reuse_copy_attn`) or
by one of its own, of which nothing but where it points is used. Such a model never generates padding.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import torch
from torch import Tensor

from s2sdap.models.checkpoint import CheckpointConfig, weight_shapes
from s2sdap.models.opennmt.reasons import Unfit, Unsupported
from s2sdap.models.rnn.config import AttentionKind, CellKind, RnnConfig

_CELLS: Final[dict[int, CellKind]] = {1: "rnn", 3: "gru", 4: "lstm"}
_EMBEDDING: Final = re.compile(r"(embeddings\.)?(make_embedding\.)?(emb_luts\.0|word_lut)\.weight")
_FOREIGN: Final = (
    (re.compile(r"transformer|self_attn|layer_norm"), "a Transformer"),
    (re.compile(r"\.bridge\."), "a bridge between encoder and decoder"),
    (re.compile(r"\.context_gate\."), "a context gate"),
    (re.compile(r"\.linear_cover\."), "coverage attention"),
    (re.compile(r"emb_luts\.[1-9]|feature_lut|\.mlp\."), "word features"),
    (re.compile(r"\.pe(\.|$)"), "position encoding"),
    (re.compile(r"\.conv|\.cnn"), "convolutions"),
)
_CELL_PARTS: Final = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


class _Weights:
    """Weights by name, each to be taken once; what is left in the end nobody knows."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        self._left = dict(weights)

    def __contains__(self, name: str) -> bool:
        return name in self._left

    def __getitem__(self, name: str) -> Tensor:
        """The weight `name`, which is not left any more."""
        try:
            return self._left.pop(name)
        except KeyError:
            raise Unfit(f"it lacks {name}") from None

    def shape(self, name: str) -> tuple[int, int]:
        """The sizes of the matrix `name`."""
        weight = self._left.get(name)
        if weight is None or weight.dim() != 2 or 0 in weight.shape:
            raise Unfit(f"it has no matrix {name}")
        rows, columns = weight.shape
        return rows, columns

    def embedding(self, part: str) -> str:
        """What the embedding of encoder or decoder is called, which has changed from version to version."""
        for name in self._left:
            if name.startswith(part) and _EMBEDDING.fullmatch(name.removeprefix(part)):
                return name
        raise Unfit(f"it has no word embeddings under {part.rstrip('.')}")

    def refuse_foreign(self) -> None:
        """Raise `Unsupported` for the first weight that belongs to a part that the family does not have."""
        for name in self._left:
            for pattern, part in _FOREIGN:
                if pattern.search(name):
                    raise Unsupported(f"{part} ({name})")

    def refuse_rest(self) -> None:
        """Raise `Unsupported` where there are weights that nobody has taken."""
        if rest := sorted(self._left):
            raise Unsupported(f"parts that are not known: {', '.join(rest[:4])}")


def named_weights(model: Mapping[Any, Any], generator: Mapping[Any, Any], made: Any) -> dict[str, Tensor]:
    """All weights of a checkpoint, which `made` makes; those of the output layer under `generator.`."""
    weights = {}
    for prefix, part in (("", model), ("generator.", generator)):
        for name, value in part.items():
            tensor = made(value)
            if tensor is None or not isinstance(name, str):
                raise Unfit("it has a weight that is no tensor")
            if not bool(torch.isfinite(tensor).all()):
                raise Unfit(f"{name} has a value that is not finite")
            weights[f"{prefix}{name}"] = tensor
    return weights


def network_of(weights: Mapping[str, Tensor], dropout: float) -> tuple[RnnConfig, dict[str, Tensor]]:
    """The network that the weights are those of, and the weights under the family's names.

    Raises:
        Unsupported: where it has a part that the family does not have.
        Unfit: where weights are missing, or of shapes that do not go together.
    """
    left = _Weights(weights)
    left.refuse_foreign()
    both_ways = "encoder.rnn.weight_ih_l0_reverse" in left
    stacked = "decoder.rnn.layers.0.weight_ih" in left
    decoder = "decoder.rnn.layers.{1}.{0}" if stacked else "decoder.rnn.{0}_l{1}"
    layers = _layers(left, "encoder.rnn.{0}_l{1}")
    if layers != _layers(left, decoder):
        raise Unsupported(f"another number of layers in the decoder than in the encoder, which has {layers}")
    cell, encoder_size = _cell(left.shape("encoder.rnn.weight_hh_l0"))
    decoder_cell, decoder_size = _cell(left.shape(decoder.format("weight_hh", 0)))
    if cell != decoder_cell:
        raise Unsupported(
            f"{decoder_cell.upper()} cells in the decoder, and {cell.upper()} cells in the encoder"
        )
    if decoder_size != encoder_size * (1 + both_ways):
        raise Unsupported(f"decoder states of {decoder_size} features, and other ones in the encoder")
    source, target = left.embedding("encoder."), left.embedding("decoder.")
    widths = left.shape(source)[1], left.shape(target)[1]
    attention = _attention(left)
    feeds = left.shape(decoder.format("weight_ih", 0))[1] == widths[1] + decoder_size
    if feeds and attention == "none":
        raise Unsupported("input feeding without attention")
    copies = "generator.linear_copy.weight" in left
    if copies and attention == "none":
        raise Unsupported("copy attention without any other")
    mlp = attention == "concat"
    config = RnnConfig(
        cell=cell,
        gate_activation="sigmoid",
        layers=layers,
        bidirectional=both_ways,
        embedding_size=widths[0],
        encoder_size=encoder_size,
        decoder_size=decoder_size,
        attention=attention,
        attention_query="current",
        input_feed=feeds,
        dropout=dropout,
        target_embedding_size=widths[1] if widths[1] != widths[0] else None,
        attention_bias=mlp,
        attentional_activation="linear" if mlp else "tanh",
        copying="attentional" if copies else "none",
        copy_attention=_attention(left, "decoder.copy_attn.") if copies else "none",
    )
    named = {"source_embedding.weight": left[source], "target_embedding.weight": left[target]}
    for layer in range(layers):
        for part in _CELL_PARTS:
            for suffix in ("", "_reverse") if both_ways else ("",):
                named[f"encoder.{layer}.kernel.{part}_l0{suffix}"] = left[
                    f"encoder.rnn.{part}_l{layer}{suffix}"
                ]
            weight = left[decoder.format(part, layer)]
            # the biases of cells were once matrices of one row
            named[f"decoder.{layer}.{part}"] = weight.flatten() if part.startswith("bias") else weight
    named |= _attention_weights(left, attention)
    if copies:
        named |= _copying_weights(left, config.copy_attention)
    else:
        generator = "generator.0." if "generator.0.weight" in left else "generator."
        named |= {f"output.{part}": left[f"{generator}{part}"] for part in ("weight", "bias")}
    left.refuse_rest()
    return config, named


def check_shapes(config: CheckpointConfig, weights: Mapping[str, Tensor]) -> None:
    """Raise `Unfit` for the first weight that is not of the shape that network and vocabularies ask for."""
    for name, shape in weight_shapes(config).items():
        if tuple(weights[name].shape) != shape:
            found = list(weights[name].shape)
            raise Unfit(f"{name} has the shape {found}, vocabularies and other weights ask for {list(shape)}")


def _layers(left: _Weights, pattern: str) -> int:
    count = 0
    while pattern.format("weight_ih", count) in left:
        count += 1
    if not count:
        raise Unfit(f"it lacks {pattern.format('weight_ih', 0)}")
    return count


def _cell(shape: tuple[int, int]) -> tuple[CellKind, int]:
    """The kind of cell, by how many gates its recurrent weights have, and its width."""
    rows, size = shape
    if rows % size or rows // size not in _CELLS:
        raise Unfit(f"recurrent weights of the shape {list(shape)} are those of no cell")
    return _CELLS[rows // size], size


def _attention(left: _Weights, part: str = "decoder.attn.") -> AttentionKind:
    if f"{part}linear_in.weight" in left:
        return "general"
    if f"{part}v.weight" in left:
        return "concat"
    return "dot" if f"{part}linear_out.weight" in left else "none"


def _attention_weights(left: _Weights, kind: AttentionKind) -> dict[str, Tensor]:
    if kind == "none":
        return {}
    named = _score_weights(left, kind, "decoder.attn.", "attention.")
    named["attentional.weight"] = left["decoder.attn.linear_out.weight"]
    if kind == "concat":
        named["attentional.bias"] = left["decoder.attn.linear_out.bias"]
    return named


def _score_weights(left: _Weights, kind: AttentionKind, part: str, ours: str) -> dict[str, Tensor]:
    """What an attention's scores are made with."""
    if kind == "general":
        return {f"{ours}key_projection.weight": left[f"{part}linear_in.weight"].T.contiguous()}
    if kind == "concat":
        return {
            f"{ours}key_projection.weight": left[f"{part}linear_context.weight"],
            f"{ours}query_projection.weight": left[f"{part}linear_query.weight"],
            f"{ours}query_projection.bias": left[f"{part}linear_query.bias"],
            f"{ours}energy.weight": left[f"{part}v.weight"],
        }
    return {}


def _copying_weights(left: _Weights, kind: AttentionKind) -> dict[str, Tensor]:
    """The output layer, which some versions give no bias, and what decides about copying."""
    output = left["generator.linear.weight"]
    has_bias = "generator.linear.bias" in left
    named = {
        "output.weight": output,
        "output.bias": left["generator.linear.bias"] if has_bias else output.new_zeros(len(output)),
        "copying.gate.weight": left["generator.linear_copy.weight"],
        "copying.gate.bias": left["generator.linear_copy.bias"],
    }
    if kind != "none":
        named |= _score_weights(left, kind, "decoder.copy_attn.", "copying.attention.")
        for part in ("weight", "bias"):  # of what it would make of a context nothing is used
            if (name := f"decoder.copy_attn.linear_out.{part}") in left:
                left[name]
    return named
