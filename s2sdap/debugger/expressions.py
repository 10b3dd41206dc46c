"""The expression language of conditions and watches: arithmetic over a record's fields.

Python's own parser reads it, so it looks familiar; an allow-list of syntax is then turned into
closures, so nothing else of Python is reachable: no attributes, no calls but those listed, no
comprehensions. Everything is bounded: the text, the tree, numbers and strings.
"""

import ast
import difflib
import math
import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from s2sdap.debugger.fields import LOOKUPS, NEIGHBORS
from s2sdap.debugger.quick_conditions import COMPARE, FAULTS, quick
from s2sdap.debugger.sureness import sure_from
from s2sdap.vocabulary.errors import S2sdapError

MAX_TEXT: Final = 1000
MAX_NODES: Final = 200
MAX_DEPTH: Final = 40
MAX_INTEGER: Final = 2**64
MAX_STRING: Final = 10_000
MAX_DIGITS: Final = 400
_INSIDE: Final = re.compile(r"\b(?:\w+\.)+<locals>\.|\b_(?=[a-z]+\(\))")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")  # what Python's parser takes for one

_BY_ITSELF: Final = (
    f"{NEIGHBORS}(...) stands by itself, in a watch or the console; "
    "an expression asks for training_distance or training_percentile"
)

Value = Any
"""A number, a string, `None`, a boolean, or a sequence of values (a list, a tuple, an array)."""
Names = Mapping[str, Value]
_Run = Callable[[Names], Value]


@dataclass(frozen=True, slots=True)
class Expression:
    """A checked expression. Call it with the names it may use (see `names`).

    `quick` is for who asks often: it has the same value, or raises one of `FAULTS` where a call would
    tell in words what does not fit, or have a value after all. Where a chosen token is as likely as
    `sure_from` a condition does not hold, and need not be asked.
    """

    text: str
    names: frozenset[str]
    quick: _Run
    sure_from: float
    _guarded: _Run

    def __call__(self, names: Names) -> Value:
        """The value. Raises `expression_value` where an operation does not fit its operands."""
        try:
            return self.quick(names)
        except FAULTS:
            return self._guarded(names)


def _largest(values: Any, *more: Any) -> Any:
    return max(values, *more) if more else max(values)


def _smallest(values: Any, *more: Any) -> Any:
    return min(values, *more) if more else min(values)


def _argmax(values: Any) -> int:
    return max(range(len(values)), key=lambda index: values[index])


def _rounded(value: Any, digits: Any = None) -> Any:
    if isinstance(digits, int) and abs(digits) > MAX_DIGITS:  # Python would compute that power of ten
        raise ValueError(f"{MAX_DIGITS} digits at most")
    return round(value, digits)


def _count(values: Any, item: Any) -> int:
    return sum(1 for value in values if value == item)


def _ngram_repeats(values: Any, size: Any) -> int:
    """How often the last `size` values have come before, one after the other."""
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise ValueError("the size of an n-gram is a whole number from 1")
    last = values[-size:]
    if len(last) < size:
        return 0
    return sum(1 for at in range(len(values) - size) if values[at : at + size] == last)


def _startswith(text: Any, start: Any) -> bool:
    return str.startswith(text, start)


def _endswith(text: Any, end: Any) -> bool:
    return str.endswith(text, end)


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "abs": abs,
    "all": all,
    "any": any,
    "argmax": _argmax,
    "count": _count,
    "endswith": _endswith,
    "exp": math.exp,
    "len": len,
    "log": math.log,
    "max": _largest,
    "min": _smallest,
    "ngram_repeats": _ngram_repeats,
    "round": _rounded,
    "sqrt": math.sqrt,
    "startswith": _startswith,
    "sum": sum,
}

_BINARY: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}


