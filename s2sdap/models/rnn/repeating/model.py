"""A repeating network as a model that can be debugged: the contract over `RepeatingNetwork`."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final

import torch
from jaxtyping import Float, Int
from torch import Tensor

from s2sdap.models.contract import Layout, Probe, Source, TargetVocabulary, untouched
from s2sdap.models.rnn.layers import watching
from s2sdap.models.rnn.repeating.characters import AnswerTokens, source_of
from s2sdap.models.rnn.repeating.config import RepeatingConfig
from s2sdap.models.rnn.repeating.network import Encoded, RepeatingNetwork, State
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

_EXAMPLES: Final = ("535+61", "7+5", "12+999")


class RepeatingModel:
    """A repeating network with its weights. Fulfils the contract's `BatchingModel`, `Bounded` and others."""

    target: TargetVocabulary

    def __init__(
        self,
        config: RepeatingConfig,
        weights: Mapping[str, Tensor],
        *,
        name: str,
        fingerprint: str,
        device: torch.device | None = None,
    ) -> None:
        self.config = config
        self.name = name
        self.fingerprint = fingerprint
        self.device = device or torch.device("cpu")
        self.target = AnswerTokens(config)
        self.max_source_length: int | None = config.source_length
        self.max_target_length = config.target_length
        with torch.device("meta"):  # the weights are given, so none are drawn here
            network = RepeatingNetwork(config)
        network.load_state_dict(dict(weights), assign=True)
        self.network = network.requires_grad_(requires_grad=False).eval().to(self.device)
        self.layout = layout_of(self.network)

    @property
    def examples(self) -> tuple[str, ...]:
        """Lines that it can be tried with: sums, or its own characters where it reads none."""
        known = set(self.config.characters)
        sums = tuple(
            each for each in _EXAMPLES if set(each) <= known and len(each) <= self.config.source_length
        )
        few = self.config.characters.strip()[: self.config.source_length]
        return sums or ((few, few[::-1]) if few else (" ",))

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, filled up to the model's width."""
        return source_of(self.config, text)

    def source_words(self) -> tuple[str, ...]:
        """The characters it knows."""
        return tuple(self.config.characters)

    def named_weights(self) -> list[tuple[str, Tensor]]:
        """Every weight tensor with its name."""
        return [(name, weight.detach()) for name, weight in self.network.named_parameters()]

    def watching_gates(self) -> AbstractContextManager[list[Mapping[str, Float[Tensor, "K D"]]]]:
        """While it is open, every decoder layer that steps adds its gates; see `Gated`."""
        return watching(self.network.decoder)

    @torch.no_grad()
    def encode(self, source: Source, probe: Probe, /) -> Encoded:
        """Read the source, probing `encoder.states`, which has no K axis."""
        if not source.tokens:
            raise ValueError("a source without tokens has no encoder states")
        ids = torch.tensor([[token.id for token in source.tokens]], device=self.device)
        return self.network.encode(ids, probe)

    @torch.no_grad()
    def begin(self, encoded: Encoded, /) -> State:
        """The state of one hypothesis before its first step, all 0: a batch of one row."""
        return self.network.begin(encoded)

    @torch.no_grad()
    def step(
        self, encoded: Encoded, state: State, tokens: Int[Tensor, "K"], probe: Probe, /
    ) -> tuple[Float[Tensor, "K V"], State]:
        """One step for K hypotheses; of their last tokens only the number is read. Sites: see `network`."""
        return self.network.step(encoded, state, len(tokens), probe)

    @torch.no_grad()
    def select(self, state: State, rows: Int[Tensor, "R"], /) -> State:
        """The state whose row i is row `rows[i]` of `state`."""
        return state.select(rows)

    @torch.no_grad()
    def encode_batch(self, sources: Sequence[Source], probe: Probe = untouched, /) -> Encoded:
        """Read several sources at once: all have the same width. Each is probed by itself."""
        ids = torch.tensor([[token.id for token in source.tokens] for source in sources], device=self.device)
        return self.network.encode(ids, probe)

    @torch.no_grad()
    def select_encoded(self, encoded: Encoded, rows: Int[Tensor, "R"], /) -> Encoded:
        """The `Encoded` whose row i is row `rows[i]` of `encoded`."""
        return encoded.select(rows)


def layout_of(network: RepeatingNetwork) -> Layout:
    """The stages and sites of `network` in the order in which it computes them, and its sizes."""
    config = network.config
    return Layout(
        stages=(Stage.ENCODER, Stage.DECODER, Stage.PREDICTION, Stage.SEARCH),
        sites=(
            sites.ENCODER_STATES,
            sites.DECODER_REPEATED,
            sites.DECODER_LAYERS,
            *((sites.DECODER_CELLS,) if config.cell == "lstm" else ()),
            sites.DECODER_STATE,
            sites.PREDICTION_FEATURES,
            sites.PREDICTION_LOGITS,
        ),
        sizes=(
            ("L", config.layers),
            ("D", config.decoder_size),
            ("V", len(config.characters)),
            ("D of an encoder state", config.encoder_size),
            ("S", config.source_length),
            ("T", config.target_length),
        ),
        parameters=sum(weight.numel() for weight in network.parameters()),
        reads_tokens=False,
    )
