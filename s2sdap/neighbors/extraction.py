"""Extraction: a corpus is forced through a model, and the states of chosen sites are taken.

`Extractor.read` makes tokens of pairs, `batches` puts those of like length together, and calling the
extractor with a batch gives its states. Only whether batches can be trusted is remembered between calls.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import chain
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from s2sdap.decoding.forced.checked import Checked, Way
from s2sdap.decoding.forced.choosing import forcing_for
from s2sdap.decoding.forced.rows import Forced, Forcing, Rows
from s2sdap.decoding.planning import Settings, settings_for
from s2sdap.models.contract import Described, NamesWords, listed
from s2sdap.models.loading import load_model
from s2sdap.models.tokens import Source, whole
from s2sdap.neighbors.states import INDEXABLE, Pair, States, StateSite
from s2sdap.vocabulary.errors import S2sdapError

LOGITS: Final = 2**27
"""Numbers in the logits of a batch at most, half a gigabyte, where the batch is more than one sentence."""


LINES: Final = ("a", "1", "the")
"""What a model that names no line and no word of its own is measured on."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a batch holds at most: sentences, and tokens of both sides when filled up to the longest."""

    sentences: int = 128
    tokens: int = 8192


@dataclass(frozen=True, slots=True)
class Limits:
    """How many tokens a source and a target may have, where the model has room for them."""

    source: int = 1000
    target: int = 1000


@runtime_checkable
class HasLengths(Protocol):
    """What `Extractor.batches` looks at."""

    @property
    def lengths(self) -> tuple[int, int]:
        """Tokens of the target and of the source."""
        ...


E = TypeVar("E", bound=HasLengths)


