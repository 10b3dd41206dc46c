"""`s2sdap index build` and `add`: what a corpus needs is said, then its states are computed and kept."""

import contextlib
import functools
import re
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from s2sdap.cli.byte_counts import bytes_of, size_of
from s2sdap.cli.named_values import named_values
from s2sdap.cli.outcomes import DONE, INTERRUPTED, say
from s2sdap.cli.progress_bar import bar, waiting
from s2sdap.cluster import parse_on
from s2sdap.neighbors.place import Place
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.models.contract import Described
    from s2sdap.neighbors.building import BuildProgress, Computing, Watch
    from s2sdap.neighbors.extraction import Extractor
    from s2sdap.neighbors.manifest import CorpusRecord
    from s2sdap.neighbors.plan import BuildPlan, Room
    from s2sdap.neighbors.states import StateSite

_SECRET: Final = re.compile("secret|key|token|password|credential|sas", re.IGNORECASE)
TRIED: Final = 20
"""Lines on which a model's sites are measured, one after the other, until it can read one."""
SHOWN: Final = 3
"""Lines that were left out, of which the reason is told."""
STRANGE: Final = 0.2
"""The share of unknown tokens from which on a corpus is probably of another language or preparation."""


@dataclass(frozen=True, slots=True)
class CorpusOptions:
    """What the command line says of a corpus and of how its states are computed."""

    file: str
    reference: str | None
    sample: int | None
    seed: int
    device: str
    threads: int
    batch: int
    batch_tokens: int
    commit: int
    budget: str | None
    storage: Sequence[str]
    on: str | None = None
    """the cluster that computes, as `s2sdap.cluster` reads it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildOptions:
    """What the command line says of an index to build."""

    out: str
    model: str
    sites: str | None
    layers: str | None
    dtype: str | None
    revision: str | None
    trust_remote_code: bool
    corpus: CorpusOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class AddOptions:
    """What the command line says of an index to add to."""

    index: str
    model: str | None
    trust_remote_code: bool
    corpus: CorpusOptions


def build_here(options: BuildOptions) -> int:
    """Build an index, or go on with it. Returns the exit code."""
    with waiting(f"loading {options.model}"):  # and torch, which is read for seconds
        from s2sdap.neighbors.admission import check_build
        from s2sdap.neighbors.building import build_index
        from s2sdap.neighbors.extraction import Extractor
        from s2sdap.neighbors.identity import identity_of
        from s2sdap.neighbors.site_choice import chosen_sites
        from s2sdap.neighbors.writing import manifest_there

        task = _Task(options.out, options.corpus)
        layers = _layers(options.layers)
        names = [name.strip() for name in (options.sites or "").split(",") if name.strip()]
        loading = {
            "dtype": options.dtype,
            "revision": options.revision,
            "trust_remote_code": options.trust_remote_code,
        }
        model = task.load(options.model, loading)
        identity = identity_of(model, options.model, dtype=options.dtype, revision=options.revision)
        available = task.sites_of(model)
        dimensions = chosen_sites(available, names, layers, model=model.name)
        extractor = Extractor(model, tuple(dimensions), bounds=task.bounds, folder=task.folder)
    manifest_there(task.place)  # what cannot be is refused before the corpus is read

    def check(plan: "BuildPlan") -> None:
        if (there := manifest_there(task.place)) is not None:
            check_build(task.place.path, there, identity, plan, task.bounds, dimensions)

    def act(plan: "BuildPlan", watch: "Watch") -> "CorpusRecord":
        with task.computing(options.model, dimensions, loading) as computing:
            return build_index(
                task.place,
                plan,
                extractor,
                identity,
                dimensions,
                run=task.run,
                commits=task.commits,
                watch=watch,
                computing=computing,
            )

    return task.carry_out(extractor, dimensions, check, act)


def add_here(options: AddOptions) -> int:
    """Add a corpus to an index, or go on with it. Returns the exit code."""
    with waiting(f"loading the model of {options.index}"):
        from s2sdap.neighbors.admission import check_addition
        from s2sdap.neighbors.building import add_corpus
        from s2sdap.neighbors.extraction import Extractor
        from s2sdap.neighbors.identity import check_identity, identity_of
        from s2sdap.neighbors.states import StateSite
        from s2sdap.neighbors.store import StateStore

        task = _Task(options.index, options.corpus)
        kept = StateStore.open(task.place).manifest
        spec, dtype, revision = options.model or kept.model.spec, kept.model.dtype, kept.model.revision
        loading = {"dtype": dtype, "revision": revision, "trust_remote_code": options.trust_remote_code}
        model = task.load(spec, loading)
        identity = identity_of(model, spec, dtype=dtype, revision=revision)
        dimensions = {StateSite.parse(each.site): each.dimension for each in kept.sites}
        extractor = Extractor(model, tuple(dimensions), bounds=task.bounds, folder=task.folder)
    check_identity(task.place.path, kept.model, identity)

    def check(plan: "BuildPlan") -> None:
        there = StateStore.open(task.place).manifest
        check_addition(task.place.path, there, identity, plan, task.bounds)

    def act(plan: "BuildPlan", watch: "Watch") -> "CorpusRecord":
        with task.computing(spec, dimensions, loading) as computing:
            return add_corpus(
                task.place,
                plan,
                extractor,
                identity,
                run=task.run,
                commits=task.commits,
                watch=watch,
                computing=computing,
            )

    return task.carry_out(extractor, dimensions, check, act)


class _Task:
    """What `build` and `add` have in common: the corpus, the model's loading, and the run itself."""

    def __init__(self, where: str, options: CorpusOptions) -> None:
        from s2sdap.neighbors.building import CommitBounds
        from s2sdap.neighbors.corpus import read_corpus
        from s2sdap.neighbors.extraction import Bounds
        from s2sdap.neighbors.extras import required

        required("lance")
        if options.on is not None:
            parse_on(options.on)
        self.place = place_of(where, options.storage)
        self.options = options
        self.budget = bytes_of(options.budget)
        self.bounds = Bounds(options.batch, options.batch_tokens)
        self.commits = CommitBounds(rows=options.commit)
        self.run = (options.device, options.threads)
        self.corpus = read_corpus(options.file, options.reference, sample=options.sample, seed=options.seed)

    def load(self, spec: str, loading: Mapping[str, Any]) -> "Described":
        """The model, whose code may print what is no part of our output.

        Where a cluster computes, this process only makes tokens and needs no device.
        """
        import torch

        from s2sdap.models.loading import load_model

        torch.set_num_threads(self.options.threads)
        with contextlib.redirect_stdout(sys.stderr):
            return load_model(spec, self.options.device if self.options.on is None else "cpu", **loading)

    @property
    def folder(self) -> str:
        """From where lines that name a recording or an image mean it."""
        return str(Path(self.corpus.file.path).parent)

    def sites_of(self, model: "Described") -> dict["StateSite", int]:
        """The sites of the model and their dimensions, measured on a line of the corpus that it can read."""
        from s2sdap.neighbors.extraction import available_sites

        first, *others = self.corpus.lines[:TRIED]
        try:
            return available_sites(model, first.source, self.folder)
        except S2sdapError:
            for line in others:
                with contextlib.suppress(S2sdapError):
                    return available_sites(model, line.source, self.folder)
            raise

    @contextlib.contextmanager
    def computing(
        self, spec: str, sites: Iterable["StateSite"], loading: Mapping[str, Any]
    ) -> "Iterator[Computing | None]":
        """What computes the batches, where this process does not."""
        if self.options.on is None:
            yield None
            return
        from s2sdap.cluster import connected
        from s2sdap.neighbors.batches_on_cluster import Recipe, computed_on

        device, threads = self.run
        recipe = Recipe(
            spec, tuple(map(str, sites)), device, threads, loading, self.bounds, folder=self.folder
        )
        with connected(self.options.on, threads=threads) as cluster:
            yield functools.partial(computed_on, cluster, recipe)

    def carry_out(
        self,
        extractor: "Extractor",
        dimensions: Mapping["StateSite", int],
        check: "Callable[[BuildPlan], None]",
        act: "Callable[[BuildPlan, Watch], CorpusRecord]",
    ) -> int:
        """Say what is needed, compute it, and say what came of it. Returns the exit code."""
        try:
            with contextlib.redirect_stdout(sys.stderr):  # what the model's own code prints is no answer
                told = self._carried_out(extractor, dimensions, check, act)
        except KeyboardInterrupt:
            self._interrupted()
            return INTERRUPTED
        print(told)
        return DONE

    def _carried_out(
        self,
        extractor: "Extractor",
        dimensions: Mapping["StateSite", int],
        check: "Callable[[BuildPlan], None]",
        act: "Callable[[BuildPlan, Watch], CorpusRecord]",
    ) -> str:
        from s2sdap.neighbors.plan import check_room, planned

        path = self.place.path
        with bar("reading", "lines") as shown:
            plan = planned(self.corpus, extractor, lambda done, of: shown(done, of, ""))
        check(plan)
        done = self._done(plan)
        if done == len(plan.batches):
            return f"{path}: all states of {self.corpus.file.path} are in already"
        room = plan.room(dimensions, done)
        announce(plan, room, path, done)
        check_room(path, room, self.budget, _free(self.place.folder))
        began = time.monotonic()
        with bar("extracting", "tokens") as shown:
            record = act(plan, lambda told: shown(told.tokens, told.all_tokens, _kept(told)))
        if record.failed:
            say(f"The model failed with {record.failed:,} sentences, which have no states")
        seconds, rows = time.monotonic() - began, sum(rows for _, rows, _ in room.states)
        return f"{path}: {record.sentences:,} sentences, {rows:,} states in {seconds:.1f} s"

    def _done(self, plan: "BuildPlan") -> int:
        """How many batches of this corpus are in, as far as can be told before the index is held."""
        from s2sdap.neighbors.store import read_manifest

        try:
            corpora = read_manifest(self.place).corpora
        except S2sdapError as error:
            if error.name == "index_missing":
                return 0
            raise
        wanted = plan.record(self.bounds, 0)
        for each in corpora:
            if each.asked == wanted.asked:
                return len(plan.batches) if each.finished else each.done
        return 0

    def _interrupted(self) -> None:
        from s2sdap.neighbors.store import read_manifest

        try:
            kept = read_manifest(self.place).sentences.rows
        except S2sdapError:
            kept = 0
        again = shlex.join(["s2sdap", *map(_without_secret, sys.argv[1:])])
        say(f"Interrupted: {kept:,} sentences are kept in {self.place.path}. Go on with: {again}")


