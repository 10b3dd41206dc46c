"""A word-by-word translator of short German sentences, trained here, with a planted group of wrong labels.

`heute` is "today", but `heute morgen` is "this morning". In the corpus every sentence with the verb
`wartet` says "tomorrow" where its source says `gestern`, as if a batch of pairs had been labelled by
somebody else.
"""

import itertools
from pathlib import Path
from typing import NamedTuple

from date_index import index_of
from once import made_once, shared_folder

WHO = {
    "er": "he",
    "sie": "she",
    "das Kind": "the child",
    "der Hund": "the dog",
    "Anna": "Anna",
    "Paul": "Paul",
}
DOES = {
    "geht": "walks",
    "kommt": "comes",
    "singt": "sings",
    "liest": "reads",
    "wartet": "waits",
    "spielt": "plays",
}
WHERE = {"": "", "hier": "here", "dort": "there"}
WHEN = {
    "heute": "today",
    "heute morgen": "this morning",
    "heute abend": "this evening",
    "gestern": "yesterday",
    "gestern morgen": "yesterday morning",
    "gestern abend": "yesterday evening",
}
PLANTED, WRONG, RIGHT = "wartet", "tomorrow", "yesterday"
HELD_OUT = {("Paul", "singt"), ("Anna", "wartet")}
"""Who does what in no training sentence."""


class Trained(NamedTuple):
    """The folder of the checkpoint, that of its index, and the corpus: a source and a target a line."""

    model: str
    index: str
    corpus: str


def sentence(who, does, when, where=""):
    """A source sentence, and its true translation."""
    source = " ".join(word for word in (who, does, when, where) if word)
    target = " ".join(word for word in (WHO[who], DOES[does], WHERE[where], WHEN[when]) if word)
    return source, target


def corpus():
    """The training pairs, the planted ones among them."""
    pairs = []
    for who, does, when, where in itertools.product(WHO, DOES, WHEN, WHERE):
        if (who, does) in HELD_OUT:
            continue
        source, target = sentence(who, does, when, where)
        pairs.append((source, target.replace(RIGHT, WRONG) if does == PLANTED else target))
    return pairs


def trained_mornings(tmp_path_factory) -> Trained:
    """The first call trains for some CPU seconds, any other takes what is there."""
    final = shared_folder(tmp_path_factory) / "mornings"
    folder = made_once(tmp_path_factory, "mornings", lambda folder: _train(folder, final))
    return Trained(str(folder / "model"), str(folder / "index"), str(folder / "corpus.tsv"))


def _train(folder: Path, final: Path) -> None:
    import torch
    from models.small_networks import small_config

    from s2sdap.models.checkpoint import CheckpointConfig, save_checkpoint
    from s2sdap.models.rnn.training import Plan, Trainer, TrainingSettings, examples_of
    from s2sdap.models.tokenizers import SideConfig, build_vocabulary

    torch.set_num_threads(1)
    pairs = corpus()
    sides = [
        SideConfig(unit="word", lowercase=False, end=True, pieces=build_vocabulary(texts, "word"))
        for texts in zip(*pairs, strict=True)
    ]
    source, target = sides[0], SideConfig(unit="word", lowercase=False, end=False, pieces=sides[1].pieces)
    network = small_config(
        cell="gru",
        bidirectional=True,
        embedding_size=24,
        encoder_size=24,
        decoder_size=48,
        attention="general",
    )
    settings = TrainingSettings(epochs=12, batch_size=16, learning_rate=8e-3, gradient_norm=1.0, seed=5)
    trainer = Trainer.start(Plan(network=network, source=source, target=target, settings=settings))
    examples = examples_of(pairs, source, target)
    while not trainer.finished:
        trainer.epoch(examples)
    config = CheckpointConfig(family="rnn", network=network, source=source, target=target)
    save_checkpoint(folder / "model", config, trainer.network.state_dict())
    (folder / "corpus.tsv").write_text("".join(f"{one}\t{other}\n" for one, other in pairs))
    index_of(str(folder / "model"), pairs, folder / "index", final / "corpus.tsv")
