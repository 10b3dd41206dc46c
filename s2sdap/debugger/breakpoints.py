"""Breakpoints: what is armed. Free of torch, so they can be checked before a model is loaded.

An `Armed` is immutable: whoever changes breakpoints hands the session a new one, and the run looks
at it again at its next position. Nothing is locked and nothing waits. What changes while a run goes
on, how often each was met, is in `counting`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from s2sdap.debugger.expressions import Expression, compile_expression
from s2sdap.debugger.fields import FIELDS, OF_SENTENCE, OF_TRAINING
from s2sdap.debugger.hit_counts import HitCount, parse_hit_count
from s2sdap.debugger.log_messages import LogMessage, parse_log_message
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.stage_places import StagePlace, stage_named
from s2sdap.debugger.watch_rules import ArmedRule, Asked
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

__all__ = [
    "Armed",
    "DataBreakpoint",
    "Extras",
    "SentenceBreakpoint",
    "StageBreakpoint",
    "TokenBreakpoint",
    "extras",
    "place",
    "stage_named",
]

BEST_HYPOTHESIS: Final = "best hypothesis"
"""What a data breakpoint watches that is no expression: which hypothesis leads."""


@dataclass(frozen=True, slots=True)
class Extras:
    """What any breakpoint may have besides its place.

    With a condition it is met where that holds; `hits` says which of these times count; with a `log`
    the message is written instead of stopping.
    """

    condition: Expression | None = None
    hits: HitCount | None = None
    log: LogMessage | None = None

    @property
    def at_start(self) -> bool:
        """Whether it can be told when a sentence begins, before any step."""
        return self.condition is None or self.condition.names <= OF_SENTENCE

    @property
    def names(self) -> frozenset[str]:
        """The fields that its condition and its message look at."""
        condition = frozenset() if self.condition is None else self.condition.names
        return condition if self.log is None else condition | self.log.names


NO_EXTRAS: Final = Extras()


def extras(condition: str | None, hit_condition: str | None = None, log_message: str | None = None) -> Extras:
    """The extras as an editor sends them; empty ones are none. Raises what is wrong with them."""
    return Extras(
        compile_expression(condition, FIELDS) if condition and condition.strip() else None,
        parse_hit_count(hit_condition) if hit_condition and hit_condition.strip() else None,
        parse_log_message(log_message) if log_message else None,
    )


@dataclass(frozen=True, slots=True)
class SentenceBreakpoint:
    """The sentence on this 0-based line: its start or, with a condition, the first step where that holds."""

    id: int
    line: int
    extras: Extras = NO_EXTRAS


@dataclass(frozen=True, slots=True)
class TokenBreakpoint:
    """A source token of the sentence on this line: a step from which on it is the most attended.

    Where the output has come to its end and no step had its focus there, it is met at the end.
    """

    id: int
    line: int
    position: int
    extras: Extras = NO_EXTRAS


@dataclass(frozen=True, slots=True)
class StageBreakpoint:
    """A stage, whenever the run comes to it, or a narrower place (see `stage_places`)."""

    id: int
    place: StagePlace
    extras: Extras = NO_EXTRAS

    @classmethod
    def of(cls, number: int, stage: Stage) -> "StageBreakpoint":
        """One at a whole stage."""
        return cls(number, StagePlace(stage))


@dataclass(frozen=True, slots=True)
class DataBreakpoint:
    """The value of `watched` changes from a step of a hypothesis to the next.

    Without an expression what is watched is which hypothesis leads.
    """

    id: int
    watched: Expression | None
    extras: Extras = NO_EXTRAS

    @property
    def text(self) -> str:
        """What is watched, as it is written."""
        return BEST_HYPOTHESIS if self.watched is None else self.watched.text


def watched(written: str) -> Expression | None:
    """What a data breakpoint of that name watches. Raises what is wrong with an expression."""
    return None if written.strip() == BEST_HYPOTHESIS else compile_expression(written, FIELDS)


@dataclass(frozen=True, slots=True)
class Armed:
    """Everything that can stop a run, and whether an error of the model does."""

    sentences: dict[int, tuple[SentenceBreakpoint, ...]] = field(default_factory=dict)
    tokens: dict[int, tuple[TokenBreakpoint, ...]] = field(default_factory=dict)
    stages: dict[Stage, tuple[StageBreakpoint, ...]] = field(default_factory=dict)
    data: tuple[DataBreakpoint, ...] = ()
    rules: tuple[ArmedRule, ...] = ()
    errors: bool = True
    asked: dict[Asked, tuple[ArmedRule, ...]] = field(init=False, repr=False, compare=False)
    """The rules by when they are asked."""
    rules_alone: bool = field(init=False, repr=False, compare=False)
    """Whether nothing but rules can stop a run."""

    def __post_init__(self) -> None:
        by_time = {time: tuple(rule for rule in self.rules if rule.rule.asked is time) for time in Asked}
        object.__setattr__(self, "asked", by_time)
        alone = not (self.stages or self.sentences or self.tokens or self.data)
        object.__setattr__(self, "rules_alone", alone)

    @classmethod
    def of(
        cls,
        sentences: Sequence[SentenceBreakpoint] = (),
        stages: Sequence[StageBreakpoint] = (),
        rules: Sequence[ArmedRule] = (),
        *,
        tokens: Sequence[TokenBreakpoint] = (),
        data: Sequence[DataBreakpoint] = (),
        errors: bool = True,
    ) -> "Armed":
        """Arm these; several breakpoints may stand on one place."""
        lines: dict[int, tuple[SentenceBreakpoint, ...]] = {}
        for sentence in sentences:
            lines[sentence.line] = (*lines.get(sentence.line, ()), sentence)
        attended: dict[int, tuple[TokenBreakpoint, ...]] = {}
        for token in tokens:
            attended[token.line] = (*attended.get(token.line, ()), token)
        by_stage: dict[Stage, tuple[StageBreakpoint, ...]] = {}
        for each in stages:
            by_stage[each.place.stage] = (*by_stage.get(each.place.stage, ()), each)
        return cls(lines, attended, by_stage, tuple(data), tuple(rules), errors)

    @property
    def of_training(self) -> bool:
        """Whether anything of it needs an index of training states."""
        names = frozenset[str]().union(
            *(each.extras.names for several in self.sentences.values() for each in several),
            *(each.extras.names for several in self.tokens.values() for each in several),
            *(each.extras.names for several in self.stages.values() for each in several),
            *(each.extras.names for each in self.data),
            *(each.watched.names for each in self.data if each.watched is not None),
        )
        return any(rule.of_training for rule in self.rules) or not OF_TRAINING.isdisjoint(names)

    @property
    def whole_steps(self) -> bool:
        """Whether nothing can stop a run at a stage before the last of a step."""
        return not self.stages or self.stages.keys() == {Stage.ENCODER}


def place(program: Program, line: int) -> Sentence:
    """The sentence that a breakpoint on 0-based `line` stops at: there or next after it."""
    sentence = program.sentence_from(line)
    if sentence is None:
        raise S2sdapError("no_sentence_there", line=line + 1)
    return sentence
