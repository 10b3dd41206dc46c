"""Tiny seeded networks of every kind, and models of them."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from s2sdap.models.checkpoint import CheckpointConfig, load_checkpoint, save_checkpoint
from s2sdap.models.rnn.config import RnnConfig
from s2sdap.models.rnn.model import RnnModel
from s2sdap.models.rnn.network import RnnNetwork
from s2sdap.models.tokenizers import SPECIAL_PIECES, SideConfig

SMALL = {
    "cell": "gru",
    "gate_activation": "sigmoid",
    "layers": 1,
    "bidirectional": True,
    "embedding_size": 5,
    "encoder_size": 4,
    "decoder_size": 6,
    "attention": "general",
    "attention_query": "current",
    "input_feed": False,
    "dropout": 0.0,
}


def small_config(**changes: Any) -> RnnConfig:
    return RnnConfig(**(SMALL | changes))


def side(letters: str, *, end: bool = False) -> SideConfig:
    return SideConfig(unit="character", lowercase=False, end=end, pieces=(*SPECIAL_PIECES, *letters))


def every_config() -> Iterator[RnnConfig]:
    """Cells, gates, layers, directions, attentions, queries and input feeding: all that go together."""
    cells = [("lstm", "sigmoid"), ("lstm", "hard_sigmoid"), ("gru", "sigmoid"), ("gru", "hard_sigmoid")]
    asks = [("current", False), ("current", True), ("previous", False)]
    attentions = [("none", "current", False)]
    attentions += [(kind, *ask) for kind in ("dot", "general", "concat") for ask in asks]
    for (cell, gate), layers, both_ways, (kind, query, feed) in itertools.product(
        [*cells, ("rnn", "sigmoid")], (1, 2), (False, True), attentions
    ):
        yield small_config(
            cell=cell,
            gate_activation=gate,
            layers=layers,
            bidirectional=both_ways,
            attention=kind,
            attention_query=query,
            input_feed=feed,
            decoder_size=(8 if both_ways else 4) if kind == "dot" else 6,
        )


def further_configs() -> list[RnnConfig]:
    """Networks with options that are seldom other than their default, each with what else they may meet."""
    bahdanau = {"attention": "concat", "attention_bias": True, "attentional_activation": "linear"}
    return [
        small_config(cell="lstm", layers=2, input_feed=True, target_embedding_size=3, **bahdanau),
        small_config(attention_query="previous", target_embedding_size=7, **bahdanau),
        small_config(attention_bias=True),
        small_config(cell="lstm", attentional_activation="linear", input_feed=True),
        small_config(attention="none", target_embedding_size=3),
    ]


def covering_configs() -> list[RnnConfig]:
    """Some of those, such that any three options that go together do so in one of them."""
    every = list(every_config())
    wanted = set[frozenset[Any]]().union(*map(_triples, every))
    chosen: list[RnnConfig] = []
    while wanted:
        best = max(every, key=lambda config: len(_triples(config) & wanted))
        chosen.append(best)
        wanted -= _triples(best)
    return chosen


def _triples(config: RnnConfig) -> set[frozenset[Any]]:
    """Every three options of a network."""
    options = (
        ("cell", (config.cell, config.gate_activation)),
        ("layers", config.layers),
        ("both ways", config.bidirectional),
        ("attention", config.attention),
        ("asks", (config.attention_query, config.input_feed)),
    )
    return {frozenset(three) for three in itertools.combinations(options, 3)}


def config_name(config: RnnConfig) -> str:
    parts = [
        config.cell,
        config.gate_activation,
        f"{config.layers}-layer",
        config.attention,
        config.attention_query,
    ]
    further = {
        "both-ways": config.bidirectional,
        "feed": config.input_feed,
        "bias": config.attention_bias,
        "linear": config.attentional_activation == "linear",
        "two-widths": config.target_embedding_size is not None,
    }
    return " ".join([*parts, *(name for name, there in further.items() if there)])


def seeded_network(config: RnnConfig, source: int = 12, target: int = 11, seed: int = 7) -> RnnNetwork:
    """A network whose weights are large enough for every gate and score to be far from its middle."""
    torch.manual_seed(seed)
    network = RnnNetwork(config, source, target).eval()
    with torch.no_grad():
        for weight in network.parameters():
            weight.uniform_(-0.8, 0.8)
    return network


def model_of(config: RnnConfig, folder: Path, target: SideConfig | None = None) -> RnnModel:
    source, target = side("abcdefgh"), target or side("uvwxyz.")
    network = seeded_network(config, len(source.pieces), len(target.pieces))
    whole = CheckpointConfig(family="rnn", network=config, source=source, target=target)
    save_checkpoint(folder, whole, network.state_dict())
    return RnnModel(load_checkpoint(folder), "small")
