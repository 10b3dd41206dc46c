"""Which submodule's output is which site: what a person wrote, checked against the module."""

import copy
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from s2sdap.attach.axes import checked_axes, site_named
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import Site


@dataclass(frozen=True, slots=True, eq=False)
class Mapped:
    """A submodule whose output is a site, or one layer of it.

    `pick` is the place or key in its output; `layer` is `None` where it gives the site alone.
    """

    written: str
    module: nn.Module
    pick: int | str | None
    site: Site
    axes: str | None
    layer: int | None


def mapped_sites(module: nn.Module, written: Mapping[str, str]) -> tuple[Mapped, ...]:
    """The sites that `written` maps submodules to. Raises `bad_site_map`.

    Submodules of the same site are its layers, in the order in which they are written.
    """
    parsed = [_parsed(module, name, target) for name, target in written.items()]
    count: dict[str, int] = {}
    out: list[Mapped] = []
    for each in parsed:
        several = sum(other.site is each.site for other in parsed) > 1
        if several and "L" not in each.site.axes:
            raise S2sdapError(
                "bad_site_map",
                name=each.written,
                reason=f"{each.site.name} has no layers, and is given twice",
            )
        layer = count.get(each.site.name, 0)
        count[each.site.name] = layer + 1
        out.append(
            Mapped(each.written, each.module, each.pick, each.site, each.axes, layer if several else None)
        )
    return tuple(out)


def _parsed(module: nn.Module, written: str, target: str) -> Mapped:
    name, colon, place = written.partition(":")
    try:
        submodule = module.get_submodule(name)
    except AttributeError:
        near = _near(module, name)
        raise S2sdapError(
            "bad_site_map", name=written, reason=f"there is no submodule {name!r}{near}"
        ) from None
    pick: int | str | None = (int(place) if place.isdecimal() else place) if colon else None
    site_name, _, axes = target.partition(" ")
    try:
        site = site_named(site_name)
        named = checked_axes(axes, site) if axes.strip() else None
    except ValueError as error:
        raise S2sdapError("bad_site_map", name=written, reason=error) from None
    return Mapped(written, submodule, pick, site, named, None)


def _near(module: nn.Module, name: str) -> str:

    near = difflib.get_close_matches(name, [each for each, _ in module.named_modules() if each], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def picked(output: Any, pick: int | str | None) -> Tensor:
    """The tensor in a submodule's output. Raises `LookupError` where there is none."""
    found = output
    if pick is not None:
        try:
            found = output[pick]
        except (TypeError, KeyError, IndexError):
            found = getattr(output, str(pick), None)
    elif not isinstance(output, Tensor):
        values = output.values() if isinstance(output, Mapping) else output
        if isinstance(values, (list, tuple)) or isinstance(output, Mapping):
            found = next((value for value in values if isinstance(value, Tensor)), None)
    if not isinstance(found, Tensor):
        where = "" if pick is None else f" at {pick!r}"
        raise LookupError(f"a {type(output).__name__} holds no tensor{where}")
    return found


def with_picked(output: Any, old: Tensor, new: Tensor) -> Any:
    """The output with `new` in the place of `old`, of the same type."""
    if output is old:
        return new
    if isinstance(output, tuple):
        parts = [new if part is old else part for part in output]
        return type(output)(*parts) if hasattr(output, "_fields") else type(output)(parts)
    if isinstance(output, list):
        return [new if part is old else part for part in output]

    changed = copy.copy(output)
    if isinstance(output, Mapping):
        for key, value in output.items():
            if value is old:
                changed[key] = new
    else:
        for key, value in vars(output).items():
            if value is old:
                setattr(changed, key, new)
    return changed
