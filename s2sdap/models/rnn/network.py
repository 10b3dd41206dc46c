"""The network: encoder, decoder cells, attention and output layer, and one step of a decode.

A decode runs `encode`, `begin` and `step`; training runs their parts, many steps at once where it can, and
probes with `untouched`.
Each site is probed where its tensor is made, and what the probe returns is what goes on. An edit
therefore reaches what is computed from that tensor, and nothing else:

`encoder.layers`       the top layer: as `encoder.states`. A lower layer has been read by the one above
                       already, so it reaches the decoder's first state of that layer, through its
                       last position (of a backward direction: its first).
`encoder.states`       the attention of every step, and the decoder's first state as above.
`decoder.layers`       the top layer: as `decoder.state`, which is taken from it. A lower layer: its own
                       state in the next step.
`decoder.cells`        the memory of the next step (this step's output has been taken from it).
`decoder.state`        the query or, with a query of the previous state, the next step's query; the
                       features; the top layer's recurrent state in the next step.
`attention.scores`     the weights, through the softmax, and all that follows.
`attention.weights`    the context, and all that follows; they are used as given, not normalised.
`attention.context`    the features; with a query of the previous state the cell as well.
`prediction.features`  the logits; with input feeding the next step's cell; where it is the attentional
                       state that decides about copying, that too.
`prediction.generated` the logits, where the network copies: they are the logarithm of the mixture.
`prediction.pointer`   the same.
`prediction.copy`      the same.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from s2sdap.models.contract import Probe, untouched
from s2sdap.models.rnn.attention import Attention
from s2sdap.models.rnn.cells import Cell
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.copying import Copying, SourceWords, mixed
from s2sdap.models.rnn.encoder import EncoderLayer
from s2sdap.models.rnn.layers import advance
from s2sdap.vocabulary import sites


@dataclass(frozen=True, slots=True, eq=False)
class Encoded:
    """What the decoder knows of the source; a row a sentence. One sentence serves all K hypotheses.

    `keys` is the part of the attention scores that the source alone decides. `mask` is true where a
    token stands, and `None` where nothing is padded. `hidden` and `cells` seed the decoder's layers.
    `words` are what can be copied, and `copy_keys` the keys of a copy attention, where there is one.
    """

    states: Float[Tensor, "B S E"]
    keys: Float[Tensor, "B S D"] | None
    mask: Bool[Tensor, "B S"] | None
    hidden: tuple[Float[Tensor, "B D"], ...]
    cells: tuple[Float[Tensor, "B D"], ...]
    words: SourceWords | None = None
    copy_keys: Float[Tensor, "B S D"] | None = None

    def select(self, rows: Int[Tensor, "R"]) -> "Encoded":
        """What is known of other sentences: row i is row `rows[i]` of this one."""
        return Encoded(
            self.states.index_select(0, rows),
            None if self.keys is None else self.keys.index_select(0, rows),
            None if self.mask is None else self.mask.index_select(0, rows),
            tuple(layer.index_select(0, rows) for layer in self.hidden),
            tuple(layer.index_select(0, rows) for layer in self.cells),
            None if self.words is None else self.words.select(rows),
            None if self.copy_keys is None else self.copy_keys.index_select(0, rows),
        )


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """What a step hands to the next: a row a hypothesis, an entry a layer, bottom first.

    `cells` is empty unless the cells are LSTMs. `feed` is the attentional state that input feeding
    gives to the next step.
    """

    hidden: tuple[Float[Tensor, "K D"], ...]
    cells: tuple[Float[Tensor, "K D"], ...]
    feed: Float[Tensor, "K D"] | None

    def select(self, rows: Int[Tensor, "R"]) -> "State":
        """The state whose row i is row `rows[i]` of this one."""
        return State(
            tuple(layer.index_select(0, rows) for layer in self.hidden),
            tuple(layer.index_select(0, rows) for layer in self.cells),
            None if self.feed is None else self.feed.index_select(0, rows),
        )


class Embedding(nn.Embedding):
    """Vectors of tokens. Without weights yet, on the device `meta`, it draws none.

    Drawing there imports torch's compiler, which takes longer than all else that a launch does.
    """

    def reset_parameters(self) -> None:
        """Draw the weights, where there are any."""
        if not self.weight.is_meta:
            super().reset_parameters()


class _Read(NamedTuple):
    """What the prediction of a step reads; `of_gate` and the attention's `weights` where it copies."""

    features: Float[Tensor, "K D"]
    of_gate: Float[Tensor, "K I"]
    weights: Float[Tensor, "K S"] | None


