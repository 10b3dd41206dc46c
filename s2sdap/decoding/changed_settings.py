"""Settings that a person changed while a sentence decodes, for our own search.

They hold from the step of the edit on, and travel from snapshot to snapshot. What has been decided
stays: a hypothesis that finished keeps the score that it finished with.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from s2sdap.decoding.edits import Edit, SettingEdit
from s2sdap.decoding.plan import SettingShown
from s2sdap.decoding.records import Snapshot
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.spelling import nearest
from s2sdap.models.contract import Bounded, Described
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(frozen=True, slots=True)
class Changed:
    """Settings in force after edits; `edited` are the names of those that a person changed.

    `prefix` are the tokens of their prefix.
    """

    settings: SearchSettings
    prefix: tuple[int, ...]
    edited: frozenset[str] = frozenset()


_FIXED: Final = {
    "sample": "draws and beams are kept apart from the first step on",
    "maxSourceLength": "the source has been read",
}
"""Settings that cannot change once the decode has begun, and why."""


def with_edits(now: Changed, before: Snapshot, edits: Sequence[Edit], model: Described) -> Changed:
    """The settings with this step's edits of them, all applied together and then checked."""
    changes = {edit.name: edit.value for edit in edits if isinstance(edit, SettingEdit)}
    if not changes:
        return now
    fields = {field.encode_name: field.name for field in msgspec.structs.fields(SearchSettings)}
    for name, value in changes.items():
        if name not in fields:
            raise S2sdapError("unknown_setting", setting=name, nearest=nearest(name, fields))
        same = value == getattr(now.settings, fields[name])
        if not same and (name in _FIXED or (name == "nBest" and now.settings.sample)):
            reason = _FIXED.get(name, "one draw was begun for each")
            raise S2sdapError("setting_fixed", setting=name, step=before.step, reason=reason)
    given: dict[str, Any] = {fields[name]: value for name, value in changes.items()}
    settings = msgspec.structs.replace(now.settings, **given)
    room = room_of(model)
    if room is not None and settings.max_length > room:
        raise S2sdapError(
            "bad_setting", setting="maxLength", value=settings.max_length, expected=f"{room} at most here"
        )
    prefix = now.prefix
    if settings.prefix != now.settings.prefix:
        prefix = prefix_of(model, settings)
        written = prefix[: before.step]
        if any(hypothesis.tokens[: len(written)] != written for hypothesis in before.live):
            reason = "what has been written does not begin with it"
            raise S2sdapError("setting_fixed", setting="prefix", step=before.step, reason=reason)
    elif settings.max_length != now.settings.max_length:
        check_room(prefix, settings)
    return Changed(settings, prefix, now.edited.union(changes))


def shown(launched: SearchSettings, now: Changed | None) -> tuple[SettingShown, ...]:
    """Every setting with its value, and whether a person, the launch or nobody set it."""
    settings = launched if now is None else now.settings
    edited = frozenset[str]() if now is None else now.edited
    out = []
    for field in msgspec.structs.fields(settings):
        value = getattr(settings, field.name)
        origin = "default" if value == field.default else "launch"
        origin = "edit" if field.encode_name in edited else origin
        out.append(SettingShown(field.encode_name, value, origin))
    return tuple(out)


def room_of(model: Described) -> int | None:
    """How many tokens `model` can write at most; `None` where nothing bounds it."""
    return model.max_target_length if isinstance(model, Bounded) else None


def within(model: Described, settings: SearchSettings) -> SearchSettings:
    """The settings with no more length than `model` can write; the very same where they fit.

    Raises `settings_clash` for a least length that it cannot write.
    """
    room = room_of(model)
    if room is None or settings.max_length <= room:
        return settings
    return msgspec.structs.replace(settings, max_length=room)


def prefix_of(model: Described, settings: SearchSettings) -> tuple[int, ...]:
    """The tokens of the settings' prefix. Raises where the model cannot write it, or has no room to."""
    prefix = model.target.encode(settings.prefix)
    if model.target.unknown is not None and model.target.unknown in prefix:
        raise S2sdapError(
            "bad_setting", setting="prefix", value=settings.prefix, expected="made of target tokens"
        )
    check_room(prefix, settings)
    return prefix


def check_room(prefix: tuple[int, ...], settings: SearchSettings) -> None:
    """Refuse a prefix that leaves no room for a token of the model's own."""
    if prefix and len(prefix) >= settings.max_length:
        raise S2sdapError(
            "settings_clash",
            reason=f"`prefix` has {len(prefix)} tokens, `maxLength` is {settings.max_length}",
        )
