"""The commonest conditions without a guard at every part, since a run asks them at every step.

`expressions` guards each part of a condition, in order to say where it does not fit. Here are names,
constants, items and lengths of lists, sums and products, single comparisons, `and`, `or` and `not`,
unguarded. What does not fit one
of these raises one of `FAULTS`: the guarded condition is then asked the same and tells of it, or has a
value after all. What is computed here is that or nothing, so it is nowhere another value.
"""

import ast
import operator
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

FAULTS: Final = (TypeError, ValueError, ZeroDivisionError, IndexError, OverflowError, KeyError)
"""What Python raises where an operation does not fit its operands."""

Names = Mapping[str, Any]
Run = Callable[[Names], Any]

COMPARE: Final[dict[type[ast.cmpop], Callable[[Any, Any], Any]]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda item, whole: item in whole,
    ast.NotIn: lambda item, whole: item not in whole,
}

_WITH_CONSTANT: Final[dict[type[ast.cmpop], Callable[[str, Any], Run]]] = {
    ast.Eq: lambda name, bound: lambda names: bool(names[name] == bound),
    ast.NotEq: lambda name, bound: lambda names: bool(names[name] != bound),
    ast.Lt: lambda name, bound: lambda names: bool(names[name] < bound),
    ast.LtE: lambda name, bound: lambda names: bool(names[name] <= bound),
    ast.Gt: lambda name, bound: lambda names: bool(names[name] > bound),
    ast.GtE: lambda name, bound: lambda names: bool(names[name] >= bound),
}
"""A name against a constant, which is what nearly every rule is."""

_ARITHMETIC: Final[dict[type[ast.operator], Callable[[Any, Any], Any]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}
_NUMBERS: Final = frozenset({int, float})
_SMALL: Final = 2**63
"""Less than the language allows of a whole number."""


def quick(node: ast.expr, fields: Collection[str]) -> Run | None:
    """A checked condition over `fields` without its guards; `None` where it has other parts than those.

    Its value is true or false.
    """
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(left, op, right, fields)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            run = quick(operand, fields)
            return None if run is None else lambda names: not run(names)
        case ast.BoolOp(op=op, values=values):
            runs = [quick(value, fields) for value in values]
            wanted = isinstance(op, ast.Or)
            return _joined([run for run in runs if run is not None], wanted) if all(runs) else None
        case ast.Name(id=name) if name in fields:
            return lambda names: _true_or_false(names[name])
    return None


def _compared(left: ast.expr, op: ast.cmpop, right: ast.expr, fields: Collection[str]) -> Run | None:
    match right:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            right = ast.Constant(-value)
    match (left, right):
        case (ast.Name(id=name), ast.Constant(value=bound)) if name in fields and type(op) in _WITH_CONSTANT:
            return _WITH_CONSTANT[type(op)](name, bound)
    one, other, compare = _operand(left, fields), _operand(right, fields), COMPARE.get(type(op))
    if one is None or other is None or compare is None:
        return None
    return lambda names: bool(compare(one(names), other(names)))


def _operand(node: ast.expr, fields: Collection[str]) -> Run | None:
    match node:
        case ast.Constant(value=value):
            return lambda _names: value
        case ast.Name(id=name) if name in fields:
            return lambda names: names[name]
        case ast.Subscript(value=ast.Name(id=whole), slice=ast.Name(id=index)):
            if whole in fields and index in fields:
                return lambda names: _number(names[whole][names[index]])
        case ast.Call(func=ast.Name(id="len"), args=[ast.Name(id=name)], keywords=[]) if name in fields:
            return lambda names: len(names[name])
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
            one, other = _operand(left, fields), _operand(right, fields)
            if one is not None and other is not None:
                return _computed(_ARITHMETIC[type(op)], one, other)
    return None


def _computed(function: Callable[[Any, Any], Any], one: Run, other: Run) -> Run:
    def run(names: Names) -> Any:
        a, b = one(names), other(names)
        if type(a) in _NUMBERS and type(b) in _NUMBERS:
            return _number(function(a, b))
        raise TypeError

    return run


def _joined(runs: list[Run], wanted: bool) -> Run:
    if len(runs) == 2:
        first, second = runs
        if wanted:
            return lambda names: first(names) or second(names)
        return lambda names: first(names) and second(names)

    def run(names: Names) -> Any:
        return any(each(names) for each in runs) if wanted else all(each(names) for each in runs)

    return run


def _true_or_false(value: Any) -> bool:
    if value is True or value is False:
        return value
    raise TypeError


def _number(value: Any) -> Any:
    """A number that is within every bound."""
    if type(value) is float or (type(value) is int and -_SMALL < value < _SMALL):
        return value
    raise TypeError
