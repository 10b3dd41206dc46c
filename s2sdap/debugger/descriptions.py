"""Descriptions: a value told once (name, text, children), to be lowered to the protocol or to text.

Children are made a page at a time, so a tensor of a billion elements opens as fast as one of ten.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from torch import Tensor

from s2sdap.debugger.editing.places import Place, TensorPlace

SMALL: Final = 4096
"""Tensors up to this many elements are summarised with their range and mean."""
LONGEST_TEXT: Final = 2000


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a text file: its whole path, and the line, 0 for the first."""

    path: str
    line: int


@dataclass(frozen=True, slots=True, eq=False)
class Children:
    """The parts of a value: how many, and a page of them."""

    count: int
    page: Callable[[int, int], "list[Description]"]
    indexed: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """A value: its name where it stands, one line of text, its type, and its parts if it has any.

    `expression` evaluates to the same value; `edit` is what a person sets in changing it, `None`
    where it cannot be changed. `location` is where it stands in a file. Parts that take long
    to make come `later`: when they are opened, and then in any thread. `memory` are the numbers themselves.
    """

    name: str
    value: str
    type: str = ""
    children: Children | None = None
    expression: str | None = None
    edit: Place | None = None
    location: Location | None = None
    later: Callable[[], Children] | None = None
    memory: Tensor | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Scope:
    """A group of descriptions: a stage, or the settings. `expensive` ones open only when asked.

    Those of a `slow` one take long to make, and may be made in any thread.
    """

    name: str
    items: Callable[[], list[Description]]
    expensive: bool = False
    hint: str | None = field(default=None)
    slow: bool = False


def number(value: float | int) -> str:
    """A number as people read it: six significant digits."""
    return str(value) if isinstance(value, int) else f"{value:.6g}"


def text(value: str) -> str:
    """A string in quotes, cut if it is very long."""
    shown = repr(value)
    return shown if len(shown) <= LONGEST_TEXT else shown[:LONGEST_TEXT] + "…'"


def group(
    name: str, value: str, items: Sequence[Description], *, kind: str = "", indexed: bool = True
) -> Description:
    """A value made of parts that are all at hand."""
    return Description(name, value, kind, Children(len(items), _page_of(items), indexed))


def listing(
    name: str, value: str, count: int, make: Callable[[int], Description], *, kind: str = ""
) -> Description:
    """A value whose part `i` is made when it is asked for."""

    def page(start: int, length: int) -> list[Description]:
        return [make(index) for index in range(start, min(start + length, count))]

    return Description(name, value, kind, Children(count, page))


def tensor(
    name: str,
    value: Tensor,
    axes: str,
    *,
    expression: str | None = None,
    label: Callable[[int], str] | None = None,
    edit: TensorPlace | None = None,
) -> Description:
    """A tensor, opened axis by axis. `label` names the entries of its last axis; `edit` is its place."""
    shape = "x".join(str(length) for length in value.shape)
    kind = f"{str(value.dtype).removeprefix('torch.')}[{shape}]"
    if value.dim() == 0:
        return Description(name, number(value.item()), kind, expression=expression, edit=edit)
    rest = axes.split()[1:]

    def make(index: int) -> Description:
        shown = f"{index}: {label(index)}" if label and value.dim() == 1 else str(index)
        inner = f"{expression}[{index}]" if expression else None
        part = None if edit is None else TensorPlace(edit.site, (*edit.index, index))
        return tensor(shown, value[index], " ".join(rest), expression=inner, label=label, edit=part)

    return Description(
        name,
        f"[{axes}] {shape}{_range(value)}",
        kind,
        Children(value.shape[0], lambda start, count: _some(make, start, count, value.shape[0])),
        expression,
        edit,
        memory=value,
    )


def plain(name: str, value: object, *, expression: str | None = None) -> Description:
    """A value of the expression language: a number, a string, `None` or a sequence of them."""
    if isinstance(value, bool) or value is None:
        return Description(name, str(value), type(value).__name__, expression=expression)
    if isinstance(value, int | float):
        return Description(name, number(value), type(value).__name__, expression=expression)
    if isinstance(value, str):
        return Description(name, text(value), "str", expression=expression)
    if isinstance(value, list | tuple):
        items = value

        def make(index: int) -> Description:
            return plain(
                str(index), items[index], expression=f"{expression}[{index}]" if expression else None
            )

        shown = ", ".join(plain("", item).value for item in items[:8])
        more = f", … {len(items)} in all" if len(items) > 8 else ""
        children = Children(len(items), lambda start, count: _some(make, start, count, len(items)))
        return Description(name, f"[{shown}{more}]", f"list[{len(items)}]", children, expression)
    return Description(name, type(value).__name__, type(value).__name__)


def _some(make: Callable[[int], Description], start: int, count: int, total: int) -> list[Description]:
    return [make(index) for index in range(start, min(start + count, total))]


def _page_of(items: Sequence[Description]) -> Callable[[int, int], list[Description]]:
    return lambda start, count: list(items[start : start + count])


def _range(value: Tensor) -> str:
    if not 0 < value.numel() <= SMALL:
        return ""
    numbers: list[float] = value.detach().double().flatten().tolist()
    finite = [each for each in numbers if math.isfinite(each)]
    odd = len(numbers) - len(finite)
    if not finite:
        return f", {odd} not finite"
    return f", {_between(finite)}" + (f", {odd} not finite" if odd else "")


def _between(numbers: Iterable[float]) -> str:
    values = list(numbers)
    return f"{number(min(values))} to {number(max(values))}, mean {number(math.fsum(values) / len(values))}"
