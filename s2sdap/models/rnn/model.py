"""A recurrent network as a model that can be debugged: the contract over `RnnNetwork`."""

import copy
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from s2sdap.models.checkpoint import Checkpoint, CheckpointConfig
from s2sdap.models.contract import Embeddings, Layout, Probe, Source, TargetVocabulary, untouched
from s2sdap.models.extended import ExtendedTokens
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.copying import SourceWords
from s2sdap.models.rnn.layers import watching
from s2sdap.models.rnn.network import Encoded, RnnNetwork, State
from s2sdap.models.tokenizers import SPECIAL_PIECES, UNKNOWN, SideConfig, SourceTokenizer, TargetTokens
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage


class RnnModel:
    """A network with its tokenizers, from a checkpoint. Fulfils `BatchingModel` and `Extends`."""

    target: TargetVocabulary
    max_source_length: int | None = None

    def __init__(self, checkpoint: Checkpoint, name: str, device: torch.device | None = None) -> None:
        config = checkpoint.config
        if not isinstance(config, CheckpointConfig):
            raise TypeError(f"a checkpoint of the family {config.family} is not one of this model")
        self.name = name
        self.fingerprint = checkpoint.fingerprint
        self.device = device or torch.device("cpu")
        self.source = SourceTokenizer(config.source)
        self.target = self._tokens = TargetTokens(config.target)
        self._target_side = config.target
        with torch.device("meta"):  # the weights come from the checkpoint, so none are drawn here
            network = RnnNetwork(config.network, len(self.source), len(self.target))
        network.load_state_dict(dict(checkpoint.weights), assign=True)
        self.network = network.requires_grad_(requires_grad=False).eval().to(self.device)
        self.layout = layout_of(self.network, len(self.target))

    @property
    def copies(self) -> bool:
        """Whether it can write words of its source that its vocabulary lacks."""
        return self.network.copying is not None

    def reading(self, source: Source, /) -> "RnnModel":
        """This model as it reads `source`: one that copies can write the words of it; see `Extends`."""
        if self.network.copying is None:
            return self
        of_source = copy.copy(self)
        of_source.target = ExtendedTokens(self._tokens, source)
        of_source.layout = layout_of(self.network, len(of_source.target))
        return of_source

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order."""
        return self.source.tokenize(text)

    def source_words(self) -> tuple[str, ...]:
        """The source words it knows."""
        return tuple(piece for piece in self.source.config.pieces if piece not in SPECIAL_PIECES)

    def source_embeddings(self) -> Embeddings:
        """The embeddings of the source tokens."""
        return _embeddings(self.network.source_embedding, self.source.config)

    def target_embeddings(self) -> Embeddings:
        """The embeddings of the target tokens."""
        return _embeddings(self.network.target_embedding, self._target_side)

    def named_weights(self) -> list[tuple[str, Tensor]]:
        """Every weight tensor with its name."""
        return [(name, weight.detach()) for name, weight in self.network.named_parameters()]

    def watching_gates(self) -> AbstractContextManager[list[Mapping[str, Float[Tensor, "K D"]]]]:
        """While it is open, every decoder layer that steps adds its gates; see `Gated`."""
        return watching(self.network.decoder)

    @torch.no_grad()
    def encode(self, source: Source, probe: Probe, /) -> Encoded:
        """Read the source, probing `encoder.*`, which have no K axis."""
        if not source.tokens:
            raise ValueError("a source without tokens has no encoder states")
        ids = torch.tensor([[token.id for token in source.tokens]], device=self.device)
        return self.network.encode(ids, None, probe, self._words([source]))

    @torch.no_grad()
    def begin(self, encoded: Encoded, /) -> State:
        """The state of one hypothesis before its first step: a batch of one row."""
        return self.network.begin(encoded)

    @torch.no_grad()
    def step(
        self, encoded: Encoded, state: State, tokens: Int[Tensor, "K"], probe: Probe, /
    ) -> tuple[Float[Tensor, "K V"], State]:
        """One decode step for K hypotheses whose last tokens are `tokens`; see `network` for the sites."""
        return self.network.step(encoded, state, tokens, probe)

    @torch.no_grad()
    def select(self, state: State, rows: Int[Tensor, "R"], /) -> State:
        """The state whose row i is row `rows[i]` of `state`."""
        return state.select(rows)

    @torch.no_grad()
    def encode_batch(self, sources: Sequence[Source], probe: Probe = untouched, /) -> Encoded:
        """Read several sources at once: a row a sentence, masked where it is filled up.

        Each sentence is probed by itself, as long as the longest.
        """
        lengths = torch.tensor([len(source.tokens) for source in sources])
        within = torch.arange(int(lengths.max())) < lengths[:, None]
        ids = torch.zeros(within.shape, dtype=torch.long)
        ids[within] = torch.tensor([token.id for source in sources for token in source.tokens])
        words = self._words(sources)
        return self.network.encode(ids.to(self.device), lengths.to(self.device), probe, words)

    @torch.no_grad()
    def select_encoded(self, encoded: Encoded, rows: Int[Tensor, "R"], /) -> Encoded:
        """The `Encoded` whose row i is row `rows[i]` of `encoded`."""
        return encoded.select(rows)

    def _words(self, sources: Sequence[Source]) -> SourceWords | None:
        """What can be copied from the sources, by a network that copies."""
        if self.network.copying is None:
            return None
        rows = [ExtendedTokens(self._tokens, source).copies for source in sources]
        unknown = self._target_side.pieces.index(UNKNOWN)
        return SourceWords.of(rows, len(self._tokens), unknown, self.device)


def _embeddings(table: nn.Embedding, config: SideConfig) -> Embeddings:
    special = frozenset(token for token, piece in enumerate(config.pieces) if piece in SPECIAL_PIECES)
    return Embeddings(table.weight, config.pieces, special)


def layout_of(network: RnnNetwork, target_size: int) -> Layout:
    """The stages and sites of `network` in the order in which it computes them, and its sizes."""
    config: RnnConfig = network.config
    encoder = (*((sites.ENCODER_LAYERS,) if config.layers > 1 else ()), sites.ENCODER_STATES)
    decoder = (
        sites.DECODER_LAYERS,
        *((sites.DECODER_CELLS,) if config.cell == "lstm" else ()),
        sites.DECODER_STATE,
    )
    attention = (sites.ATTENTION_SCORES, sites.ATTENTION_WEIGHTS, sites.ATTENTION_CONTEXT)
    pointer = (sites.PREDICTION_POINTER,) if config.copy_attention != "none" else ()
    copying = (sites.PREDICTION_GENERATED, *pointer, sites.PREDICTION_COPY)
    prediction = (
        sites.PREDICTION_FEATURES,
        *(copying if config.copying != "none" else ()),
        sites.PREDICTION_LOGITS,
    )
    sizes = [("L", config.layers), ("D", config.decoder_size), ("V", target_size)]
    parts: tuple[tuple[Stage, tuple[str, ...]], ...]
    if config.attention == "none":
        parts = ((Stage.DECODER, decoder),)
    elif config.attention_query == "previous":
        parts = ((Stage.ATTENTION, attention), (Stage.DECODER, decoder))
    else:
        parts = ((Stage.DECODER, decoder), (Stage.ATTENTION, attention))
    if config.attention != "none":
        sizes.append(("H", 1))
    sizes.append(("D of an encoder state", config.states_size))
    return Layout(
        stages=(Stage.ENCODER, *(stage for stage, _ in parts), Stage.PREDICTION, Stage.SEARCH),
        sites=(*encoder, *(site for _, group in parts for site in group), *prediction),
        sizes=tuple(sizes),
        parameters=sum(weight.numel() for weight in network.parameters()),
    )
