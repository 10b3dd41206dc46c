"""How fast training is: target tokens a CPU second, beside a plain loop of PyTorch over the same batches.

The peer is what one would write without this package: the same network of `nn.Embedding`, `nn.GRU` and
`nn.Linear`, teacher-forced over whole sentences, with Adam and the same clipping. It begins with the same
weights and has to come to the same losses. A second peer gives its last layer only the places that are no
padding, as ours does. Sizes are those of examples/translation; the sentences are drawn, so that no corpus is
needed.

The last row is why one torch thread is the default: two of them do the same work with more processor time,
since each waits for the other by spinning, and on a small machine that time is somebody else's.
"""

import random
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Final

import msgspec
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from benchmarks.measuring import Row
from examples.translation.settings import SMALL, network_of
from s2sdap.models.rnn.network import RnnNetwork
from s2sdap.models.rnn.training import Batch, Example, Plan, Trainer, TrainingSettings
from s2sdap.models.tokenizers import PAD, SPECIAL_PIECES, SideConfig

SOURCE_WORDS: Final = 5_921
TARGET_WORDS: Final = 7_859
"""Of Multi30k, words that it has twice or more."""
BATCHES: Final = 10
"""Batches in a turn."""
GOAL: Final = 0.95
"""Ours at least so many times the peer's tokens a CPU second."""


def drawn(count: int) -> list[Example]:
    """Sentences as long as captions are, of words drawn by their rank as words are, the same in every run."""
    draw = random.Random(5)

    def sentence(words: int) -> tuple[int, ...]:
        length = max(4, round(draw.gauss(12.5, 4)))
        return tuple(3 + int(words ** draw.random()) for _ in range(length))

    return [Example(sentence(SOURCE_WORDS - 4), sentence(TARGET_WORDS - 4)) for _ in range(count)]


def plan(dropout: float) -> Plan:
    """The small network of the example."""

    def side(words: int) -> SideConfig:
        pieces = (*SPECIAL_PIECES, *(f"w{number}" for number in range(words - 4)))
        return SideConfig(unit="word", lowercase=False, end=False, pieces=pieces)

    settings = TrainingSettings(epochs=1, batch_size=64, learning_rate=SMALL.learning_rate)
    network = msgspec.structs.replace(network_of(SMALL), dropout=dropout)
    return Plan(network=network, source=side(SOURCE_WORDS), target=side(TARGET_WORDS), settings=settings)


class PlainNetwork(nn.Module):
    """The same network without this package: a bidirectional GRU, a GRU, Luong's general attention."""

    def __init__(self, width: int, dropout: float) -> None:
        super().__init__()
        self.dropout = dropout
        self.source_embedding = nn.Embedding(SOURCE_WORDS, width)
        self.target_embedding = nn.Embedding(TARGET_WORDS, width)
        self.encoder = nn.GRU(width, width, batch_first=True, bidirectional=True)
        self.bridge = nn.Linear(2 * width, width)
        self.decoder = nn.GRU(width, width, batch_first=True)
        self.key = nn.Linear(2 * width, width, bias=False)
        self.attentional = nn.Linear(3 * width, width, bias=False)
        self.output = nn.Linear(width, TARGET_WORDS)

    def begin_as(self, other: RnnNetwork) -> "PlainNetwork":
        """Take over the weights of `other`; they stand in the same order."""
        pairs = zip(_in_order(self), _in_order(other), strict=True)
        with torch.no_grad():
            for mine, theirs in pairs:
                mine.copy_(theirs)
        return self

    def forward(self, source: Tensor, lengths: Tensor, inputs: Tensor, wanted: Tensor | None) -> Tensor:
        """The logits [B T V], or of the `wanted` places [N V]."""
        x = self._dropped(self.source_embedding(source))
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        states, last = self.encoder(packed)
        states, _ = pad_packed_sequence(states, batch_first=True)
        begin = torch.tanh(self.bridge(torch.cat((last[0], last[1]), dim=-1)))
        hidden, _ = self.decoder(self._dropped(self.target_embedding(inputs)), begin[None])
        scores = torch.bmm(hidden, self.key(states).transpose(1, 2))
        padding = torch.arange(source.shape[1]) >= lengths[:, None]
        weights = scores.masked_fill(padding[:, None], -torch.inf).softmax(dim=-1)
        context = torch.bmm(weights, states)
        features = torch.tanh(self.attentional(torch.cat((context, hidden), dim=-1)))
        return self.output(self._dropped(features if wanted is None else features[wanted]))

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


