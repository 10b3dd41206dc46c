"""What has become of a sentence, as the language server keeps and shows it. Plain data; free of torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from s2sdap.vocabulary.positions import Span


class Origin(StrEnum):
    """Where an output comes from."""

    BACKGROUND = "decoded in the background"
    ASKED = "decoded when it was asked for"
    RUN = "from the run over the whole file"
    REPORT = "from the report of the last run"
    SESSION = "from the debug session"


@dataclass(frozen=True, slots=True)
class Rival:
    """A token that the model might have written."""

    id: int
    piece: str
    p: float


@dataclass(frozen=True, slots=True)
class TargetToken:
    """A target token of the best output. `focus` is the source token that was attended to most, by position.

    `hypothesis` is the id that its hypothesis had before the step, as an edit names it; `rival` is the
    likeliest other token.
    """

    id: int
    piece: str
    p: float
    hypothesis: int
    focus: int | None = None
    rival: Rival | None = None


@dataclass(frozen=True, slots=True)
class FoundHere:
    """What a watch rule found in a sentence, and at which of its words.

    `step` is -1 for a finding about the source. `rival` is what the model might have written in the place
    of `token`.
    """

    rule: str
    condition: str
    text: str
    advice: str
    step: int
    spans: tuple[Span, ...]
    token: Rival | None = None
    hypothesis: int | None = None
    rival: Rival | None = None


@dataclass(frozen=True, slots=True)
class Edited:
    """A person's change, with which a sentence is decoded again: `token` is forced or banned at `step`."""

    step: int
    hypothesis: int
    token: int
    piece: str
    banned: bool = False

    @property
    def text(self) -> str:
        """The change in words."""
        return f"{self.piece!r} {'banned' if self.banned else 'forced'} at step {self.step}"


@dataclass(frozen=True, slots=True)
class DecodedSentence:
    """A decoded sentence: its best output and the probability of that.

    `received` has the attention that each source token got over all steps, where the model has attention;
    `tokens` are there where it was decoded by itself. `error` says why there is no output.
    """

    source: str
    output: str
    probability: float
    origin: Origin
    tokens: tuple[TargetToken, ...] = ()
    received: tuple[float, ...] = ()
    findings: tuple[FoundHere, ...] = ()
    edits: tuple[Edited, ...] = ()
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A sentence to decode: its text, its number among those of the file, its 0-based line, its reference."""

    text: str
    index: int = 0
    line: int = 0
    reference: str | None = None


@dataclass(frozen=True, slots=True)
class WordFacts:
    """A source token in training: its `occurrences` among `tokens`, `None` where no index tells them.

    `near` are the tokens with the most similar embeddings, `neighbors` the training states that are nearest
    to the encoder's state of this token in this sentence, each in a line.
    """

    occurrences: int | None = None
    tokens: int | None = None
    near: tuple[tuple[str, float], ...] = ()
    neighbors: tuple[str, ...] = ()


def confidence(decoded: DecodedSentence, positions: int) -> list[float | None]:
    """For each of so many source tokens the least probability of the target tokens that looked at it most."""
    least: list[float | None] = [None] * positions
    for token in decoded.tokens:
        if token.focus is not None and token.focus < positions:
            known = least[token.focus]
            least[token.focus] = token.p if known is None else min(known, token.p)
    return least


def least_sure(tokens: Sequence[TargetToken]) -> tuple[int, TargetToken] | None:
    """The step with the least probable token that has a rival, and that token."""
    rivals = [(token.p, step) for step, token in enumerate(tokens) if token.rival is not None]
    return (min(rivals)[1], tokens[min(rivals)[1]]) if rivals else None
