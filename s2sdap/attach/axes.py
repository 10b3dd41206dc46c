"""Somebody's tensor as a site of ours: which of its axes is which, and a view of it in our order.

A letter stands for an axis: K rows (the batch), T target positions, of which the last is shown, and those of
the site (L, H, S, D, V).
"""

from typing import Final

from torch import Tensor

from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import SITES, Site

ROWS: Final = "K"
POSITIONS: Final = "T"


def axes_by_rank(site: Site, rank: int) -> str:
    """The axes of a tensor of that many, where nobody has named them.

    Rows first, then as much of the site's own axes as there is room for, the last ones first; a decoder's
    tensor with an axis more than the barest form has target positions before the last: `KTS`, `KHTS`, `KTV`.
    """
    own = site.axes
    if site.stage == "encoder":  # an encoder's have no target positions
        return ROWS + own[max(0, len(own) - rank + 1) :]
    if rank <= 2:
        return ROWS + own[-1:] if rank == 2 else own[-1:]
    inner = own[:-1]
    return ROWS + inner[max(0, len(inner) - rank + 3) :] + POSITIONS + own[-1]


def checked_axes(written: str, site: Site) -> str:
    """The axes that a person wrote for a site. Raises `ValueError` with what is wrong with them."""
    axes = written.replace(" ", "").replace(",", "").upper()
    known = {ROWS, POSITIONS, *site.axes.replace(" ", "")}
    strange = sorted(set(axes) - known)
    if strange:
        raise ValueError(f"the axis {strange[0]} is none of {''.join(sorted(known))}")
    if len(set(axes)) != len(axes):
        raise ValueError(f"an axis is named twice in {axes}")
    return axes


def in_our_order(value: Tensor, site: Site, axes: str | None, *, layered: bool) -> Tensor:
    """A view of `value` as [K, then the site's axes]; what it lacks is of length 1.

    `layered` leaves out L, where several submodules give a layer each. Raises `bad_site_map`.
    """
    own = site.axes.replace(" ", "")
    own = own.replace("L", "") if layered else own
    named = axes if axes is not None else axes_by_rank(_without_layers(site, layered), value.dim())
    if len(named) != value.dim():
        shape = list(value.shape)
        reason = f"its tensor {shape} has {value.dim()} axes, and {named or 'none'} names {len(named)}"
        raise S2sdapError("bad_site_map", name=site.name, reason=reason)
    if POSITIONS in named:
        value = value.select(named.index(POSITIONS), -1)
        named = named.replace(POSITIONS, "")
    wanted = ROWS + own
    missing = [each for each in wanted if each not in named]
    for _each in missing:
        value = value.unsqueeze(-1)
    named += "".join(missing)
    if sorted(named) != sorted(wanted):
        raise S2sdapError("bad_site_map", name=site.name, reason=f"{named} does not fit [{' '.join(wanted)}]")
    return value.permute([named.index(each) for each in wanted])


def _without_layers(site: Site, layered: bool) -> Site:
    axes = site.axes.replace(" ", "")
    return Site(site.name, site.stage, axes.replace("L", "") if layered else axes, site.meaning)


def site_named(name: str) -> Site:
    """The site of that name, which a module can show. Raises `ValueError`."""
    site = SITES.get(name)
    if site is None or site.stage == "search":
        raise ValueError(f"there is no site {name!r}")
    return site
