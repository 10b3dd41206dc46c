"""What a recurrent network is made of. Plain data: it is read from and written to `config.json`.

Nothing here imports a tensor library.
"""

from typing import Annotated, Literal

import msgspec

Size = Annotated[int, msgspec.Meta(ge=1, le=16384)]
LayerCount = Annotated[int, msgspec.Meta(ge=1, le=32)]

CellKind = Literal["lstm", "gru", "rnn"]
GateActivation = Literal["sigmoid", "hard_sigmoid"]
AttentionKind = Literal["none", "dot", "general", "concat"]
AttentionQuery = Literal["current", "previous"]
AttentionalActivation = Literal["tanh", "linear"]
CopyingKind = Literal["none", "pointer", "attentional"]


class RnnConfig(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The parts and sizes of an encoder-decoder network.

    `encoder_size` is the width of one direction, so a bidirectional encoder gives states twice as
    wide. `attention_query` is the decoder state that asks: the `current` one, after this step's cell
    (Luong et al. 2015), or the `previous` one, before it (Bahdanau et al. 2014); in the second case
    the context enters the cell. `input_feed` gives the attentional state of a step to the next
    step's cell (Luong et al. 2015, section 3.3). `dropout` acts in training only.

    What follows has a default, which is Luong's, and is written only where it is another:
    `target_embedding_size` where the target's embeddings have a width of their own; `attention_bias`
    for a bias in the attentional layer and in the query's projection of `concat`; and
    `attentional_activation`, `linear` for an attentional state that goes through no tanh.

    `copying` mixes the source's own words into what is written. How likely a token is copied is decided by
    context, state and input together, as in the `pointer`-generator (See et al. 2017, eq. 8), or by the
    `attentional` state alone, as in OpenNMT-py. Words are copied by the attention's weights, or by those of
    a `copy_attention` of its own, which the attentional state asks.
    """

    cell: CellKind
    gate_activation: GateActivation
    layers: LayerCount
    bidirectional: bool
    embedding_size: Size
    encoder_size: Size
    decoder_size: Size
    attention: AttentionKind
    attention_query: AttentionQuery
    input_feed: bool
    dropout: Annotated[float, msgspec.Meta(ge=0.0, lt=1.0)]
    target_embedding_size: Size | None = None
    attention_bias: bool = False
    attentional_activation: AttentionalActivation = "tanh"
    copying: CopyingKind = "none"
    copy_attention: AttentionKind = "none"

    def __post_init__(self) -> None:
        if self.cell == "rnn" and self.gate_activation != "sigmoid":
            raise ValueError("gate_activation: a tanh RNN has no gates, leave it at 'sigmoid'")
        if self.attention == "dot" and self.states_size != self.decoder_size:
            raise ValueError(
                f"attention: 'dot' compares encoder states of {self.states_size} with decoder states of "
                f"{self.decoder_size} features; they must be equal"
            )
        if self.attention == "none" and self.attention_query != "current":
            raise ValueError(
                "attention_query: a network without attention asks nothing, leave it at 'current'"
            )
        if self.input_feed and (self.attention == "none" or self.attention_query == "previous"):
            raise ValueError(
                "input_feed: there is an attentional state to feed only with attention of 'current'"
            )
        if self.attention == "none" and (self.attention_bias or self.attentional_activation != "tanh"):
            raise ValueError(
                "attention_bias, attentional_activation: a network without attention has no attentional layer"
            )
        if self.copying != "none" and self.attention == "none":
            raise ValueError("copying: words are copied by attention, and this network has none")
        if self.copy_attention != "none" and self.copying == "none":
            raise ValueError("copy_attention: a network that copies nothing has none, leave it at 'none'")
        if self.copy_attention == "dot" and self.states_size != self.decoder_size:
            raise ValueError(
                f"copy_attention: 'dot' compares encoder states of {self.states_size} with attentional "
                f"states of {self.decoder_size} features; they must be equal"
            )

    @property
    def states_size(self) -> int:
        """The width of an encoder state: both directions together."""
        return self.encoder_size * (2 if self.bidirectional else 1)

    @property
    def decoder_input_size(self) -> int:
        """The width of what enters the decoder's lowest cell."""
        width = self.target_embedding_size or self.embedding_size
        if self.attention != "none" and self.attention_query == "previous":
            width += self.states_size
        if self.input_feed:
            width += self.decoder_size
        return width