def compile_expression(text: str, known: Collection[str]) -> Expression:
    """Check `text` and make it callable. `known` are the names it may use.

    Raises `expression_syntax`, `expression_name` or `expression_limit`, each with the 1-based
    column where the trouble starts.
    """
    if len(text) > MAX_TEXT:
        raise S2sdapError("expression_limit", reason=f"{len(text)} characters, {MAX_TEXT} are allowed")
    stripped = text.strip()
    indent = len(_LINE_END.split(text[: len(text) - len(text.lstrip())])[-1])
    try:
        tree = ast.parse(f"{stripped}\n", mode="eval")  # without a line end, a text cut short has no column
    except SyntaxError as error:
        raise S2sdapError("expression_syntax", column=_after(indent, error), reason=error.msg) from None
    except (ValueError, RecursionError, MemoryError):  # NUL bytes, absurd nesting
        raise S2sdapError("expression_syntax", column=1, reason="it cannot be read") from None
    if sum(1 for _ in ast.walk(tree)) > MAX_NODES:
        raise S2sdapError("expression_limit", reason=f"more than {MAX_NODES} parts")
    builder = _Builder(stripped, known, indent)
    guarded = builder.build(tree.body, 0)
    unguarded = quick(tree.body, set(known) - set(LOOKUPS))
    run = unguarded or guarded
    return Expression(stripped, frozenset(builder.used), run, sure_from(tree.body), guarded)


def _after(indent: int, error: SyntaxError) -> int:
    """The column of a syntax error in the text as it was written, `indent` blanks before it included."""
    return max(error.offset or 1, 1) + (indent if error.lineno == 1 else 0)


