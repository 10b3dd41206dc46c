"""Stops and motions: how a run is set going and why it paused."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from s2sdap.vocabulary.directions import apart
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


class Motion(StrEnum):
    """How to move the cursor."""

    START = "start"
    """enter the program, and stop at its first position if asked to"""
    CONTINUE = "continue"
    NEXT = "next"
    """to the next chosen token, or the start of the next sentence"""
    STEP_IN = "stepIn"
    """to the next stage"""
    STEP_PART = "stepPart"
    """to the next part of a stage"""
    STEP_OUT = "stepOut"
    """to the end of the sentence"""
    STEP_BACK = "stepBack"
    """to the token before, or the start of the sentence"""
    STAGE_BACK = "stageBack"
    """to the stage before, or the part before where the cursor goes through a stage part by part"""
    REVERSE_CONTINUE = "reverseContinue"

    @property
    def backward(self) -> bool:
        """Whether it goes back over records."""
        return self in (Motion.STEP_BACK, Motion.STAGE_BACK, Motion.REVERSE_CONTINUE)


class StopReason(StrEnum):
    """Why the debugger paused, in the protocol's own words where it has one."""

    ENTRY = "entry"
    STEP = "step"
    BREAKPOINT = "breakpoint"
    STAGE = "function breakpoint"
    DATA = "data breakpoint"
    RULE = "exception"
    ERROR = "error"
    PAUSE = "pause"
    EDIT = "edit"
    GOTO = "goto"
    RESTART = "restart"
    END = "end"


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the person is. The encoder's position has step -1."""

    sentence: int
    branch: int
    step: int
    stage: Stage
    hypothesis: int


@dataclass(frozen=True, slots=True)
class Finding:
    """What a watch rule found: its id, the condition that held, and the numbers of the step.

    A rule about the source has no step, so no token with its numbers. `numbers` are the fields that
    this rule is about, `advice` what to look at next.
    """

    rule: str
    condition: str
    token: str | None = None
    p: float | None = None
    entropy: float | None = None
    margin: float | None = None
    rank: int | None = None
    best: tuple[tuple[str, float], ...] = ()
    """the likeliest tokens with their probabilities"""
    numbers: tuple[tuple[str, Any], ...] = ()
    advice: str = ""
    step: int | None = None
    """the step that chose the token it is about, which of an output is its last; `None` before any"""
    hypothesis: int | None = None
    """whose token that is"""

    @property
    def text(self) -> str:
        """The finding in one line."""
        told = "".join(f", {name} = {_short(value)}" for name, value in self.numbers)
        if self.token is None or self.p is None:
            return f"{self.condition}{told.replace(', ', ': ', 1)}"
        rivals = ", ".join(f"{apart(repr(piece))} {p:.3f}" for piece, p in self.best[:3])
        return f"{self.condition}: {self.token!r} has p = {self.p:.3f}{told} (likeliest: {rivals})"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else repr(value)


@dataclass(frozen=True, slots=True)
class Stop:
    """A pause: why, where, and what was hit. `cursor` is `None` only at the end of the program."""

    reason: StopReason
    cursor: Cursor | None
    text: str = ""
    breakpoints: tuple[int, ...] = ()
    finding: Finding | None = None
    also: tuple[Finding, ...] = ()
    """what other rules found at the same place"""
    error: S2sdapError | None = None
    traceback: str = ""
