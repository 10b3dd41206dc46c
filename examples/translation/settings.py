"""What is trained: two sizes of the same network, and its vocabularies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.training import Plan, TrainingSettings
from s2sdap.models.tokenizers import SideConfig, build_vocabulary

Direction = Literal["en-de", "de-en"]


@dataclass(frozen=True, slots=True)
class Size:
    """The width of embeddings and states, and how long and how fast such a network learns."""

    name: str
    width: int
    dropout: float
    epochs: int
    learning_rate: float


SMALL: Final = Size("small", width=128, dropout=0.2, epochs=7, learning_rate=1.5e-3)
FULL: Final = Size("full", width=256, dropout=0.3, epochs=12, learning_rate=1e-3)


def network_of(size: Size) -> RnnConfig:
    """Bidirectional GRU to GRU with Luong's general attention."""
    return RnnConfig(
        cell="gru",
        gate_activation="sigmoid",
        layers=1,
        bidirectional=True,
        embedding_size=size.width,
        encoder_size=size.width,
        decoder_size=size.width,
        attention="general",
        attention_query="current",
        input_feed=False,
        dropout=size.dropout,
    )


def side(texts: Sequence[str]) -> SideConfig:
    """The words that `texts` have twice or more; a word seen once would be learnt by heart."""
    pieces = build_vocabulary(texts, "word", minimum_count=2)
    return SideConfig(unit="word", lowercase=False, end=False, pieces=pieces)


def plan_of(size: Size, sources: Sequence[str], targets: Sequence[str], epochs: int, seed: int) -> Plan:
    """Everything that decides a training on these texts."""
    settings = TrainingSettings(epochs=epochs, batch_size=32, learning_rate=size.learning_rate, seed=seed)
    return Plan(network=network_of(size), source=side(sources), target=side(targets), settings=settings)
