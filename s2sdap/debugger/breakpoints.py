"""Breakpoints: what is armed. Free of torch, so they can be checked before a model is loaded.

An `Armed` is immutable: whoever changes breakpoints hands the session a new one, and the run looks
at it again at its next position. Nothing is locked and nothing waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.watch_rules import ArmedRule
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class SentenceBreakpoint:
    """Stop when the sentence on this 0-based line starts to decode."""

    id: int
    line: int


@dataclass(frozen=True, slots=True)
class StageBreakpoint:
    """Stop whenever the run comes to this stage."""

    id: int
    stage: Stage


@dataclass(frozen=True, slots=True)
class Armed:
    """Everything that can stop a run: breakpoint ids by line and by stage, and the watch rules."""

    sentences: dict[int, tuple[int, ...]] = field(default_factory=dict)
    stages: dict[Stage, tuple[int, ...]] = field(default_factory=dict)
    rules: tuple[ArmedRule, ...] = ()

    @classmethod
    def of(
        cls,
        sentences: Sequence[SentenceBreakpoint] = (),
        stages: Sequence[StageBreakpoint] = (),
        rules: Sequence[ArmedRule] = (),
    ) -> "Armed":
        """Arm these; several breakpoints may stand on one place."""
        lines: dict[int, tuple[int, ...]] = {}
        for sentence in sentences:
            lines[sentence.line] = (*lines.get(sentence.line, ()), sentence.id)
        by_stage: dict[Stage, tuple[int, ...]] = {}
        for each in stages:
            by_stage[each.stage] = (*by_stage.get(each.stage, ()), each.id)
        return cls(lines, by_stage, tuple(rules))


def place(program: Program, line: int) -> Sentence:
    """The sentence that a breakpoint on 0-based `line` stops at: there or next after it."""
    sentence = program.sentence_from(line)
    if sentence is None:
        raise S2sdapError("no_sentence_there", line=line + 1)
    return sentence


def stage_named(name: str, stages: Sequence[Stage]) -> Stage:
    """The stage called `name`, which must be one that the model has."""
    for stage in stages:
        if stage.value == name.strip().lower():
            return stage
    raise S2sdapError("unknown_stage", stage=name, known=", ".join(stages))
