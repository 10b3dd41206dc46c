"""Models small enough to be checked by hand: seeded recurrent networks, and a prompted language model.

The language model is not one of the package's families: it fulfils the contract by itself, has no
encoder unless asked for one, and fails or gives no numbers at a step that a test names.
"""

import hashlib
from functools import cache
from typing import Any

import torch
from models.small_networks import every_config, seeded_network, side, small_config
from torch import nn

from s2sdap.models.checkpoint import Checkpoint, CheckpointConfig
from s2sdap.models.contract import Layout
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.tokenizers import END, SourceTokenizer, TargetTokens
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

torch.set_num_threads(1)  # sums keep their order

CONFIGS = tuple(every_config())


@cache
def rnn(
    config: RnnConfig | None = None,
    *,
    letters: str = "uvwxyz.",
    seed: int = 7,
    scale: float = 2.0,
    end: bool = False,
):
    """A network whose distributions are far from flat, that writes more than a few tokens before it ends.

    With an `end` its source has an end symbol.
    """
    config = config or small_config()
    source, target = side("abcdefgh", end=end), side(letters)
    network = seeded_network(config, len(source.pieces), len(target.pieces), seed)
    with torch.no_grad():
        network.output.weight.mul_(scale)
        network.output.bias.mul_(scale)[target.pieces.index(END)] -= 1.5
        network.target_embedding.weight.mul_(4)
    whole = CheckpointConfig(family="rnn", network=config, source=source, target=target)
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    fingerprint = hashlib.sha256(repr((config, letters, seed, scale, end)).encode()).hexdigest()[:16]
    return RnnModel(Checkpoint(whole, weights, fingerprint), f"rnn-{seed}")


class PromptedModel(nn.Module):
    """A language model that is given the source as its prompt.

    `fails_at` and `nan_at` name the step at which it raises or gives logits that are no numbers; a
    source with an `h` makes them come, one with a `g` makes reading the source fail.
    """

    name = "prompted"
    device = torch.device("cpu")
    max_source_length = 8

    def __init__(
        self,
        *,
        encoder: bool = False,
        fails_at: int | None = None,
        nan_at: int | None = None,
        letters: str = "uvw",
    ) -> None:
        super().__init__()
        self.fails_at, self.nan_at, self.encoder = fails_at, nan_at, encoder
        self.source = SourceTokenizer(side("abcdefgh"))
        self.target = TargetTokens(side(letters))
        torch.manual_seed(3)
        self.prompt = nn.Embedding(len(self.source), 6)
        self.embedding = nn.Embedding(len(self.target), 6)
        self.cell = nn.Linear(12, 6)
        self.output = nn.Linear(6, len(self.target))
        for weight in self.parameters():
            nn.init.uniform_(weight, -1.5, 1.5)
        with torch.no_grad():
            self.output.bias[[self.target.bos, self.target.eos]] -= 4
        self.requires_grad_(requires_grad=False)
        self.fingerprint = f"prompted-{encoder}-{fails_at}-{nan_at}"
        first = (Stage.ENCODER,) if encoder else ()
        self.layout = Layout(
            stages=(*first, Stage.DECODER, Stage.PREDICTION, Stage.SEARCH),
            sites=(
                *((sites.ENCODER_STATES,) if encoder else ()),
                sites.DECODER_STATE,
                sites.PREDICTION_LOGITS,
            ),
            sizes=(("D", 6), ("V", len(self.target))),
            parameters=sum(weight.numel() for weight in self.parameters()),
        )

    def tokenize(self, text: str, /) -> Any:
        return self.source.tokenize(text)

    def encode(self, source: Any, probe: Any, /) -> Any:
        if "g" in source.text:
            raise RuntimeError("the source cannot be read")
        states = self.prompt(torch.tensor([token.id for token in source.tokens]))
        if self.encoder:
            states = probe(sites.ENCODER_STATES, states)
        return source.text, states.mean(dim=0, keepdim=True)

    def begin(self, encoded: Any, /) -> Any:
        return encoded[1], 0

    def step(self, encoded: Any, state: Any, tokens: Any, probe: Any, /) -> Any:
        hidden, step = state
        fragile = "h" in encoded[0]
        if fragile and step == self.fails_at:
            raise ValueError(f"no step {step} for me")
        hidden = torch.tanh(self.cell(torch.cat((hidden, self.embedding(tokens)), dim=-1)))
        hidden = probe(sites.DECODER_STATE, hidden)
        logits = self.output(hidden)
        if fragile and step == self.nan_at:
            logits = torch.full_like(logits, torch.nan)
        return logits, (hidden, step + 1)

    def select(self, state: Any, rows: Any, /) -> Any:
        return state[0].index_select(0, rows), state[1]
