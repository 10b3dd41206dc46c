"""Edits: what a person changed, keyed by (step, hypothesis, site). The step consumes them.

An edit is plain data: it compares, hashes and travels. Applying one gives a new tensor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from s2sdap.vocabulary.errors import S2sdapError

ENCODER_STEP = -1
"""The `step` of an edit to an encoder site: before every decode step."""


@dataclass(frozen=True, slots=True)
class TokenEdit:
    """Hypothesis `hypothesis` takes `token` at `step`, whatever the model would have chosen."""

    step: int
    hypothesis: int
    token: int


@dataclass(frozen=True, slots=True)
class SiteEdit:
    """The tensor at `site` becomes `values` where `index` points.

    `index` runs over the site's leading axes (K left out); `None` takes every entry of an axis.
    For `attention.weights` [L, H, S], `index=(None, None)` sets the row of S weights in every layer
    and head. `hypothesis` is `None` for encoder sites, which no hypothesis owns.
    """

    step: int
    hypothesis: int | None
    site: str
    values: tuple[float, ...]
    index: tuple[int | None, ...] = field(default=())


Edit = TokenEdit | SiteEdit


def key(edit: Edit) -> tuple[object, ...]:
    """What an edit is keyed by: a later edit of the same key replaces an earlier one."""
    if isinstance(edit, TokenEdit):
        return (edit.step, edit.hypothesis, "token")
    return (edit.step, edit.hypothesis, edit.site, edit.index)


def merge(edits: Iterable[Edit], edit: Edit) -> tuple[Edit, ...]:
    """The edits with `edit` added, or put in the place of the one that it replaces."""
    return (*(other for other in edits if key(other) != key(edit)), edit)


class Recorder:
    """The probe of a debugged run: applies this step's edits and keeps what the run goes on with.

    `rows` maps a hypothesis to its row of the batch; the encoder has none, so its sites have no K.
    """

    __slots__ = ("_edits", "_rows", "sites")

    def __init__(self, edits: Sequence[Edit], rows: Mapping[int, int] | None) -> None:
        self.sites: dict[str, Tensor] = {}
        self._rows = rows
        self._edits: dict[str, list[SiteEdit]] = {}
        for edit in edits:
            if isinstance(edit, SiteEdit):
                self._edits.setdefault(edit.site, []).append(edit)

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Keep the tensor at `site`, edited if a person edited it, and return it."""
        for edit in self._edits.get(site, ()):
            value = self._applied(edit, value)
        self.sites[site] = value
        return value

    def check_consumed(self) -> None:
        """Refuse an edit whose site this run never came to: it would have had no effect."""
        for site in self._edits:
            if site not in self.sites:
                raise S2sdapError("no_such_site", site=site)

    def _applied(self, edit: SiteEdit, value: Tensor) -> Tensor:
        numbers = torch.tensor(edit.values, dtype=value.dtype, device=value.device)
        if not bool(torch.isfinite(numbers).all()):  # in the model's own precision, which may be small
            raise S2sdapError(
                "bad_value",
                value=edit.values,
                name=edit.site,
                reason="it is not finite",
                expected="finite numbers",
            )
        index: list[int | slice] = [slice(None) if part is None else part for part in edit.index]
        if self._rows is not None:
            if edit.hypothesis is None or edit.hypothesis not in self._rows:
                raise S2sdapError("unknown_thread", id=edit.hypothesis)
            index.insert(0, self._rows[edit.hypothesis])
        edited = value.clone()
        try:
            place = edited[tuple(index)]
            place.copy_(
                numbers.reshape(place.shape[-1:])
                if len(numbers) != place.numel()
                else numbers.reshape(place.shape)
            )
        except (IndexError, RuntimeError):
            raise S2sdapError(
                "bad_value",
                value=f"{len(edit.values)} numbers",
                name=f"{edit.site}{list(edit.index)}",
                reason=f"the site has the shape {tuple(value.shape)}",
                expected="as many numbers as the place holds",
            ) from None
        return edited
