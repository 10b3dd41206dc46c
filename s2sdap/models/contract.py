"""The contract between a model and the decode: tokenise, encode, begin, step, select.

A model is a set of pure functions over opaque values. It calls a *probe* at every site that it has;
the probe returns the tensor to go on with, which is the very tensor it was given unless a person
edited that site. So what is shown is what the run used, and an unedited run is untouched: both by
construction.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol, TypeGuard, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from s2sdap.models.tokens import Source, SourceToken, TargetVocabulary
from s2sdap.vocabulary.stages import Stage

__all__ = [
    "BatchingModel",
    "Bounded",
    "Described",
    "Embeddings",
    "Embeds",
    "Extends",
    "Gated",
    "GeneratingModel",
    "Layout",
    "Model",
    "NamesWords",
    "Probe",
    "Source",
    "SourceToken",
    "TargetVocabulary",
    "Weighs",
    "extends",
    "reading",
    "untouched",
]


@runtime_checkable
class Probe(Protocol):
    """What a model calls at each site. Returns the tensor to go on with."""

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """The tensor to go on with in the place of `value`."""
        ...


def untouched(_site: str, value: Tensor, /) -> Tensor:
    """The probe of a run that nobody watches: training, and a plain forward pass."""
    return value


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model has: its stages in the order it computes them, its sites, its sizes.

    `sizes` gives the length of each fixed axis a site may need (`L`, `H`, `D`, `V` ...), for people
    to read; `parameters` counts the weights. `missing` are sites that it cannot show, each with why.
    `reads_tokens` is false where no step reads the token that was written before it.
    """

    stages: tuple[Stage, ...]
    sites: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]
    parameters: int
    missing: tuple[tuple[str, str], ...] = ()
    reads_tokens: bool = True


@runtime_checkable
class Described(Protocol):
    """What every model tells of itself, whoever runs its decode."""

    @property
    def name(self) -> str:
        """What people call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of the weights and the configuration: the same model, the same string."""
        ...

    @property
    def device(self) -> torch.device:
        """Where it runs."""
        ...

    @property
    def layout(self) -> Layout:
        """Its stages, sites and sizes."""
        ...

    @property
    def target(self) -> TargetVocabulary:
        """Its target tokens."""
        ...

    @property
    def max_source_length(self) -> int | None:
        """How many source tokens it can read, or `None` where nothing bounds it."""
        ...

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order."""
        ...


@runtime_checkable
class Bounded(Protocol):
    """A model that cannot write more than so many tokens, whatever the settings say."""

    @property
    def max_target_length(self) -> int:
        """How many, the end symbol counted where there is one."""
        ...


@runtime_checkable
class NamesWords(Protocol):
    """A model that can name the source words it knows; whoever asks takes as many as it has use for."""

    def source_words(self) -> Sequence[str]:
        """The words, as they are written in a source text."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Embeddings:
    """The matrix in which a model looks up the tokens of one side: row i is of token i.

    `pieces` is how each is written, `None` for a row that no token has. `special` are the tokens that
    no text is written with: padding, begin, end, the unknown token.
    """

    vectors: Float[Tensor, "V D"]
    pieces: tuple[str | None, ...]
    special: frozenset[int]


@runtime_checkable
class Embeds(Protocol):
    """A model that can show its embeddings; a side on which it reads no tokens has none."""

    def source_embeddings(self) -> Embeddings | None:
        """Those of the source tokens."""
        ...

    def target_embeddings(self) -> Embeddings | None:
        """Those of the target tokens, as the decoder reads them."""
        ...


@runtime_checkable
class Weighs(Protocol):
    """A model that can show its weights."""

    def named_weights(self) -> Sequence[tuple[str, Tensor]]:
        """Every weight tensor with its name, in the order in which the model holds them."""
        ...


@runtime_checkable
class Gated(Protocol):
    """A model whose decoder has gates, which no site holds: they are seen while a step is run again."""

    def watching_gates(self) -> AbstractContextManager[Sequence[Mapping[str, Float[Tensor, "K D"]]]]:
        """While it is open, every decoder layer that steps adds its gates by name, bottom first."""
        ...


@runtime_checkable
class GeneratingModel(Described, Protocol):
    """A model that brings its own search: `decoding.generation` runs it as its library does."""

    def inputs(self, source: Source, /) -> dict[str, Any]:
        """What the library's own `generate` is given for a source sentence, as a batch of one."""
        ...


@runtime_checkable
class Model(Described, Protocol):
    """Something that decodes by our own search. `Encoded` and `State` are opaque and never change.

    A state holds one row a hypothesis. `step` returns a new state and leaves the old one valid, so
    a snapshot is a reference. Nothing here may depend on anything but the arguments.
    """

    def encode(self, source: Source, probe: Probe, /) -> Any:
        """Read the source, probing `encoder.*`. Returns the opaque `Encoded`."""
        ...

    def begin(self, encoded: Any, /) -> Any:
        """The state of one hypothesis before its first step: a batch of one row."""
        ...

    def step(
        self, encoded: Any, state: Any, tokens: Int[Tensor, "K"], probe: Probe, /
    ) -> tuple[Float[Tensor, "K V"], Any]:
        """One decode step for K hypotheses whose last tokens are `tokens`.

        Probes every site after the encoder that comes before `prediction.logits`, with a leading K
        axis. Returns the logits, unprobed, and the new state.
        """
        ...

    def select(self, state: Any, rows: Int[Tensor, "R"], /) -> Any:
        """The state whose row i is row `rows[i]` of `state`."""
        ...


@runtime_checkable
class BatchingModel(Model, Protocol):
    """A model that reads several sentences at once, for a corpus that nobody watches.

    `step` then takes an `Encoded` with a row a hypothesis. What a batch computes differs from what
    a sentence alone does in the last bits, so nothing that is shown comes from it unsaid.
    """

    def encode_batch(self, sources: Sequence[Source], probe: Probe = untouched, /) -> Any:
        """Read the sources, filled up to the longest. Returns an `Encoded` with a row a sentence.

        Probes `encoder.*` of one sentence after the other, in their order, each as long as the longest.
        """
        ...

    def select_encoded(self, encoded: Any, rows: Int[Tensor, "R"], /) -> Any:
        """The `Encoded` whose row i is row `rows[i]` of `encoded`."""
        ...


@runtime_checkable
class Extends(Model, Protocol):
    """A model that can write words of its source which its vocabulary lacks, where `copies` says so.

    Their ids follow those of the vocabulary, and mean other words in other sentences.
    """

    @property
    def copies(self) -> bool:
        """Whether it does; a family may have members that do not."""
        ...

    def reading(self, source: Source, /) -> Model:
        """This model as it reads `source`: `target` and `layout` have the words of that sentence, too."""
        ...


def reading(model: Model, source: Source) -> Model:
    """The model as it reads `source`; the very same where no sentence adds to its vocabulary."""
    return model.reading(source) if extends(model) else model


def listed(model: Described, tokens: tuple[int, ...]) -> tuple[int, ...]:
    """Tokens of the vocabulary that all sentences share: a word that only its source has is the unknown one.

    That is how the model reads such a word, too.
    """
    unknown, size = model.target.unknown, len(model.target)
    if unknown is None or not extends(model):
        return tokens
    return tuple(token if token < size else unknown for token in tokens)


def extends(model: Described) -> TypeGuard[Extends]:
    """Whether each sentence may add words to the vocabulary of `model`."""
    # The protocol goes through every member, which takes longer than to read a short sentence: so it is last.
    return bool(getattr(model, "copies", False)) and isinstance(model, Extends)