class _Builder:
    """Turns the allowed part of Python's syntax tree into closures."""

    def __init__(self, text: str, known: Collection[str], indent: int) -> None:
        self.lines = _LINE_END.split(text)
        self.indent = indent
        self.known = known
        self.used: set[str] = set()

    def column(self, node: ast.expr) -> int:
        """1-based within its line, in characters; Python counts UTF-8 bytes."""
        line = self.lines[node.lineno - 1]
        shift = self.indent if node.lineno == 1 else 0
        return len(line.encode()[: node.col_offset].decode(errors="ignore")) + shift + 1

    def build(self, node: ast.expr, depth: int) -> _Run:
        """The closure of a node."""
        if depth > MAX_DEPTH:
            raise S2sdapError("expression_limit", reason=f"nested deeper than {MAX_DEPTH}")
        make = getattr(self, f"_{type(node).__name__.lower()}", None)
        if make is None:
            raise S2sdapError(
                "expression_syntax",
                column=self.column(node),
                reason=f"{type(node).__name__} is not part of this language",
            )
        run: _Run = make(node, depth + 1)
        return run

    def _guarded(self, node: ast.expr, run: _Run) -> _Run:
        """`run` with its faults told as errors of this language, and its value bounded."""
        column = self.column(node)

        def guarded(names: Names) -> Value:
            try:
                value = run(names)
            except FAULTS as error:
                raise S2sdapError("expression_value", column=column, reason=_plainly(error)) from None
            if isinstance(value, int) and abs(value) > MAX_INTEGER:
                raise S2sdapError("expression_value", column=column, reason="the number is too large")
            if isinstance(value, str) and len(value) > MAX_STRING:
                raise S2sdapError("expression_value", column=column, reason="the string is too long")
            return value

        return guarded

    def _constant(self, node: ast.Constant, _depth: int) -> _Run:
        value = node.value
        if not isinstance(value, int | float | str | None):
            raise S2sdapError(
                "expression_syntax", column=self.column(node), reason=f"{value!r} is not allowed"
            )
        if isinstance(value, int) and abs(value) > MAX_INTEGER:
            raise S2sdapError("expression_limit", reason="the number is too large")
        return lambda _names: value

    def _name(self, node: ast.Name, _depth: int) -> _Run:
        name = node.id
        if name in LOOKUPS and name not in self.known:
            reason = f"{name} is a function: write {name}(...)"
            raise S2sdapError("expression_syntax", column=self.column(node), reason=reason)
        if name not in self.known:
            near = difflib.get_close_matches(name, [*self.known, *FUNCTIONS, *LOOKUPS], n=1)
            raise S2sdapError(
                "expression_name",
                column=self.column(node),
                name=name,
                nearest=f"; did you mean {near[0]!r}?" if near else "",
            )
        self.used.add(name)
        return lambda names: names[name]  # a field is as long as it is; only what is computed is bounded

    def _unaryop(self, node: ast.UnaryOp, depth: int) -> _Run:
        run = self.build(node.operand, depth)
        if isinstance(node.op, ast.Not):
            return lambda names: not run(names)
        if isinstance(node.op, ast.USub):
            return self._guarded(node, lambda names: -_number(run(names)))
        if isinstance(node.op, ast.UAdd):
            return self._guarded(node, lambda names: _number(run(names)))
        raise S2sdapError(
            "expression_syntax", column=self.column(node), reason="~ is not part of this language"
        )

    def _binop(self, node: ast.BinOp, depth: int) -> _Run:
        left, right = self.build(node.left, depth), self.build(node.right, depth)
        function = _BINARY.get(type(node.op))
        if function is None:
            raise S2sdapError(
                "expression_syntax",
                column=self.column(node),
                reason=f"the operator {type(node.op).__name__} is not part of this language",
            )
        if isinstance(node.op, ast.Add):  # the one operator that strings have too

            def add(names: Names) -> Value:
                a, b = left(names), right(names)
                return a + b if isinstance(a, str) and isinstance(b, str) else _number(a) + _number(b)

            return self._guarded(node, add)
        return self._guarded(node, lambda names: function(_number(left(names)), _number(right(names))))

    def _boolop(self, node: ast.BoolOp, depth: int) -> _Run:
        runs = [self.build(value, depth) for value in node.values]
        wanted = isinstance(node.op, ast.Or)

        def run(names: Names) -> Value:
            value = None
            for each in runs:
                value = each(names)
                if _truth(value) is wanted:
                    break
            return value

        return self._guarded(node, run)

    def _compare(self, node: ast.Compare, depth: int) -> _Run:
        operands = [self.build(each, depth) for each in (node.left, *node.comparators)]
        functions: list[Callable[[Any, Any], Any]] = []
        for op in node.ops:
            function = COMPARE.get(type(op))
            if function is None:
                raise S2sdapError(
                    "expression_syntax", column=self.column(node), reason="write == or != in place of `is`"
                )
            functions.append(function)
        if len(functions) == 1:  # what nearly every condition is, asked at every step of a run
            (compare,), (first, second) = functions, operands
            return self._guarded(node, lambda names: _truth(compare(first(names), second(names))))

        def run(names: Names) -> Value:
            left = operands[0](names)
            for function, operand in zip(functions, operands[1:], strict=True):
                right = operand(names)
                if not _truth(function(left, right)):
                    return False
                left = right
            return True

        return self._guarded(node, run)

    def _ifexp(self, node: ast.IfExp, depth: int) -> _Run:
        test, yes, no = (self.build(each, depth) for each in (node.test, node.body, node.orelse))
        return self._guarded(node, lambda names: yes(names) if _truth(test(names)) else no(names))

    def _tuple(self, node: ast.Tuple | ast.List, depth: int) -> _Run:
        runs = [self.build(each, depth) for each in node.elts]
        return lambda names: [run(names) for run in runs]

    _list = _tuple

    def _subscript(self, node: ast.Subscript, depth: int) -> _Run:
        whole = self.build(node.value, depth)
        if isinstance(node.slice, ast.Slice):
            parts = [
                self.build(each, depth) if each else (lambda _names: None)
                for each in (node.slice.lower, node.slice.upper, node.slice.step)
            ]
            return self._guarded(node, lambda names: whole(names)[slice(*(part(names) for part in parts))])
        index = self.build(node.slice, depth)

        def run(names: Names) -> Value:
            value = whole(names)
            places = index(names)
            for place in places if isinstance(places, list) else [places]:
                value = value[place]
            return value

        return self._guarded(node, run)

    def _call(self, node: ast.Call, depth: int) -> _Run:
        if isinstance(node.func, ast.Name) and node.func.id == NEIGHBORS:
            raise S2sdapError("expression_syntax", column=self.column(node), reason=_BY_ITSELF)
        if not isinstance(node.func, ast.Name) or node.func.id not in (*FUNCTIONS, *LOOKUPS):
            raise S2sdapError(
                "expression_syntax",
                column=self.column(node),
                reason=f"only these can be called: {', '.join((*FUNCTIONS, *LOOKUPS))}",
            )
        if node.keywords:
            raise S2sdapError("expression_syntax", column=self.column(node), reason="name no arguments")
        name = node.func.id
        runs = [self.build(each, depth) for each in node.args]
        if name in LOOKUPS:  # what it looks at is the step, as a field does
            self.used.add(name)
            return self._guarded(node, lambda names: names[name](*(run(names) for run in runs)))
        function = FUNCTIONS[name]
        return self._guarded(node, lambda names: function(*(run(names) for run in runs)))


def _plainly(error: Exception) -> str:
    """What Python says of a value, without the names that its functions have inside."""
    return _INSIDE.sub("", str(error))


def _number(value: Value) -> int | float:
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{type(value).__name__} is no number")


def _truth(value: Value) -> bool:
    """Truth of one value; an array has none, and says so instead of guessing."""
    return bool(value)
