"""Breakpoints as a client asked for them, kept until the program and the model can place them.

Lines can be placed as soon as the program is read; source tokens, and what a stage is narrowed to, only
when the model is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from s2sdap.debugger.breakpoints import (
    NO_EXTRAS,
    Armed,
    DataBreakpoint,
    Extras,
    SentenceBreakpoint,
    StageBreakpoint,
    TokenBreakpoint,
    extras,
    place,
    watched,
)
from s2sdap.debugger.program import Program, Sentence
from s2sdap.debugger.stage_places import StagePlace, parse_stage_place
from s2sdap.debugger.watch_rules import MODEL_ERROR, ArmedRule, arm
from s2sdap.protocol.arguments import DataBreakpointAsked, FilterOption, FunctionBreakpoint, SourceBreakpoint
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.positions import position_of_column, utf16_column

if TYPE_CHECKING:
    from s2sdap.models.contract import Described
    from s2sdap.models.tokens import SourceToken


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a breakpoint came to stand, or why it could not.

    `line` and `column` are 0-based, `column` in UTF-16 units and only of a source token, whose
    `position` among the tokens is known once the model is.
    """

    id: int
    line: int | None = None
    column: int | None = None
    position: int | None = None
    stage: StagePlace | None = None
    data: DataBreakpoint | None = None
    extras: Extras = NO_EXTRAS
    problem: S2sdapError | None = None
    note: str | None = None
    """What a person should know of where it came to stand."""

    @property
    def place(self) -> tuple[int | None, int | None, StagePlace | None, str]:
        """What a client sees of it: if this changes, it has to be told."""
        return self.line, self.column, self.stage, str(self.problem or "")


@dataclass(slots=True)
class RequestedBreakpoints:
    """All that is asked for now. Ids grow and are not used again."""

    asked: list[tuple[int, int | None, SourceBreakpoint]] = field(default_factory=list)
    lines: list[Placed] = field(default_factory=list)
    functions: list[FunctionBreakpoint] = field(default_factory=list)
    stages: list[Placed] = field(default_factory=list)
    values: list[DataBreakpointAsked] = field(default_factory=list)
    data: list[Placed] = field(default_factory=list)
    rules: list[ArmedRule] = field(default_factory=list)
    launch_rules: list[ArmedRule] = field(default_factory=list)
    errors: bool = True
    index_problem: S2sdapError | None = None
    """Why rules about training have nothing to look at, where they have not."""
    _last_id: int = 0

    def set_lines(
        self,
        program: Program,
        asked: Sequence[tuple[int, int | None, SourceBreakpoint]],
        model: "Described | None" = None,
    ) -> list[Placed]:
        """Replace the breakpoints on sentences and source tokens.

        Each comes with its 0-based line and, where it is on a token, its 0-based UTF-16 column.
        """
        self.asked = list(asked)
        self.lines = [_line(self._new_id(), program, model, *each) for each in asked]
        return self.lines

    def set_functions(
        self, asked: Sequence[FunctionBreakpoint], model: "Described | None" = None
    ) -> list[Placed]:
        """Replace the breakpoints on stages."""
        self.functions = list(asked)
        self.stages = [_stage(self._new_id(), each, model) for each in asked]
        return self.stages

    def set_data(self, asked: Sequence[DataBreakpointAsked]) -> list[Placed]:
        """Replace the breakpoints on values."""
        self.values = list(asked)
        self.data = [_data(self._new_id(), each) for each in asked]
        return self.data

    def place_again(self, program: Program, model: "Described") -> list[Placed]:
        """The program and the model are known: place everything again. Returns what has changed."""
        before = [*self.lines, *self.stages]
        self.lines = [
            _line(old.id, program, model, *each) for old, each in zip(self.lines, self.asked, strict=True)
        ]
        self.stages = [
            _stage(old.id, each, model) for old, each in zip(self.stages, self.functions, strict=True)
        ]
        after = [*self.lines, *self.stages]
        return [new for old, new in zip(before, after, strict=True) if old.place != new.place]

    def set_rules(self, filters: Sequence[str], options: Sequence[FilterOption]) -> list[S2sdapError | None]:
        """Replace the watch rules. One entry each: why it could not be armed, or `None`."""
        self.rules = []
        self.errors = False
        problems: list[S2sdapError | None] = []
        for rule, condition in [
            *((each, None) for each in filters),
            *((o.filter_id, o.condition) for o in options),
        ]:
            try:
                if rule == MODEL_ERROR:
                    self.errors = True
                    if condition and condition.strip():
                        raise S2sdapError("rule_without_condition", rule=rule)
                else:
                    armed = arm(rule, condition if condition and condition.strip() else None)
                    self.rules.append(armed)
                    if armed.of_training and self.index_problem is not None:
                        raise self.index_problem
                problems.append(None)
            except S2sdapError as problem:
                problems.append(problem)
        return problems

    def armed(self) -> Armed:
        """What the session is to stop at. A filter's condition takes the place of the launch's."""
        named = {each.rule.id for each in self.rules}
        rules = [*self.rules, *(each for each in self.launch_rules if each.rule.id not in named)]
        if self.index_problem is not None:
            rules = [each for each in rules if not each.of_training]
        good = [each for each in self.lines if each.line is not None and not each.problem]
        return Armed.of(
            [
                SentenceBreakpoint(each.id, each.line, each.extras)
                for each in good
                if each.line is not None and each.column is None
            ],
            [StageBreakpoint(each.id, each.stage, each.extras) for each in self.stages if each.stage],
            rules,
            tokens=[
                TokenBreakpoint(each.id, each.line, each.position, each.extras)
                for each in good
                if each.line is not None and each.position is not None
            ],
            data=[each.data for each in self.data if each.data is not None],
            errors=self.errors,
        )

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id


