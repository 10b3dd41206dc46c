"""A condition asked of many choices at once, with what their numbers may be off taken into account.

The numbers of a batch are off in their last bits, so a condition is not true or false of a row: it is
*certainly* true, *possibly* true, or neither. What is possible is decoded again by itself. Only the
part of the language is here that works on numbers and words; a condition with more in it raises
`Untold`, and is asked of every sentence by itself.
"""

import ast
import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from s2sdap.debugger.quick_conditions import COMPARE, FAULTS

Rows = NDArray[Any]


class Untold(Exception):  # noqa: N818 - it is an answer, not a failure
    """The condition, or its value here, is beyond what rows of a batch can tell."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """Numbers, each at most `off` from the true one."""

    values: Rows
    off: Rows


@dataclass(frozen=True, slots=True)
class Truths:
    """What is certainly true, and what may be."""

    certain: Rows
    possible: Rows


@dataclass(frozen=True, slots=True)
class Words:
    """Anything else, exactly: pieces, texts, `None`."""

    values: Rows


@dataclass(frozen=True, slots=True)
class Vectors:
    """A list of numbers a row, of which the first `lengths` count; each at most `off` from the true one."""

    values: Rows
    lengths: Rows
    off: Rows


_Value = Numbers | Truths | Words | Vectors


def possibly(condition: str, rows: int, column: Callable[[str], _Value]) -> NDArray[np.bool_]:
    """Of which of `rows` the condition may be true. `column` gives the values of a name.

    Raises `Untold`.
    """
    tree = _tree(condition)
    with np.errstate(all="ignore"):
        try:
            found = _truths(_Asked(column).value(tree.body)).possible
        except FAULTS as fault:
            raise Untold(str(fault)) from None
    return np.broadcast_to(found, rows).astype(np.bool_)


@functools.lru_cache(maxsize=64)
def _tree(condition: str) -> ast.Expression:
    """Its syntax tree, which is read and never changed; the same conditions are asked of every batch."""
    return ast.parse(condition.strip(), mode="eval")


def numbers(values: Rows, off: Rows | None = None) -> Numbers:
    """A column of numbers."""
    values = np.asarray(values, np.float64)
    return Numbers(values, np.zeros_like(values) if off is None else np.asarray(off, np.float64))


def between(least: Rows, most: Rows) -> Numbers:
    """A column of numbers of which only the bounds are known."""
    return numbers((least + most) / 2, (most - least) / 2)


def words(values: Any) -> Words:
    """A column of anything else."""
    return Words(np.asarray(values, object))


class _Asked:
    """The value of each node of the syntax tree, for all rows."""

    def __init__(self, column: Callable[[str], _Value]) -> None:
        self.column = column

    def value(self, node: ast.expr) -> _Value:
        """Of one node."""
        make = _MAKERS.get(type(node))
        if make is None:
            raise Untold(type(node).__name__)
        return make(self, node)

    def constant(self, node: ast.Constant) -> _Value:
        if isinstance(node.value, bool):
            return Truths(np.asarray(node.value), np.asarray(node.value))
        if isinstance(node.value, int | float):
            return numbers(np.asarray(node.value))
        return _one_word(node.value)

    def name(self, node: ast.Name) -> _Value:
        return self.column(node.id)

    def sequence(self, node: ast.Tuple | ast.List) -> _Value:
        values = [each.value for each in node.elts if isinstance(each, ast.Constant)]
        if len(values) != len(node.elts):
            raise Untold("a list of more than constants")
        return _one_word(values)

    def unary(self, node: ast.UnaryOp) -> _Value:
        value = self.value(node.operand)
        if isinstance(node.op, ast.Not):
            truths = _truths(value)
            return Truths(~truths.possible, ~truths.certain)
        if not isinstance(value, Numbers):
            raise Untold("no number")
        return value if isinstance(node.op, ast.UAdd) else Numbers(-value.values, value.off)

    def binary(self, node: ast.BinOp) -> _Value:
        left, right = self.value(node.left), self.value(node.right)
        if not (isinstance(left, Numbers) and isinstance(right, Numbers)):
            raise Untold("no number")
        a, b = left.values, right.values
        match node.op:
            case ast.Add():
                return Numbers(a + b, left.off + right.off)
            case ast.Sub():
                return Numbers(a - b, left.off + right.off)
            case ast.Mult():
                return Numbers(a * b, abs(a) * right.off + abs(b) * left.off + left.off * right.off)
            case ast.Div() if np.all(abs(b) > right.off):
                quotient = a / b
                return Numbers(quotient, (left.off + abs(quotient) * right.off) / (abs(b) - right.off))
            case ast.Mod() if np.all(b != 0) and not np.any(left.off) and not np.any(right.off):
                return numbers(a % b)
        raise Untold("an operator")

    def junction(self, node: ast.BoolOp) -> _Value:
        truths = [_truths(self.value(each)) for each in node.values]
        join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
        certain, possible = truths[0].certain, truths[0].possible
        for each in truths[1:]:
            certain, possible = join(certain, each.certain), join(possible, each.possible)
        return Truths(certain, possible)

    def compared(self, node: ast.Compare) -> _Value:
        operands = [self.value(each) for each in (node.left, *node.comparators)]
        whole = Truths(np.asarray(True), np.asarray(True))
        for left, op, right in zip(operands, node.ops, operands[1:], strict=False):
            found = _compare(left, op, right)
            whole = Truths(whole.certain & found.certain, whole.possible & found.possible)
        return whole

    def item(self, node: ast.Subscript) -> _Value:
        whole, index = self.value(node.value), self.value(node.slice)
        if not isinstance(index, Numbers):
            raise Untold("no index")
        if isinstance(whole, Vectors):
            return _item(whole, index)
        if isinstance(whole, Words) and not np.any(index.off):
            take = np.frompyfunc(lambda values, at: values[int(at)], 2, 1)
            return Words(np.asarray(take(whole.values, index.values), object))
        raise Untold("an index that may be off")

    def called(self, node: ast.Call) -> _Value:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        values = [self.value(each) for each in node.args]
        if name == "len" and len(values) == 1 and isinstance(values[0], Words):
            return numbers(np.asarray(np.frompyfunc(len, 1, 1)(values[0].values), np.float64))
        if name == "max" and len(values) == 1 and isinstance(values[0], Vectors):
            return Numbers(
                values[0].values.max(axis=1), values[0].off
            )  # what fills up is 0, and none is less
        given = [each for each in values if isinstance(each, Numbers)]
        if len(given) != len(values) or not given:
            raise Untold(name)
        first = given[0]
        if name == "abs" and len(given) == 1:
            return Numbers(abs(first.values), first.off)
        if name in ("min", "max") and len(given) > 1:
            pick = np.minimum if name == "min" else np.maximum
            for each in given[1:]:
                first = Numbers(pick(first.values, each.values), np.maximum(first.off, each.off))
            return first
        rising = _RISING.get(name)
        if rising is None or len(given) != 1:
            raise Untold(name)
        middle = rising(first.values)
        off = np.maximum(rising(first.values + first.off) - middle, middle - rising(first.values - first.off))
        if not np.all(np.isfinite(off)):
            raise Untold(name)
        return Numbers(middle, off)


_RISING: Final[Mapping[str, Callable[[Any], Any]]] = {"exp": np.exp, "log": np.log, "sqrt": np.sqrt}
_MAKERS: Final[Mapping[type[ast.expr], Callable[..., _Value]]] = {
    ast.Constant: _Asked.constant,
    ast.Name: _Asked.name,
    ast.Tuple: _Asked.sequence,
    ast.List: _Asked.sequence,
    ast.UnaryOp: _Asked.unary,
    ast.BinOp: _Asked.binary,
    ast.BoolOp: _Asked.junction,
    ast.Compare: _Asked.compared,
    ast.Subscript: _Asked.item,
    ast.Call: _Asked.called,
}


def _item(whole: Vectors, index: Numbers) -> Numbers:
    """An item of each list; where the index may be off, something between the least and the largest."""
    at = np.broadcast_to(index.values, whole.lengths.shape)
    at = np.where(at < 0, at + whole.lengths, at)
    sure = np.broadcast_to(index.off, at.shape) == 0
    if np.any(sure & ((at < 0) | (at >= whole.lengths) | (at != np.floor(at)))):
        raise Untold("an index out of range")
    values = whole.values[np.arange(len(at)), np.where(sure, at, 0).astype(np.int64)]
    middle = between(whole.values.min(axis=1), whole.values.max(axis=1))
    return Numbers(np.where(sure, values, middle.values), np.where(sure, whole.off, middle.off + whole.off))


def _compare(left: _Value, op: ast.cmpop, right: _Value) -> Truths:
    if isinstance(left, Numbers) and isinstance(right, Numbers):
        gap = left.values - right.values
        off = left.off + right.off
        off = np.where(off > 0, off + 1e-15 * (abs(left.values) + abs(right.values)), 0.0)
        match op:
            case ast.Lt():
                return Truths(gap < -off, np.where(off > 0, gap <= off, gap < 0))
            case ast.LtE():
                return Truths(gap <= -off, gap <= off)
            case ast.Gt():
                return Truths(gap > off, np.where(off > 0, gap >= -off, gap > 0))
            case ast.GtE():
                return Truths(gap >= off, gap >= -off)
            case ast.Eq():
                return Truths((gap == 0) & (off == 0), abs(gap) <= off)
            case ast.NotEq():
                return Truths(abs(gap) > off, (gap != 0) | (off > 0))
    first, second = _exact(left), _exact(right)
    found = np.frompyfunc(COMPARE[type(op)], 2, 1)(first, second)
    truths = np.asarray(found, np.bool_)
    return Truths(truths, truths)


def _exact(value: _Value) -> Rows:
    """The values of something that no batch gets wrong."""
    if isinstance(value, Words):
        return value.values
    if isinstance(value, Numbers) and not np.any(value.off):
        return np.asarray(value.values, object)
    raise Untold("a number that may be off, beside a word")


def _truths(value: _Value) -> Truths:
    """Python's truth of each row."""
    if isinstance(value, Truths):
        return value
    if isinstance(value, Numbers):
        size = abs(value.values)
        return Truths(size > value.off, (size > 0) | (value.off > 0) | np.isnan(size))
    if isinstance(value, Vectors):
        raise Untold("a list of numbers")
    truths = np.asarray(np.frompyfunc(bool, 1, 1)(value.values), np.bool_)
    return Truths(truths, truths)


def _one_word(value: object) -> Words:
    """A constant for every row; a list stays one value."""
    whole = np.empty((), object)
    whole[()] = value
    return Words(whole)
