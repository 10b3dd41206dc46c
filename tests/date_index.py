"""An index of the date model, of some dates that it reads: built once a test session, for all workers."""

import datetime
import random
from pathlib import Path
from typing import NamedTuple

from once import made_once, shared_folder

FORMATS = ("%B %-d, %Y", "%d.%m.%Y", "%-d %b %Y", "%b %-d, %Y")
SENTENCES = 400


class BuiltIndex(NamedTuple):
    """The folder of an index, and the file of its sources."""

    path: str
    corpus: str


def dates(count=SENTENCES):
    """Days as the model reads them, each with its ISO form; the first is the one that tests decode."""
    draw = random.Random(0)
    days = [datetime.date(1970, 1, 1) + datetime.timedelta(draw.randrange(20_000)) for _ in range(count)]
    pairs = [(day.strftime(draw.choice(FORMATS)), day.isoformat()) for day in days]
    return [("March 3, 1999", "1999-03-03"), *pairs[1:]]


def date_index(tmp_path_factory) -> BuiltIndex:
    """The first call takes a few CPU seconds, any other none."""
    corpus = shared_folder(tmp_path_factory) / "dates.corpus"

    def make(folder):
        corpus.write_text("\n".join(source for source, _ in dates()) + "\n")
        index_of("dates", dates(), folder, corpus)

    return BuiltIndex(str(made_once(tmp_path_factory, "dates.index", make)), str(corpus))


def index_of(model, pairs, folder: Path, corpus: Path, *, sites=None) -> None:
    """Write the states of these pairs of texts, of every site there is, into an index."""
    import torch

    from s2sdap import load_model
    from s2sdap.neighbors.extraction import Extractor, available_sites
    from s2sdap.neighbors.identity import identity_of
    from s2sdap.neighbors.place import Place
    from s2sdap.neighbors.sentences import CorpusSentence
    from s2sdap.neighbors.states import Pair
    from s2sdap.neighbors.writing import creating

    torch.set_num_threads(1)
    loaded = load_model(model) if isinstance(model, str) else model
    name = model if isinstance(model, str) else loaded.name
    known = {
        site: size for site, size in available_sites(loaded).items() if sites is None or str(site) in sites
    }
    extractor = Extractor(loaded, list(known))
    examples, skipped = extractor.read(Pair(n, *pair) for n, pair in enumerate(pairs))
    assert not skipped, skipped
    sentences = [
        CorpusSentence(
            sentence=each.pair.sentence,
            source=each.pair.source,
            target=each.pair.target,
            file=str(corpus),
            line=each.pair.sentence,
            pieces=tuple(token.piece for token in each.source.tokens),
            spans=tuple(token.span for token in each.source.tokens),
            target_pieces=tuple(loaded.target.piece(token) for token in each.target or ()),
        )
        for each in examples
    ]
    with creating(Place.of(folder), identity_of(loaded, name), known) as writer:
        writer.add_sentences(sentences)
        for batch in extractor.batches(examples):
            writer.add(dict(extractor(batch)))
        writer.commit()