@dataclass(frozen=True, slots=True)
class Example:
    """A pair as tokens. Without a target the model's own greedy output is forced."""

    pair: Pair
    source: Source
    target: tuple[int, ...] | None

    @property
    def lengths(self) -> tuple[int, int]:
        """Its tokens: of the target (as many as of the source, where there is none yet) and of the source."""
        source = len(self.source.tokens)
        return (source if self.target is None else len(self.target)), source


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sentence from which nothing is taken, and why."""

    sentence: int
    error: S2sdapError


@dataclass(frozen=True, slots=True, eq=False)
class Extracted(Mapping[StateSite, States]):
    """The states of a batch, site by site, in the order of its sentences; and what was skipped.

    `written` has the tokens of each sentence whose target nobody gave: what the model wrote of it, words that
    only its source has among them.
    """

    states: Mapping[StateSite, States]
    skipped: tuple[Skipped, ...] = ()
    written: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def __getitem__(self, site: StateSite) -> States:
        return self.states[site]

    def __iter__(self) -> Iterator[StateSite]:
        return iter(self.states)

    def __len__(self) -> int:
        return len(self.states)


def available_sites(
    model: Described, example: str | None = None, folder: str | None = None
) -> dict[StateSite, int]:
    """The sites that an index of `model` can hold, and how many numbers D a vector of each has.

    They are measured: the model reads a line and predicts one token. `example` is that line; a model that
    reads recordings or images needs one, and `folder` is where that names its file.

    Raises:
        S2sdapError: `no_extraction`.
    """
    forcing = forcing_for(model)
    sizes = forcing.sizes(_readable(model, forcing, example, None if folder is None else Path(folder)))
    order = {site: place for place, site in enumerate(INDEXABLE)}
    known = sorted((key for key in sizes if key[0] in order), key=lambda key: (order[key[0]], key[1] or 0))
    return {StateSite(*key): sizes[key] for key in known}


class Extractor:
    """Takes the states of `sites` from pairs, a batch at a time.

    Args:
        model: with an encoder or without, by single steps or by its own `generate`.
        sites: what to take.
        settings: of the decode: a forced first token, greedy outputs; by default the model's own.
        bounds: how large `batches` makes them.
        limits: how long a sentence may be.
        folder: where sources that name recordings or images mean them.

    Raises:
        S2sdapError: `no_extraction`, `no_state_site`.
    """

    def __init__(
        self,
        model: Described,
        sites: Sequence[StateSite],
        *,
        settings: Settings | None = None,
        bounds: Bounds | None = None,
        limits: Limits | None = None,
        folder: str | None = None,
    ) -> None:
        self.model = model
        self.sites = tuple(dict.fromkeys(sites))
        self.bounds = bounds or Bounds()
        self.limits = limits or Limits()
        self._forcing: Forcing = forcing_for(model, settings)
        self._checked = Checked(self._forcing)
        self._folder = None if folder is None else Path(folder)
        for site in self.sites:
            if site.site not in model.layout.sites:
                known = ", ".join(each for each in INDEXABLE if each in model.layout.sites)
                raise S2sdapError("no_state_site", model=model.name, site=site.site, known=known)

    @classmethod
    def load(
        cls,
        model: str,
        sites: Iterable[str],
        *,
        device: str = "cpu",
        loading: Mapping[str, Any] | None = None,
        search: Mapping[str, Any] | None = None,
        generation: Mapping[str, Any] | None = None,
        bounds: Bounds | None = None,
        limits: Limits | None = None,
        folder: str | None = None,
    ) -> "Extractor":
        """The extractor of a model by its name, from plain data alone: what another process is told.

        `loading` are the options of `load_model`, `search` and `generation` those of `settings_for`.
        """
        loaded = load_model(model, device, **(loading or {}))
        settings = settings_for(loaded, search or {}, generation or {})
        parsed = tuple(map(StateSite.parse, sites))
        return cls(loaded, parsed, settings=settings, bounds=bounds, limits=limits, folder=folder)

    @property
    def way(self) -> Way:
        """How the sentences are forced: in batches, unless those gave other states than the debugger's."""
        return self._checked.way

    def go_on(self, way: Way) -> None:
        """Force from now on in the way that an extractor before this one has come to."""
        self._checked.way = way

    @property
    def apart(self) -> float:
        """How far a row was from the debugger's at most, as part of its length, where that was measured."""
        return self._checked.apart

    def read(self, pairs: Iterable[Pair | Example]) -> tuple[list[Example], list[Skipped]]:
        """The pairs as tokens, in their order, and those that have none, too many, or cannot be read."""
        examples, skipped = [], []
        for pair in pairs:
            try:
                examples.append(pair if isinstance(pair, Example) else self._example(pair))
            except S2sdapError as error:
                skipped.append(Skipped(pair.sentence, error))  # type: ignore[union-attr]  # an example raises nothing
        return examples, skipped

    def batches(self, examples: Sequence[E]) -> Iterator[list[E]]:
        """The examples in batches of like length within the bounds, shortest first.

        Of a corpus that is too large to be kept as tokens, whatever has the lengths will do.
        """
        size = min(self.bounds.tokens, max(1, LOGITS // len(self.model.target)))
        batch: list[E] = []
        longest = (0, 0)
        for example in sorted(examples, key=lambda each: (max(each.lengths), each.lengths)):
            target, source = example.lengths
            together = (max(longest[0], target), max(longest[1], source))
            if batch and (
                len(batch) >= self.bounds.sentences
                or (len(batch) + 1) * sum(together) > self.bounds.tokens
                or (len(batch) + 1) * together[0] > size
            ):
                yield batch
                batch, together = [], (target, source)
            batch.append(example)
            longest = together
        if batch:
            yield batch

    def __call__(self, batch: Iterable[Pair | Example]) -> Extracted:
        """The states of one batch, all of it at once. What cannot be taken is among `skipped`."""
        examples, skipped = self.read(batch)
        parts, failed = self._taken(examples)
        states = {site: _joined([part[site] for part in parts]) for site in self.sites}
        written = {number: tokens for part in parts for number, tokens in part.written.items()}
        return Extracted(states, (*skipped, *failed), written)

    def _example(self, pair: Pair) -> Example:
        source = self._forcing.source(pair.source, self._folder)
        if not source.tokens:
            raise S2sdapError("pair_empty", side="source", sentence=pair.sentence)
        _check_length(pair, "source", len(source.tokens), self.limits.source, self.model.max_source_length)
        if pair.target is None:
            return Example(pair, source, None)
        written = whole(self.model.target, pair.target)
        if not written:
            raise S2sdapError("pair_empty", side="target", sentence=pair.sentence)
        target = self._forcing.target(source, written)
        room = self._forcing.target_limit(source)
        _check_length(pair, "target", len(target), self.limits.target, room)
        return Example(pair, source, target)

    def _taken(self, examples: Sequence[Example]) -> tuple[list[Extracted], tuple[Skipped, ...]]:
        """The states of examples, and those of them with which the model fails even by themselves."""
        if not examples:
            return [], ()
        try:
            return [self._forced(examples)], ()
        except Exception as error:  # the model's own: too little memory, or a sentence that it cannot take
            if isinstance(error, S2sdapError) and error.name == "no_state_layer":
                raise
            if len(examples) == 1:
                number = examples[0].pair.sentence
                return [], (Skipped(number, _of_model(error, number)),)
        half = len(examples) // 2
        first, failed_first = self._taken(examples[:half])
        second, failed_second = self._taken(examples[half:])
        return [*first, *second], (*failed_first, *failed_second)

    def _forced(self, examples: Sequence[Example]) -> Extracted:
        """The states of a batch that the model takes."""
        bare = [each for each in examples if each.target is None]
        tokens = self._forcing.greedy([each.source for each in bare]) if bare else ()
        written = {each.pair.sentence: one for each, one in zip(bare, tokens, strict=True)}
        sentences = [
            Forced(
                each.source,
                listed(self.model, written[each.pair.sentence]) if each.target is None else each.target,
            )
            for each in examples
        ]
        rows = self._checked.force(sentences, [(site.site, site.layer) for site in self.sites])
        numbers = [each.pair.sentence for each in examples]
        return Extracted(_states(self.sites, numbers, sentences, rows), (), written)


def _of_model(error: Exception, sentence: int) -> S2sdapError:
    if isinstance(error, S2sdapError):
        return error
    reason = f"{type(error).__name__}: {error}"
    return S2sdapError("model_failed", where=f"sentence {sentence}", reason=reason)


def _check_length(pair: Pair, side: str, length: int, limit: int, room: int | None) -> None:
    limit = limit if room is None else min(limit, room)
    if length > limit:
        raise S2sdapError("pair_too_long", side=side, sentence=pair.sentence, length=length, limit=limit)


def _states(
    sites: Sequence[StateSite], numbers: Sequence[int], sentences: Sequence[Forced], rows: Rows
) -> dict[StateSite, States]:
    """The rows of a batch, each with where it is from."""
    of = {
        True: _whereabouts(numbers, [[token.id for token in each.source.tokens] for each in sentences]),
        False: _whereabouts(numbers, [each.target for each in sentences]),
    }
    told: NDArray[np.int64] = rows.predicted.numpy()
    out = {}
    for site in sites:
        sentence, position, token = of[site.of_source]
        predicted = np.full_like(token, -1) if site.of_source else told
        out[site] = States(rows.vectors[site.site, site.layer].numpy(), sentence, position, token, predicted)
    return out


def _whereabouts(
    numbers: Sequence[int], tokens: Sequence[Sequence[int]]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.int64]]:
    """Of each token: the number of its sentence, its position in it, and the token itself."""
    lengths = np.array([len(each) for each in tokens])
    starts = np.repeat(lengths.cumsum() - lengths, lengths)
    position = (np.arange(len(starts)) - starts).astype(np.int32)
    flat = np.fromiter(chain.from_iterable(tokens), np.int64, len(starts))
    return np.repeat(np.array(numbers, np.int64), lengths), position, flat


def _joined(parts: Sequence[States]) -> States:
    """The states of several batches. Of none there are none, and nobody knows how wide they would be."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return States(np.zeros((0, 0), np.float16), nothing, nothing.astype(np.int32), nothing, nothing)
    return States(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(States)))


def _readable(model: Described, forcing: Forcing, example: str | None, folder: Path | None) -> Source:
    """A line that the model makes tokens of."""
    named = list(model.source_words())[:1] if isinstance(model, NamesWords) else []
    lines = [example] if example is not None else [*getattr(model, "examples", ()), *named, *LINES]
    for line in lines:
        source = forcing.source(line, folder)
        if source.tokens:
            return source
    raise S2sdapError("no_extraction", model=model.name, reason=f"it makes no tokens of {lines[-1]!r}")
