"""Edits as people read them and as files hold them.

A list of edits is all that tells one branch from the unedited run, so it can be exported, read again
and replayed. In JSON an edit is its fields beside its kind: `{"edit": "token", "step": 3, ...}`.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import msgspec

from s2sdap.decoding.edits import (
    ENCODER_STEP,
    Edit,
    LogitEdit,
    PruneEdit,
    ReviveEdit,
    SettingEdit,
    SiteEdit,
    SourceEdit,
    TokenEdit,
)
from s2sdap.vocabulary.errors import S2sdapError

KINDS: Final[dict[str, type[Any]]] = {
    "token": TokenEdit,
    "site": SiteEdit,
    "logit": LogitEdit,
    "prune": PruneEdit,
    "revive": ReviveEdit,
    "setting": SettingEdit,
    "source": SourceEdit,
}
_NAMES: Final = {kind: name for name, kind in KINDS.items()}


def told(edit: Edit, piece: Callable[[int], str]) -> str:
    """An edit in one line; `piece` writes a target token."""
    where = "encoder" if edit.step == ENCODER_STEP else f"step {edit.step}"
    if edit.hypothesis is not None and edit.step != ENCODER_STEP:
        where += f", hypothesis {edit.hypothesis}"
    match edit:
        case TokenEdit():
            what = f"token {piece(edit.token)!r}"
        case SiteEdit():
            place = "".join(f"[{':' if part is None else part}]" for part in edit.index)
            what = f"{len(edit.values)} values of {edit.site}{place}"
        case LogitEdit():
            banned = edit.change == -math.inf
            what = f"{piece(edit.token)!r} " + ("banned" if banned else f"{edit.change:+g} nats")
        case PruneEdit():
            what = "pruned"
        case ReviveEdit():
            what = f"revived with {piece(edit.token)!r}"
        case SettingEdit():
            what = f"{edit.name} = {edit.value!r}"
        case SourceEdit():
            what = f"the source reads {edit.text!r}"
    return f"{where}: {what}"


def to_plain(edits: Iterable[Edit]) -> list[dict[str, Any]]:
    """Edits as JSON can hold them. A ban has no `change`."""
    out: list[dict[str, Any]] = []
    for edit in edits:
        fields = {each.name: getattr(edit, each.name) for each in dataclasses.fields(edit)}
        if isinstance(edit, LogitEdit) and edit.change == -math.inf:
            fields["change"] = None
        out.append({"edit": _NAMES[type(edit)], **msgspec.to_builtins(fields)})
    return out


def from_plain(plain: Sequence[Mapping[str, Any]]) -> tuple[Edit, ...]:
    """The edits that `to_plain` wrote. Raises `bad_edit` where one is none."""
    return tuple(_edit(number, each) for number, each in enumerate(plain))


def _edit(number: int, plain: Mapping[str, Any]) -> Edit:
    kind = KINDS.get(str(plain.get("edit"))) if isinstance(plain, Mapping) else None
    if kind is None:
        raise S2sdapError("bad_edit", number=number + 1, reason=f"`edit` must be one of {', '.join(KINDS)}")
    fields = {name: value for name, value in plain.items() if name != "edit"}
    unknown = fields.keys() - {each.name for each in dataclasses.fields(kind)}
    if unknown:
        raise S2sdapError("bad_edit", number=number + 1, reason=f"it has no `{min(unknown)}`")
    if kind is LogitEdit and fields.get("change", 0.0) is None:
        fields["change"] = -math.inf
    if kind is SettingEdit and isinstance(fields.get("value"), list):
        fields["value"] = _frozen(fields["value"])
    try:
        edit: Edit = msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise S2sdapError("bad_edit", number=number + 1, reason=str(error)) from None
    return edit


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