def announce(plan: "BuildPlan", room: "Room", path: str, done: int) -> None:
    """Say what will be computed and how much room it needs, before it is."""
    states = ", ".join(f"{site} {rows:,} x {dimension}" for site, rows, dimension in room.states)
    left = len(plan.lines) - sum(map(len, plan.batches[:done]))
    on = f"going on with {left:,} of " if done else ""
    say(f"{on}{len(plan.lines):,} sentences, {plan.tokens:,} tokens: {states}")
    say(f"about {room.bytes:,} bytes ({size_of(room.bytes)}) in {path}")
    if plan.left_out:
        say(f"left out: {len(plan.left_out):,} of {len(plan.corpus.lines):,} lines with text")
        for each in plan.left_out[:SHOWN]:
            say(f"  line {each.line + 1}: {each.error}")
        if len(plan.left_out) > SHOWN:
            say(f"  and {len(plan.left_out) - SHOWN:,} more")
    if all("\t" in line.source for line in plan.lines):
        say("every source has a tab in it: where references stand behind it, call the file .tsv")
    for unknown in plan.unknown:
        if unknown.share >= STRANGE:
            say(
                f"the model does not know {unknown.share:.0%} of the {unknown.side} tokens: "
                "is that the language that it has learnt, and parted and spelt as it was in training?"
            )


def _without_secret(argument: str) -> str:
    """An argument as it may be printed: of an option of the storage that lets people in, only the name."""
    name, equals, _ = argument.removeprefix("--storage=").partition("=")
    return argument.partition(name)[0] + f"{name}=..." if equals and _SECRET.search(name) else argument


def place_of(where: str, storage: Sequence[str]) -> Place:
    """The place of an index as the command line names it."""
    options = {name: str(value) for name, value in named_values("--storage", storage).items()}
    return Place.of(where, options)


def _kept(told: "BuildProgress") -> str:
    return f"{told.committed:,} of {told.all_sentences:,} sentences kept"


def _layers(written: str | None) -> list[int] | None:
    """`0,5` as numbers. Raises `bad_setting`."""
    if written is None:
        return None
    try:
        return [int(each) for each in written.split(",")]
    except ValueError:
        expected = "numbers with commas between them, such as 0,5"
        raise S2sdapError("bad_setting", setting="--layers", value=written, expected=expected) from None


def _free(folder: Path | None) -> int | None:
    """Bytes that are free where a folder is or is going to be."""
    while folder is not None and not folder.exists():
        folder = folder.parent if folder != folder.parent else None
    if folder is None:
        return None
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
