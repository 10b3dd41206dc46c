"""The contract between a model and the decode: tokenise, encode, begin, step, select.

A model is a set of pure functions over opaque values. It calls a *probe* at every site that it has;
the probe returns the tensor to go on with, which is the very tensor it was given unless a person
edited that site. So what is shown is what the run used, and an unedited run is untouched: both by
construction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from jaxtyping import Float, Int
from torch import Tensor

from s2sdap.vocabulary.positions import Span
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class SourceToken:
    """A source token: its piece as written, the id and piece that the model sees, and its span.

    `seen` differs from `piece` when the piece is not in the vocabulary: it is then the unknown
    token. `span` is `None` for a token that stands nowhere in the line (an end symbol, say).
    """

    piece: str
    id: int
    seen: str
    span: Span | None

    @property
    def known(self) -> bool:
        """Whether the model sees the piece itself and not the unknown token."""
        return self.piece == self.seen


@dataclass(frozen=True, slots=True)
class Source:
    """A source sentence as text and as the tokens that the model reads."""

    text: str
    tokens: tuple[SourceToken, ...]


class Probe(Protocol):
    """What a model calls at each site. Returns the tensor to go on with."""

    def __call__(self, site: str, value: Tensor, /) -> Tensor: ...


def untouched(site: str, value: Tensor, /) -> Tensor:
    """The probe of a run that nobody watches: training, and a plain forward pass."""
    return value


class TargetVocabulary(Protocol):
    """The target tokens: ids to pieces and back, and ids to text."""

    bos: int
    eos: int
    unknown: int | None

    def __len__(self) -> int: ...

    def piece(self, token: int, /) -> str:
        """How token `token` is written."""
        ...

    def find(self, piece: str, /) -> int | None:
        """The id of `piece`, or `None` if no token is written so."""
        ...

    def encode(self, text: str, /) -> tuple[int, ...]:
        """The ids of `text`, without begin and end symbols; unknown pieces become `unknown`."""
        ...

    def text(self, tokens: Sequence[int], /) -> str:
        """The text of `tokens`, without begin and end symbols."""
        ...


@dataclass(frozen=True, slots=True)
class Layout:
    """What a model has: its stages in the order it computes them, its sites, its sizes.

    `sizes` gives the length of each fixed axis a site may need (`L`, `H`, `D`, `V` ...), for people
    to read; `parameters` counts the weights.
    """

    stages: tuple[Stage, ...]
    sites: tuple[str, ...]
    sizes: tuple[tuple[str, int], ...]
    parameters: int


class Model(Protocol):
    """Something that decodes. `Encoded` and `State` are opaque to the caller and never change.

    A state holds one row a hypothesis. `step` returns a new state and leaves the old one valid, so
    a snapshot is a reference. Nothing here may depend on anything but the arguments.
    """

    name: str
    fingerprint: str
    """A hash of the weights and the configuration: the same model, the same string."""
    device: torch.device
    layout: Layout
    target: TargetVocabulary
    max_source_length: int | None
    """How many source tokens the model can read, or `None` where nothing bounds it."""

    def tokenize(self, text: str, /) -> Source:
        """The source tokens of a line, in reading order."""
        ...

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