class RnnNetwork(nn.Module):
    """Encoder and decoder of `config` over vocabularies of the given sizes."""

    def __init__(self, config: RnnConfig, source_size: int, target_size: int) -> None:
        super().__init__()
        self.config = config
        self.source_embedding = Embedding(source_size, config.embedding_size)
        self.encoder = nn.ModuleList(
            EncoderLayer(config, config.states_size if layer else config.embedding_size)
            for layer in range(config.layers)
        )
        self.has_bridge = config.states_size != config.decoder_size
        if self.has_bridge:  # one a layer, and for an LSTM one a layer for the memory cells
            self.hidden_bridge = nn.ModuleList(
                nn.Linear(config.states_size, config.decoder_size) for _ in range(config.layers)
            )
            if config.cell == "lstm":
                self.cell_bridge = nn.ModuleList(
                    nn.Linear(config.states_size, config.decoder_size) for _ in range(config.layers)
                )
        self.target_embedding = Embedding(target_size, config.target_embedding_size or config.embedding_size)
        self.decoder = nn.ModuleList(
            Cell(
                config.cell,
                config.gate_activation,
                config.decoder_size if layer else config.decoder_input_size,
                config.decoder_size,
            )
            for layer in range(config.layers)
        )
        self.attention: Attention | None = None
        if config.attention != "none":
            biased = config.attention_bias
            self.attention = Attention(config.attention, config.decoder_size, config.states_size, bias=biased)
            self.attentional = nn.Linear(
                config.states_size + config.decoder_size, config.decoder_size, bias=biased
            )
        self.output = nn.Linear(config.decoder_size, target_size)
        self.copying = Copying(config) if config.copying != "none" else None

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.config.dropout) if self.training and self.config.dropout else x

    def encode(
        self,
        source: Int[Tensor, "B S"],
        lengths: Int[Tensor, "B"] | None,
        probe: Probe,
        words: SourceWords | None = None,
    ) -> Encoded:
        """Read B sentences; `lengths` is `None` where none is padded. Each sentence is probed by itself.

        A network that copies is told by `words` what each source token is copied as.
        """
        x = self._dropped(self.source_embedding(source))
        outputs: list[Tensor] = []
        memories: list[Tensor] = []
        for layer in self.encoder:
            x, memory = layer(self._dropped(x) if outputs else x, lengths)
            outputs.append(x)
            if memory is not None:
                memories.append(memory)
        if self.config.layers > 1:
            layers = torch.stack(outputs, dim=1)
            layers = torch.stack([probe(sites.ENCODER_LAYERS, sentence) for sentence in layers])
            outputs = list(layers.unbind(1))
        states = torch.stack([probe(sites.ENCODER_STATES, sentence) for sentence in outputs[-1]])
        hidden = [self._last(layer, lengths) for layer in (*outputs[:-1], states)]
        if self.has_bridge:
            hidden = [torch.tanh(bridge(h)) for bridge, h in zip(self.hidden_bridge, hidden, strict=True)]
            if memories:
                memories = [bridge(c) for bridge, c in zip(self.cell_bridge, memories, strict=True)]
        mask = None
        if lengths is not None:
            mask = torch.arange(source.shape[1], device=source.device) < lengths[:, None]
        keys = None if self.attention is None else self.attention.keys(states)
        pointer = None if self.copying is None else self.copying.attention
        copy_keys = None if pointer is None else pointer.keys(states)
        return Encoded(states, keys, mask, tuple(hidden), tuple(memories), words, copy_keys)

    def _last(self, states: Float[Tensor, "B S E"], lengths: Int[Tensor, "B"] | None) -> Float[Tensor, "B E"]:
        """The state after the whole sentence: the last position, of the backward direction the first."""
        if lengths is None:
            last = states[:, -1]
        else:
            last = states[torch.arange(len(states), device=states.device), lengths - 1]
        if not self.config.bidirectional:
            return last
        size = self.config.encoder_size
        return torch.cat((last[:, :size], states[:, 0, size:]), dim=-1)

    def begin(self, encoded: Encoded) -> State:
        """The state before the first step: a row a sentence."""
        feed = torch.zeros_like(encoded.hidden[-1]) if self.config.input_feed else None
        return State(encoded.hidden, encoded.cells, feed)

    def step(
        self, encoded: Encoded, state: State, tokens: Int[Tensor, "K"], probe: Probe
    ) -> tuple[Float[Tensor, "K V"], State]:
        """One step for K rows whose last tokens are `tokens`: K sentences, or K hypotheses of one.

        A network that copies gives the logarithm of its mixture, over the words of the source as well.
        """
        read, state = self._step(encoded, state, self._embedded(tokens, encoded.words), probe)
        logits: Tensor = self.output(self._dropped(read.features))
        if self.copying is None or read.weights is None:
            return logits, state
        words, weights = _words_of(encoded), read.weights
        logits = probe(sites.PREDICTION_GENERATED, logits)
        if self.copying.attention is not None:
            weights = probe(sites.PREDICTION_POINTER, self._pointed(read.features[:, None], encoded)[:, 0])
        copied = probe(sites.PREDICTION_COPY, self.copying.probability(read.of_gate))
        rows = len(tokens)
        pointed = words.gathered(weights[:, None])[:, 0]
        ids, counts = words.ids.expand(rows, -1), words.counts.expand(rows)
        return mixed(logits, copied, pointed, ids, counts, words.most), state

    def _embedded(self, tokens: Int[Tensor, "..."], words: SourceWords | None) -> Float[Tensor, "... I"]:
        return self._dropped(self.target_embedding(tokens if words is None else words.read(tokens)))

    def _step(
        self, encoded: Encoded, state: State, given: Float[Tensor, "K I"], probe: Probe
    ) -> tuple[_Read, State]:
        """A step up to what the prediction reads, from the embeddings `given` of the last tokens."""
        x = given
        context = weights = None
        if self.config.attention_query == "previous":
            context, weights = self._attend(state.hidden[-1], encoded, probe)
            x = torch.cat((x, context), dim=-1)
        elif state.feed is not None:
            x = torch.cat((x, state.feed), dim=-1)

        hidden, cells = advance(self.decoder, x, state.hidden, state.cells, probe, self._dropped)

        features = hidden[-1]
        if self.attention is not None:
            if context is None:
                context, weights = self._attend(hidden[-1], encoded, probe)
            features = self._attentional(context, hidden[-1])
        features = probe(sites.PREDICTION_FEATURES, features)
        of_gate = features
        if self.config.copying == "pointer" and context is not None:
            of_gate = torch.cat((context, hidden[-1], given), dim=-1)
        return _Read(features, of_gate, weights), State(
            hidden, cells, features if self.config.input_feed else None
        )

    def _attentional(
        self, context: Float[Tensor, "*K E"], state: Float[Tensor, "*K D"]
    ) -> Float[Tensor, "*K D"]:
        """The attentional state (Luong et al. 2015, section 3)."""
        features: Tensor = self.attentional(torch.cat((context, state), dim=-1))
        return torch.tanh(features) if self.config.attentional_activation == "tanh" else features

    def _attend(
        self, query: Float[Tensor, "K D"], encoded: Encoded, probe: Probe
    ) -> tuple[Float[Tensor, "K E"], Float[Tensor, "K S"]]:
        """The context, what the attention takes from the encoder states for each query, and its weights."""
        if self.attention is None or encoded.keys is None:
            raise ValueError("a network without attention has no context")
        scores = self.attention.scores(query, encoded.keys.expand(len(query), -1, -1))
        if encoded.mask is not None:
            scores = scores.masked_fill(~encoded.mask, -torch.inf)
        scores = probe(sites.ATTENTION_SCORES, scores[:, None, None, :])
        weights = probe(sites.ATTENTION_WEIGHTS, scores.softmax(dim=-1))
        context = torch.bmm(weights[:, 0], encoded.states.expand(len(query), -1, -1))
        return probe(sites.ATTENTION_CONTEXT, context.squeeze(1)), weights[:, 0, 0]

    def _pointed(self, features: Float[Tensor, "B T D"], encoded: Encoded) -> Float[Tensor, "B T S"]:
        """Where a copying attention of its own points."""
        if self.copying is None or self.copying.attention is None or encoded.copy_keys is None:
            raise ValueError("this network copies by the attention of its context")
        keys = encoded.copy_keys.expand(len(features), -1, -1)
        scores = self.copying.attention.all_scores(features, keys)
        if encoded.mask is not None:
            scores = scores.masked_fill(~encoded.mask[:, None], -torch.inf)
        return scores.softmax(dim=-1)

    def forward(
        self,
        source: Int[Tensor, "B S"],
        lengths: Int[Tensor, "B"],
        inputs: Int[Tensor, "B T"],
        wanted: Bool[Tensor, "B T"] | None = None,
        words: SourceWords | None = None,
    ) -> Float[Tensor, "..."]:
        """The logits under teacher forcing: step t reads `inputs[:, t]`, whatever was predicted.

        `[B T V]`, or of the N places that are `wanted` alone, row by row, `[N V]`. They are those of
        `step` but for rounding: what no step needs of the step before is computed for all of them at once.
        """
        encoded = self.encode(source, lengths, untouched, words)
        state = self.begin(encoded)
        embedded = self._embedded(inputs, words)
        if self.copying is not None:
            return self._copied(self.copying, encoded, state, embedded, wanted)
        rows: list[Tensor] = []
        if self.attention is None or self.config.input_feed or self.config.attention_query == "previous":
            for x in embedded.unbind(1):
                read, state = self._step(encoded, state, x, untouched)
                rows.append(read.features)
            features = torch.stack(rows, dim=1)
        else:
            hidden, cells = state.hidden, state.cells
            for x in embedded.unbind(1):
                hidden, cells = advance(self.decoder, x, hidden, cells, untouched, self._dropped)
                rows.append(hidden[-1])
            states = torch.stack(rows, dim=1)
            features = self._attentional(self._contexts(states, encoded), states)
        if wanted is not None:
            features = features[wanted]
        logits: Tensor = self.output(self._dropped(features))
        return logits

    def _copied(
        self,
        copying: Copying,
        encoded: Encoded,
        state: State,
        embedded: Float[Tensor, "B T I"],
        wanted: Bool[Tensor, "B T"] | None,
    ) -> Float[Tensor, "..."]:
        """The same of a network that copies: the logarithm of its mixture."""
        reads: list[_Read] = []
        for x in embedded.unbind(1):
            read, state = self._step(encoded, state, x, untouched)
            reads.append(read)
        features = torch.stack([each.features for each in reads], dim=1)
        of_gate = torch.stack([each.of_gate for each in reads], dim=1)
        if copying.attention is None:
            weights = torch.stack([each.weights for each in reads if each.weights is not None], dim=1)
        else:
            weights = self._pointed(features, encoded)
        words = _words_of(encoded)
        places = embedded.new_ones(embedded.shape[:2]).bool() if wanted is None else wanted
        sentences = places.nonzero()[:, 0]
        logits = mixed(
            self.output(self._dropped(features[places])),
            copying.probability(of_gate[places]),
            words.gathered(weights)[places],
            words.ids[sentences],
            words.counts[sentences],
            words.most,
        )
        return logits if wanted is not None else logits.view(*places.shape, -1)

    def _contexts(self, queries: Float[Tensor, "B T D"], encoded: Encoded) -> Float[Tensor, "B T E"]:
        """What `_attend` gives for each of T queries a sentence."""
        if self.attention is None or encoded.keys is None:
            raise ValueError("a network without attention has no context")
        scores = self.attention.all_scores(queries, encoded.keys)
        if encoded.mask is not None:
            scores = scores.masked_fill(~encoded.mask[:, None], -torch.inf)
        return torch.bmm(scores.softmax(dim=-1), encoded.states)


def _words_of(encoded: Encoded) -> SourceWords:
    if encoded.words is None:
        raise ValueError("a network that copies has to be told the words of the source")
    return encoded.words
