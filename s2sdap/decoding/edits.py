"""Edits: what a person changed, keyed by (step, hypothesis, site). The step consumes them.

An edit is plain data: it compares, hashes and travels. Applying one gives a new tensor.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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
    and head. `hypothesis` is `None` for encoder sites, which no hypothesis owns; of a batch it is
    the number of the sentence there, `None` for the first.
    """

    step: int
    hypothesis: int | None
    site: str
    values: tuple[float, ...]
    index: tuple[int | None, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class LogitEdit:
    """`change` is added to the logit of `token`, in nats; minus infinity bans the token at this step."""

    step: int
    hypothesis: int
    token: int
    change: float


@dataclass(frozen=True, slots=True)
class PruneEdit:
    """Hypothesis `hypothesis` ends at `step` without an output: none of its continuations is kept."""

    step: int
    hypothesis: int


@dataclass(frozen=True, slots=True)
class ReviveEdit:
    """The continuation of `hypothesis` by `token` at `step` gets a place, whatever its rank.

    Unlike with a `TokenEdit`, the other continuations of the hypothesis stay in the running.
    """

    step: int
    hypothesis: int
    token: int


@dataclass(frozen=True, slots=True)
class SettingEdit:
    """From `step` on the search goes by `value` for the setting `name`, spelt as in a launch.

    All edits of settings at one step are applied together, then checked. It is about every
    hypothesis, so it names none; a list is written as a tuple.
    """

    step: int
    name: str
    value: Any
    hypothesis: None = None


@dataclass(frozen=True, slots=True)
class SourceEdit:
    """The sentence reads `text`: another decode, on a branch beside the one of the sentence as it stands."""

    text: str
    step: int = ENCODER_STEP
    hypothesis: None = None


Edit = TokenEdit | SiteEdit | LogitEdit | PruneEdit | ReviveEdit | SettingEdit | SourceEdit


def key(edit: Edit) -> tuple[object, ...]:
    """What an edit is keyed by: a later edit of the same key replaces an earlier one."""
    where = (edit.step, edit.hypothesis)
    match edit:
        case TokenEdit():
            return (*where, "token")
        case SiteEdit():
            return (*where, edit.site, edit.index)
        case LogitEdit():
            return (*where, "logit", edit.token)
        case PruneEdit():
            return (*where, "prune")
        case ReviveEdit():
            return (*where, "revive", edit.token)
        case SettingEdit():
            return (*where, "setting", edit.name)
        case SourceEdit():
            return (*where, "source")


def merge(edits: Iterable[Edit], edit: Edit) -> tuple[Edit, ...]:
    """The edits with `edit` added, or put in the place of the one that it replaces."""
    return (*(other for other in edits if key(other) != key(edit)), edit)


class Recorder:
    """The probe of a debugged run: applies this step's edits and keeps what the run goes on with.

    `rows` maps a hypothesis to its row of the batch; the encoder has none, so its sites have no K.
    A model that comes to a site layer by layer calls `part`, and `gather` puts the layers together.
    """

    __slots__ = ("_edits", "_parts", "_rows", "_used", "sites")

    def __init__(
        self, edits: Sequence[Edit], rows: Mapping[int, int] | Mapping[int | None, int] | None
    ) -> None:
        self.sites: dict[str, Tensor] = {}
        self._rows: Mapping[Any, int] | None = rows
        self._parts: dict[str, dict[int, Tensor]] = {}
        self._used: set[SiteEdit] = set()
        self._edits: dict[str, list[SiteEdit]] = {}
        for edit in edits:
            if isinstance(edit, SiteEdit):
                self._edits.setdefault(edit.site, []).append(edit)

    def __call__(self, site: str, value: Tensor, /) -> Tensor:
        """Keep the tensor at `site`, edited if a person edited it, and return it."""
        for edit in self._edits.get(site, ()):
            value = self._applied(edit, value, edit.index)
        self.sites[site] = value
        return value

    def may_change(self, site: str) -> bool:
        """Whether a person edited the site: where not, a model may show it after the fact."""
        return site in self._edits

    def part(self, site: str, layer: int, value: Tensor, /) -> Tensor:
        """Keep one layer of a site whose first axis is L, edited if a person edited it, and return it."""
        for edit in self._edits.get(site, ()):
            if not edit.index:
                value = self._applied(edit, value, (), layer)
            elif edit.index[0] in (None, layer):
                value = self._applied(edit, value, edit.index[1:])
        self._parts.setdefault(site, {})[layer] = value
        return value

    def gather(self) -> None:
        """Make whole sites of the layers that `part` was given, L after K."""
        for site, layers in self._parts.items():
            ordered = [layers[layer] for layer in sorted(layers)]
            self.sites[site] = torch.stack(ordered, dim=0 if self._rows is None else 1)
        self._parts.clear()

    def check_consumed(self) -> None:
        """Refuse an edit whose site this run never came to: it would have had no effect."""
        for site, edits in self._edits.items():
            if site not in self.sites:
                raise S2sdapError("no_such_site", site=site)
            for edit in edits:
                if edit not in self._used:
                    raise _misfit(edit, f"its index lies outside of {tuple(self.sites[site].shape)}")

    def _applied(
        self, edit: SiteEdit, value: Tensor, inner: tuple[int | None, ...], layer: int | None = None
    ) -> Tensor:
        """`value` with the edit in it, at `inner` of each row.

        Of an edit that gives the numbers of all layers, those of `layer` are taken.
        """
        numbers = torch.tensor(edit.values, dtype=value.dtype, device=value.device)
        if not bool(torch.isfinite(numbers).all()):  # in the model's own precision, which may be small
            raise S2sdapError(
                "bad_value",
                value=edit.values,
                name=edit.site,
                reason="it is not finite",
                expected="finite numbers",
            )
        self._used.add(edit)
        index: list[int | slice] = [slice(None) if part is None else part for part in inner]
        if self._rows is not None:
            if edit.hypothesis not in self._rows:
                raise S2sdapError("unknown_thread", id=edit.hypothesis)
            index.insert(0, self._rows[edit.hypothesis])
        edited = value.clone()
        try:
            place = edited[tuple(index)]
            if layer is not None:
                numbers = numbers.reshape(-1, *place.shape)[layer]
            place.copy_(
                numbers.reshape(place.shape[-1:])
                if numbers.numel() != place.numel()
                else numbers.reshape(place.shape)
            )
        except (IndexError, RuntimeError):
            raise _misfit(edit, f"the site has the shape {tuple(value.shape)}") from None
        return edited


def _misfit(edit: SiteEdit, reason: str) -> S2sdapError:
    return S2sdapError(
        "bad_value",
        value=f"{len(edit.values)} numbers",
        name=f"{edit.site}{list(edit.index)}",
        reason=reason,
        expected="as many numbers as the place holds",
    )
