"""Breakpoints as a client asked for them, kept until the program and the model can place them.

Lines can be placed as soon as the program is read; stages only when the model is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from s2sdap.debugger.breakpoints import Armed, SentenceBreakpoint, StageBreakpoint, place, stage_named
from s2sdap.debugger.program import Program
from s2sdap.debugger.watch_rules import ArmedRule, arm
from s2sdap.protocol.arguments import FilterOption, FunctionBreakpoint, SourceBreakpoint
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a breakpoint came to stand (0-based line, or a stage), or why it could not."""

    id: int
    line: int | None = None
    stage: Stage | None = None
    problem: S2sdapError | None = None

    @property
    def place(self) -> tuple[int | None, Stage | None, str]:
        """What a client sees of it: if this changes, it has to be told."""
        return self.line, self.stage, str(self.problem or "")


@dataclass(slots=True)
class RequestedBreakpoints:
    """All that is asked for now. Ids grow and are not used again."""

    asked: list[tuple[int, SourceBreakpoint]] = field(default_factory=list)
    lines: list[Placed] = field(default_factory=list)
    functions: list[FunctionBreakpoint] = field(default_factory=list)
    stages: list[Placed] = field(default_factory=list)
    rules: list[ArmedRule] = field(default_factory=list)
    launch_rules: list[ArmedRule] = field(default_factory=list)
    _last_id: int = 0

    def set_lines(self, program: Program, asked: Sequence[tuple[int, SourceBreakpoint]]) -> list[Placed]:
        """Replace the breakpoints on sentences; each comes with its 0-based line."""
        self.asked = list(asked)
        self.lines = [_line(self._new_id(), program, line, each) for line, each in asked]
        return self.lines

    def set_functions(self, asked: Sequence[FunctionBreakpoint], stages: Sequence[Stage]) -> list[Placed]:
        """Replace the breakpoints on stages."""
        self.functions = list(asked)
        self.stages = [self._stage(self._new_id(), each, stages) for each in asked]
        return self.stages

    def place_again(self, program: Program, stages: Sequence[Stage]) -> list[Placed]:
        """The program and the model are known: place everything again. Returns what has changed."""
        before = [*self.lines, *self.stages]
        self.lines = [
            _line(old.id, program, line, each)
            for old, (line, each) in zip(self.lines, self.asked, strict=True)
        ]
        self.stages = [
            self._stage(old.id, each, stages) for old, each in zip(self.stages, self.functions, strict=True)
        ]
        after = [*self.lines, *self.stages]
        return [new for old, new in zip(before, after, strict=True) if old.place != new.place]

    def set_rules(self, filters: Sequence[str], options: Sequence[FilterOption]) -> list[S2sdapError | None]:
        """Replace the watch rules. One entry each: why it could not be armed, or `None`."""
        self.rules = []
        problems: list[S2sdapError | None] = []
        for rule, condition in [
            *((each, None) for each in filters),
            *((o.filter_id, o.condition) for o in options),
        ]:
            try:
                self.rules.append(arm(rule, condition or None))
                problems.append(None)
            except S2sdapError as problem:
                problems.append(problem)
        return problems

    def armed(self) -> Armed:
        """What the session is to stop at. A filter's condition takes the place of the launch's."""
        named = {each.rule.id for each in self.rules}
        rules = [*self.rules, *(each for each in self.launch_rules if each.rule.id not in named)]
        return Armed.of(
            [
                SentenceBreakpoint(each.id, each.line)
                for each in self.lines
                if each.line is not None and not each.problem
            ],
            [StageBreakpoint(each.id, each.stage) for each in self.stages if each.stage is not None],
            rules,
        )

    def _stage(self, number: int, asked: FunctionBreakpoint, stages: Sequence[Stage]) -> Placed:
        try:
            _refuse_extras(asked.condition, asked.hit_condition, None)
            return Placed(number, stage=stage_named(asked.name, stages))
        except S2sdapError as problem:
            return Placed(number, problem=problem)

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id


def _line(number: int, program: Program, line: int, asked: SourceBreakpoint) -> Placed:
    try:
        _refuse_extras(asked.condition, asked.hit_condition, asked.log_message)
        return Placed(number, line=place(program, line).line)
    except S2sdapError as problem:
        return Placed(number, line=line, problem=problem)


def _refuse_extras(condition: str | None, hit_condition: str | None, log_message: str | None) -> None:
    """Conditions that would be ignored must not look as if they were honoured."""
    for what, value in (("condition", condition), ("hit count", hit_condition), ("log message", log_message)):
        if value:
            raise S2sdapError("unsupported_breakpoint", reason=f"Breakpoints take no {what} here")
