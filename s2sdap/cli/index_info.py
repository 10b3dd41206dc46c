"""`s2sdap index info`: what an index holds, for people or as JSON."""

import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from s2sdap.cli.byte_counts import size_of
from s2sdap.cli.index import place_of
from s2sdap.cli.outcomes import DONE
from s2sdap.cli.progress_bar import bar

if TYPE_CHECKING:
    from s2sdap.neighbors.manifest import CorpusRecord, Manifest
    from s2sdap.neighbors.store import StateStore

WIDTH: Final = 120
"""Columns of a table that goes into a file or a pipe."""


def info_of(where: str, storage: Sequence[str], *, check: bool, as_json: bool) -> int:
    """Show what is in an index. Returns the exit code."""
    from s2sdap.neighbors.checking import check_values
    from s2sdap.neighbors.manifest import encoded
    from s2sdap.neighbors.store import StateStore

    store = StateStore.open(place_of(where, storage))
    if check:
        with bar("checking", "rows") as shown:
            check_values(store, lambda done, of: shown(done, of, ""))
    if as_json:
        sys.stdout.write(encoded(store.manifest).decode())
        return DONE
    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    show(store, console)
    if check:
        console.print("every value is as it was written")
    return DONE


def show(store: "StateStore", console: Console) -> None:
    """The index as some lines and two tables."""
    manifest = store.manifest
    for name, value in _told(store):
        console.print(Text(f"{name:<11}", "bold") + Text(value), soft_wrap=True)
    corpora = Table("corpus", "sentences", "numbers", "left out", "forced", "apart", "state")
    for corpus in manifest.corpora:
        corpora.add_row(*(Text(each) for each in _corpus(corpus)))
    console.print(corpora)
    sites = Table("site", "states", "dimension", "bytes of vectors")
    for site in store.sites:
        rows, dimension = store.count(site), store.dimension(site)
        sites.add_row(str(site), f"{rows:,}", str(dimension), size_of(2 * rows * dimension))
    console.print(sites)
    if manifest.recall:
        _show_recall(manifest, console)


def _told(store: "StateStore") -> Iterator[tuple[str, str]]:
    manifest, model = store.manifest, store.manifest.model
    yield "index", store.place.path
    yield "written by", f"s2sdap {manifest.release}, format {manifest.version}"
    loaded = "".join(f", {each}" for each in (model.dtype, model.revision) if each)
    yield "model", f"{model.name} ({model.spec}{loaded})  {model.fingerprint}, tokenizer {model.tokenizer}"
    yield "sentences", f"{store.sentence_count:,}"
    if store.place.folder is not None:
        used = sum(each.stat().st_size for each in store.place.folder.rglob("*") if each.is_file())
        yield "on disk", size_of(used)


def _corpus(corpus: "CorpusRecord") -> list[str]:
    name = corpus.file.path
    if corpus.reference is not None:
        name += f" with {corpus.reference.path}"
    if corpus.sample is not None:
        name += f", {corpus.sample:,} drawn with seed {corpus.seed}"
    state = "whole" if corpus.finished else f"{corpus.done:,} of {corpus.batches:,} batches"
    state += f", {corpus.failed:,} failed" if corpus.failed else ""
    numbers = f"{corpus.first:,} to {corpus.first + corpus.sentences - 1:,}"
    forced = [corpus.way, f"{corpus.apart:.0e}"]
    return [name, f"{corpus.sentences:,}", numbers, f"{corpus.left_out:,}", *forced, state]


def _show_recall(manifest: "Manifest", console: Console) -> None:
    table = Table("site", "search", "metric", "recall", "at k", "queries", "rows then")
    for each in manifest.recall:
        kind = f"{each.kind} {each.settings}".strip()
        counts = (f"{each.recall:.4f}", str(each.k), f"{each.queries:,}", f"{each.rows:,}")
        table.add_row(each.site, kind, each.metric, *counts)
    console.print(table)
