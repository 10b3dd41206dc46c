"""How likely a chosen token has to be for a condition about its distribution not to hold.

A run asks at every step, and most choices are sure. With a probability p of one token all others have 1 - p
together: so the entropy is at most what it is where they have that evenly, and the margin at least
p - (1 - p). From some p on, then, `entropy > 2` cannot hold, whatever the others have.
"""

import ast
import math
from collections.abc import Callable
from typing import Final

NEVER: Final = math.inf
"""However likely the token is, the condition may hold."""
_SLACK: Final = 0.05
"""More than the probabilities of a row sum up to beside 1, in whatever precision they were computed."""
_LOG_OF_MANY: Final = math.log(1e7)
"""Of more tokens than any vocabulary has."""
_LOWEST: Final = 1e-5
"""From here on the bound of the entropy falls: the rest over p is less than the number of many."""
_HALVINGS: Final = 60


def sure_from(node: ast.expr) -> float:
    """The probability of the chosen token from which on a checked condition cannot hold, else `NEVER`.

    Where one part of an `and` cannot hold it is not asked for the parts behind it, so only the first counts.
    """
    match node:
        case ast.BoolOp(op=ast.And(), values=[first, *_]):
            return sure_from(first)
        case ast.BoolOp(op=ast.Or(), values=values):
            return max(map(sure_from, values))
        case ast.Compare(left=ast.Name(id=name), ops=[op], comparators=[right]):
            bound = _number(right)
            return NEVER if bound is None else _sure_from(name, op, bound)
    return NEVER


def entropy_at_most(p: float) -> float:
    """A bound in nats: `p` by itself, and the rest evenly on more tokens than there are."""
    rest = _rest(p)
    return rest * (_LOG_OF_MANY - math.log(rest)) - p * math.log(p)


def margin_at_least(p: float) -> float:
    """A bound of the likeliest token's probability less that of the second."""
    return p - _rest(p)


def _rest(p: float) -> float:
    """What all others have together, at most."""
    return 1.0 - p + _SLACK


def _sure_from(name: str, op: ast.cmpop, bound: float) -> float:
    match (name, op):
        case ("p", ast.Lt()):
            return bound
        case ("p", ast.LtE()):
            return math.nextafter(bound, math.inf)
        case ("entropy", ast.Gt()):
            return _least(lambda p: entropy_at_most(p) <= bound)
        case ("entropy", ast.GtE()):
            return _least(lambda p: entropy_at_most(p) < bound)
        case ("margin", ast.Lt()):
            return _least(lambda p: margin_at_least(p) >= bound)
        case ("margin", ast.LtE()):
            return _least(lambda p: margin_at_least(p) > bound)
    return NEVER


def _least(enough: Callable[[float], bool]) -> float:
    """The least probability from `_LOWEST` on that is enough, or a hair more."""
    low, high = _LOWEST, 1.0
    if not enough(high):
        return NEVER
    if enough(low):
        return low
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _number(node: ast.expr) -> float | None:
    match node:
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return None if isinstance(value, bool) else -float(value)
        case ast.Constant(value=int() | float() as value):
            return None if isinstance(value, bool) else float(value)
    return None
