"""States and sentences of any shape, as values to put into an index; no model has computed them."""

import numpy as np

from s2sdap.neighbors.manifest import ModelIdentity
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.sentences import CorpusSentence
from s2sdap.neighbors.states import States, StateSite
from s2sdap.neighbors.writing import creating
from s2sdap.vocabulary.positions import Span

ENCODER = StateSite("encoder.states")
DECODER = StateSite("decoder.state")
LAYER = StateSite("decoder.layers", 1)
MODEL = ModelIdentity(spec="none", name="none", fingerprint="0123456789abcdef", tokenizer="fedcba9876543210")


def random_states(rows, dimension, seed=0, sentences=7):
    draw = np.random.default_rng(seed)
    return States(
        draw.standard_normal((rows, dimension)).astype(np.float16),
        np.sort(draw.integers(0, sentences, rows)),
        draw.integers(0, 50, rows).astype(np.int32),
        draw.integers(0, 99, rows),
        draw.integers(-1, 99, rows),
    )


def some_sentences(count, first=0):
    return [
        CorpusSentence(
            sentence=number,
            source=f"Satz {number} 🎉",
            target=None if number % 3 == 2 else f"sentence {number}",
            file="/corpora/a.txt",
            line=2 * number,
            pieces=("Satz", str(number), "🎉", "</s>"),
            spans=(Span(0, 4), Span(5, 5 + len(str(number))), None, None),
            target_pieces=() if number % 3 == 2 else ("sentence", str(number), "</s>"),
        )
        for number in range(first, first + count)
    ]


def written(path, batches, sentences=(), options=None):
    """An index of these batches of states, each committed by itself, and of these sentences, last first."""
    sites = {site: states.vectors.shape[1] for site, states in batches[0].items()}
    left = list(sentences)
    with creating(Place.of(path, options), MODEL, sites) as writer:
        for number, batch in enumerate(batches):
            kept = (len(left) * (len(batches) - number - 1)) // len(batches)
            writer.add_sentences(left[kept:])
            del left[kept:]
            writer.add(batch)
            writer.commit()


def same_states(one, other):
    return all(
        np.array_equal(getattr(one, name), getattr(other, name))
        and getattr(one, name).dtype == getattr(other, name).dtype
        for name in ("sentence", "position", "token", "predicted")
    ) and np.array_equal(one.vectors.view(np.uint16), other.vectors.view(np.uint16))