def index_problem(model: str) -> S2sdapError:
    """Why a session has no index, where none was named and the model brings none."""
    return S2sdapError("no_index", reason="none was named", model=model)


def refuse_rules(rules: Sequence[ArmedRule], problem: S2sdapError | None) -> None:
    """Refuse rules of a launch that have nothing to look at. Raises `no_index`."""
    if problem is not None and any(each.of_training for each in rules):
        raise problem


def _line(
    number: int,
    program: Program,
    model: "Described | None",
    line: int,
    column: int | None,
    asked: SourceBreakpoint,
) -> Placed:
    try:
        more = extras(asked.condition, asked.hit_condition, asked.log_message)
        sentence = place(program, line)
        moved = None if sentence.line == line else "moved to the next sentence"
        if column is None:
            return Placed(number, line=sentence.line, extras=more, note=moved)
        if sentence.line != line:  # of another sentence than the one that was meant: its first token
            column = 0
        if model is None:
            return Placed(number, line=sentence.line, column=column, extras=more, note=moved)
        position, start, inside = _token(model, sentence, column)
        if not inside:
            moved = "moved to the next source token"
        return Placed(number, line=sentence.line, column=start, position=position, extras=more, note=moved)
    except S2sdapError as problem:
        return Placed(number, line=line, column=column, problem=problem)


def _token(model: "Described", sentence: Sentence, column: int) -> tuple[int, int, bool]:
    """The source token at a column or the next after it: its position, where it begins, which of both."""
    if not can_attend(model):
        raise S2sdapError(
            "unsupported_breakpoint", reason=f"{model.name} has no attention over source tokens"
        )
    at = position_of_column(sentence.text, column)
    for position, token in enumerate(tokens_of(model, sentence.text)):
        if token.span is not None and token.span.end > at:
            return position, utf16_column(sentence.text, token.span.start), token.span.start <= at
    raise S2sdapError("no_token_there", line=sentence.line + 1, column=column + 1)


def can_attend(model: "Described") -> bool:
    """Whether source tokens can be waited for."""
    return sites.ATTENTION_WEIGHTS in model.layout.sites


def tokens_of(model: "Described", text: str) -> "tuple[SourceToken, ...]":
    """The source tokens of a line."""
    return model.tokenize(text).tokens


def _stage(number: int, asked: FunctionBreakpoint, model: "Described | None") -> Placed:
    try:
        where = parse_stage_place(asked.name, model)
        return Placed(number, stage=where, extras=extras(asked.condition, asked.hit_condition))
    except S2sdapError as problem:
        return Placed(number, problem=problem)


def _data(number: int, asked: DataBreakpointAsked) -> Placed:
    try:
        more = extras(asked.condition, asked.hit_condition)
        return Placed(number, data=DataBreakpoint(number, watched(asked.data_id), more))
    except S2sdapError as problem:
        return Placed(number, problem=problem)
