"""A list of edits as a text that can be kept, and read again for the same model and sentence."""

import json
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from s2sdap.debugger.edit_lists import from_plain, to_plain
from s2sdap.debugger.editing.console import Outcome, apply_afresh
from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import Edit
from s2sdap.vocabulary.errors import S2sdapError

VERSION: Final = 1
LONGEST: Final = 16 * 1024 * 1024
"""Characters of an export at most: it has to go through one message."""


@dataclass(frozen=True, slots=True)
class Exported:
    """Edits with what they were made for: the model, the source and the settings of the launch."""

    edits: tuple[Edit, ...]
    model: str
    fingerprint: str
    source: str
    settings: dict[str, Any]


def export_edits(session: Session) -> str:
    """The edits in force on the current branch, as JSON."""
    model = session.model
    shown = session.walk.branch.plan.settings_shown()
    plain = {
        "format": "s2sdap edits",
        "version": VERSION,
        "model": model.name,
        "fingerprint": model.fingerprint,
        "source": session.walk.sentence.text,
        "settings": _plain({each.name: each.value for each in shown}),
        "edits": to_plain(session.edits),
    }
    return json.dumps(plain, ensure_ascii=False, indent=1)


def read_export(text: str) -> Exported:
    """The edits of an export. Raises `bad_export` where it is none, `bad_edit` where an edit is none."""
    if len(text) > LONGEST:
        raise S2sdapError("bad_export", reason=f"it has more than {LONGEST} characters")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise S2sdapError("bad_export", reason=f"it is no JSON: {error}") from None
    if not isinstance(found, dict) or found.get("format") != "s2sdap edits":
        raise S2sdapError("bad_export", reason="its `format` is not 's2sdap edits'")
    if found.get("version") != VERSION:
        raise S2sdapError(
            "bad_export", reason=f"it is of version {found.get('version')!r}, this release reads {VERSION}"
        )
    try:
        kept = msgspec.convert(found, _Kept)
    except msgspec.ValidationError as error:
        raise S2sdapError("bad_export", reason=str(error)) from None
    return Exported(from_plain(kept.edits), kept.model, kept.fingerprint, kept.source, kept.settings)


def doubts(session: Session, exported: Exported, *, anyway: bool = False) -> list[str]:
    """What differs between here and where the edits were made.

    Another model or another source is refused, unless `anyway`; other settings are only told.
    """
    found: list[str] = []
    model, text = session.model, session.walk.sentence.text
    if exported.fingerprint != model.fingerprint:
        found.append(_doubt(anyway, "edits_of_other_model", found=exported.model, model=model.name))
    if exported.source != text:
        found.append(_doubt(anyway, "edits_of_other_source", found=exported.source[:200], source=text[:200]))
    now = _plain({each.name: each.value for each in session.walk.branch.plan.settings_shown()})
    other = sorted(
        name for name in now.keys() | exported.settings.keys() if now.get(name) != exported.settings.get(name)
    )
    if other:
        found.append(f"other settings: {', '.join(other)}")
    return found


def replay(session: Session, exported: Exported, *, anyway: bool = False) -> tuple[Outcome, list[str]]:
    """Make the edits of an export on a clean branch of the current sentence; what differs is told."""
    told = doubts(session, exported, anyway=anyway)
    return apply_afresh(session, exported.edits), told


def _doubt(anyway: bool, name: str, **details: Any) -> str:
    error = S2sdapError(name, **details)
    if not anyway:
        raise error
    return error.what


def _plain(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as JSON has them, so that those of a file compare with those of a session."""
    plain: dict[str, Any] = json.loads(json.dumps(settings, default=str))
    return plain


class _Kept(msgspec.Struct):
    """The fields of an export."""

    model: str
    fingerprint: str
    source: str
    settings: dict[str, Any]
    edits: list[dict[str, Any]]
