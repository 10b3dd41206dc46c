"""Places: what a person can set, whichever way it is named (a variable, an expression, a command)."""

from dataclasses import dataclass

from s2sdap.debugger.editing.reading import Word


@dataclass(frozen=True, slots=True)
class TokenPlace:
    """The token that the hypothesis takes at this step."""


@dataclass(frozen=True, slots=True)
class PrefixPlace:
    """The first tokens of the hypothesis, from step 0 on."""


@dataclass(frozen=True, slots=True)
class WeightPlace:
    """The attention weight of one source token; without layer and head, in all of them."""

    position: int
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, slots=True)
class WordPlace:
    """The same for a word or piece of the source, which may be several tokens."""

    word: Word
    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, slots=True)
class RowPlace:
    """The attention over the source; without layer and head, in all of them."""

    layer: int | None = None
    head: int | None = None


@dataclass(frozen=True, slots=True)
class TensorPlace:
    """The tensor at a site, or the part of it at `index`, which runs over its leading axes."""

    site: str
    index: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class HypothesisPlace:
    """Whether a hypothesis goes on."""

    hypothesis: int


@dataclass(frozen=True, slots=True)
class CandidatePlace:
    """The fate of the continuation of a hypothesis by a token."""

    hypothesis: int
    token: int


@dataclass(frozen=True, slots=True)
class SettingPlace:
    """A setting of the search, from this step on."""

    name: str


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """The source sentence, or one token of it, or those from `first` to `last`."""

    first: int | None = None
    last: int | None = None


Place = (
    TokenPlace
    | PrefixPlace
    | WeightPlace
    | WordPlace
    | RowPlace
    | TensorPlace
    | HypothesisPlace
    | CandidatePlace
    | SettingPlace
    | SourcePlace
)
