"""Corpora of dates, and indexes of the bundled model on them, built in this process."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from s2sdap.models.bundled.written_dates import training_pairs
from s2sdap.models.loading import load_model
from s2sdap.neighbors.building import CommitBounds, add_corpus, build_index
from s2sdap.neighbors.columns import KEYS
from s2sdap.neighbors.corpus import read_corpus
from s2sdap.neighbors.extraction import Bounds, Extractor
from s2sdap.neighbors.identity import identity_of
from s2sdap.neighbors.place import Place
from s2sdap.neighbors.plan import planned
from s2sdap.neighbors.states import StateSite
from s2sdap.neighbors.store import StateStore

SITES = {StateSite("encoder.states"): 64, StateSite("decoder.state"): 64}


@cache
def pairs():
    return training_pairs()


def corpus_file(path: Path, first: int, count: int) -> Path:
    """A TSV file of `count` training pairs from `first` on, with an empty line after each third."""
    lines = [f"{source}\t{target}\n" for source, target in pairs()[first : first + count]]
    path.write_text("".join(line + "\n" * (number % 3 == 2) for number, line in enumerate(lines)), "utf-8")
    return path


@dataclass(frozen=True)
class Builder:
    """Builds indexes of files, batches of at most 4 sentences, committed by so many rows."""

    rows: int = 64

    @property
    def extractor(self):
        return Extractor(load_model("dates"), list(SITES), bounds=Bounds(4, 8192))

    def plan(self, file, **drawn):
        return planned(read_corpus(str(file), **drawn), self.extractor)

    def build(self, place, plan, watch=None, wait=False):
        extractor = self.extractor
        model = identity_of(extractor.model, "dates")
        where, commits = Place.of(place), CommitBounds(rows=self.rows)
        return build_index(where, plan, extractor, model, SITES, commits=commits, watch=watch, wait=wait)

    def add(self, place, plan, watch=None):
        extractor = self.extractor
        model = identity_of(extractor.model, "dates")
        commits = CommitBounds(rows=self.rows)
        return add_corpus(Place.of(place), plan, extractor, model, commits=commits, watch=watch)


def contents(place):
    """All that an index gives back, in order: states of every site, and sentences by number."""
    store = StateStore.open(place)
    states = {}
    for site in store.sites:
        found = store.rows(site, range(store.count(site)))
        states[str(site)] = {name: getattr(found, name).tobytes() for name in (*KEYS, "vectors")}
    return states, store.sentences(store.sentence_numbers)