def _in_order(network: nn.Module) -> list[Tensor]:
    """The weights of either network, part by part."""
    parts = {
        "source": ("source_embedding.",),
        "target": ("target_embedding.",),
        "encoder": ("encoder.",),
        "bridge": ("bridge.", "hidden_bridge."),
        "decoder": ("decoder.",),
        "key": ("key.", "attention."),
        "attentional": ("attentional.",),
        "output": ("output.",),
    }
    named = list(network.named_parameters())
    return [weight for begins in parts.values() for name, weight in named if name.startswith(begins)]


def plain(network: PlainNetwork, pad: int, *, skip: bool) -> Callable[[Batch], float]:
    """The update of a plain loop; `skip` leaves out the padding before the last layer."""
    optimizer = torch.optim.Adam(network.parameters(), lr=SMALL.learning_rate)
    network.train()

    def update(batch: Batch) -> float:
        if skip:
            wanted = batch.outputs != pad
            logits = network(batch.source, batch.lengths, batch.inputs, wanted)
            loss = functional.cross_entropy(logits, batch.outputs[wanted])
        else:
            logits = network(batch.source, batch.lengths, batch.inputs, None)
            loss = functional.cross_entropy(logits.flatten(0, 1), batch.outputs.flatten(), ignore_index=pad)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        return loss.item()

    return update


def trainer_of(dropout: float = SMALL.dropout) -> Trainer:
    """A trainer before its first update."""
    trainer = Trainer.start(plan(dropout))
    trainer.network.train()
    return trainer


def check_the_peer(batches: Sequence[Batch], pad: int) -> None:
    """Without dropout both come to the same losses: it is the same network, and the same update."""
    for skip in (False, True):
        trainer = trainer_of(dropout=0.0)
        update = plain(PlainNetwork(SMALL.width, 0.0).begin_as(trainer.network), pad, skip=skip)
        for batch in batches:
            mine, theirs = trainer.update(batch), update(batch)
            if abs(mine - theirs) > 1e-4 * theirs:
                raise RuntimeError(f"the peer is another network: a loss of {theirs}, ours is {mine}")


def spent(update: Callable[[Batch], float], batches: Sequence[Batch], threads: int = 1) -> float:
    """Processor seconds of some updates."""
    torch.set_num_threads(threads)
    begin = time.process_time()
    for batch in batches:
        update(batch)
    seconds = time.process_time() - begin
    torch.set_num_threads(1)
    return seconds


def rows(turns: int = 6) -> list[Row]:
    """Both peers, and two threads; a turn is some batches of each side, which goes first by turns."""
    torch.set_num_threads(1)
    trainer = trainer_of()
    pad = trainer.plan.target.pieces.index(PAD)
    batches = list(trainer.batches(drawn((turns + 1) * BATCHES * 64)))
    check_the_peer(batches[:3], pad)
    network = PlainNetwork(SMALL.width, SMALL.dropout).begin_as(trainer.network)
    other = PlainNetwork(SMALL.width, SMALL.dropout).begin_as(trainer.network)
    cases = (
        ("peer a plain loop", plain(network, pad, skip=False), 1, 1 / GOAL),
        ("peer a plain loop that leaves out the padding", plain(other, pad, skip=True), 1, 1 / GOAL),
        ("one thread, peer two threads", trainer.update, 2, None),
    )
    out = []
    for what, peer, threads, at_most in cases:
        pairs = []
        for turn in range(turns + 1):
            some = batches[turn * BATCHES : (turn + 1) * BATCHES]
            tokens = sum(int((batch.outputs != pad).sum()) for batch in some)
            if turn % 2:
                mine, theirs = spent(trainer.update, some), spent(peer, some, threads)
            else:
                theirs, mine = spent(peer, some, threads), spent(trainer.update, some)
            pairs.append((tokens / mine, tokens / theirs))
        counted = pairs[1:]
        out.append(
            Row(
                f"training, {what}",
                f"{statistics.median(a for a, _ in counted):.0f} tokens a CPU s",
                f"{statistics.median(b for _, b in counted):.0f} tokens a CPU s",
                statistics.median(b / a for a, b in counted),
                at_most,
            )
        )
    return out
