"""Vectors like the decoder states of a trained model, as many as wanted, and an index of them.

A recurrent network (GRU) with random weights reads sentences of a small artificial language: 5,000
words as frequent as Zipf's law has it, each of which is followed by one of 30. So a state depends on the
words before it, the nearest ones less the longer ago, as in a trained model; sentences that begin alike
give equal states; and states form clusters by their last words, with others between them.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from s2sdap.neighbors.manifest import ModelIdentity
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.states import States, StateSite
from s2sdap.neighbors.writing import creating

SITE = StateSite("decoder.state")
WORDS, FOLLOWERS, LENGTH, BATCH = 5_000, 30, 25, 1_000
IDENTITY = ModelIdentity(spec="none", name="state-like", fingerprint="0" * 16, tokenizer="0" * 16)


def sentences(seed: int) -> Iterator[np.ndarray]:
    """Endlessly, `BATCH` sentences of `LENGTH` words at a time, as numbers."""
    language, draw = np.random.default_rng(0), np.random.default_rng(seed)
    frequent = 1 / np.arange(1, WORDS + 1)
    followers = language.choice(WORDS, (WORDS, FOLLOWERS), p=frequent / frequent.sum())
    ranks = 1 / np.arange(1, FOLLOWERS + 1)
    while True:
        words = np.empty((BATCH, LENGTH), np.int64)
        words[:, 0] = draw.choice(WORDS, BATCH, p=frequent / frequent.sum())
        for at in range(1, LENGTH):
            chosen = draw.choice(FOLLOWERS, BATCH, p=ranks / ranks.sum())
            words[:, at] = followers[words[:, at - 1], chosen]
        yield words


def state_like(dimension: int, seed: int) -> Iterator[States]:
    """Endlessly, the states of `BATCH` sentences at a time."""
    generator = torch.Generator().manual_seed(0)
    network = torch.nn.GRU(dimension, dimension, batch_first=True)
    with torch.no_grad():
        for weight in network.parameters():
            weight.normal_(0, 1.5 / dimension**0.5, generator=generator)
        embeddings = torch.randn(WORDS, dimension, generator=generator)
        for number, words in enumerate(sentences(seed)):
            states, _ = network(embeddings[torch.from_numpy(words)])
            counted = np.arange(number * BATCH, (number + 1) * BATCH)
            yield States(
                states.reshape(-1, dimension).numpy().astype(np.float16),
                counted.repeat(LENGTH),
                np.tile(np.arange(LENGTH, dtype=np.int32), BATCH),
                words.reshape(-1),
                np.roll(words, -1, axis=1).reshape(-1),
            )


def build_states(folder: Path, count: int, dimension: int) -> None:
    """An index of so many, at least, of one site."""
    with creating(Place.of(folder), IDENTITY, {SITE: dimension}) as writer:
        for states in state_like(dimension, seed=1):
            writer.add({SITE: states})
            if writer.pending_rows >= 65_536:
                writer.commit()
            written = sum(each.rows for each in writer.manifest.sites)
            if written + writer.pending_rows >= count:
                writer.commit()
                return


def held_out(count: int, dimension: int) -> np.ndarray:
    """States of other sentences, to ask with."""
    states = next(state_like(dimension, seed=2))
    return states.vectors[np.random.default_rng(3).choice(len(states), count, replace=False)]
