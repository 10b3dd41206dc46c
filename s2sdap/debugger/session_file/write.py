"""Saving a session: every record that it keeps, its edits, breakpoints, settings and the model's hash.

The file appears whole or not at all. Records are written one after the other; those that were dropped
for want of memory are run again for it, sentence by sentence, and dropped again.
"""

import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import torch

from s2sdap.debugger.session_file.breakpoints import tell_armed
from s2sdap.debugger.session_file.layout import (
    ALL,
    DOCUMENT,
    FORMAT,
    MAX_DOCUMENT,
    MAX_PART,
    MAX_PARTS,
    VERSION,
    DecodePart,
    Document,
    SettingPart,
)
from s2sdap.debugger.session_file.read import is_session_file
from s2sdap.debugger.session_file.record_telling import DecodeWriter
from s2sdap.debugger.session_file.telling import (
    tell_cursor,
    tell_model,
    tell_program,
    tell_result,
    tell_settings,
    tell_stop,
)
from s2sdap.debugger.session_file.tensors import Parts
from s2sdap.debugger.session_file.texts import Texts
from s2sdap.debugger.timeline import Timeline
from s2sdap.vocabulary import sites as site_names
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.session import Session

LIGHT: Final = "light"
NEEDED: Final = (site_names.PREDICTION_LOGPROBS, site_names.ATTENTION_WEIGHTS)
"""Sites that every view is made of: they are always kept."""
LIGHT_SITES: Final = (
    *NEEDED,
    site_names.ENCODER_STATES,
    site_names.DECODER_STATE,
    site_names.ATTENTION_CONTEXT,
)

Breakpoints = Mapping[str, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Saved:
    """What was written: the file, its bytes, and how many sentences and steps it holds."""

    path: str
    size: int
    sentences: int
    steps: int


def save(
    session: "Session",
    path: str | os.PathLike[str],
    *,
    sites: str | Sequence[str] = ALL,
    breakpoints: Breakpoints | None = None,
) -> Saved:
    """Write the session to `path`, which may be a session file already and is then replaced.

    `sites` says which tensors: "all", "light" (those that the usual views show), or names; what every
    view is made of is always kept. `breakpoints` are those a client asked for, where there is one.
    """
    kept = _kept(sites)
    walk = session.walk
    timelines = [found for each in session.program.sentences if (found := walk.timeline_of(each.index))]
    if not timelines:
        raise S2sdapError("nothing_to_save")
    target = Path(path).expanduser()
    if target.exists() and not is_session_file(target):
        raise S2sdapError("session_overwrite", path=target)
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:100]}.")
    except (OSError, ValueError) as error:
        raise _unwritable(target, error) from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
                document = _write(session, archive, timelines, kept, breakpoints)
            file.flush()
            os.fsync(file.fileno())
            size = file.tell()
        Path(temporary).replace(target)
    except OSError as error:
        raise _unwritable(target, error) from None
    finally:
        Path(temporary).unlink(missing_ok=True)
    return Saved(str(target), size, len(document.decodes), sum(len(each.steps) for each in document.decodes))


def _write(
    session: "Session",
    archive: zipfile.ZipFile,
    timelines: Sequence[Timeline],
    kept: frozenset[str] | None,
    breakpoints: Breakpoints | None,
) -> Document:
    walk, model = session.walk, session.model
    parts, texts = Parts(archive), Texts(model.target.text(()), len(model.target))
    shown: list[list[SettingPart]] = []

    def number(table: list[SettingPart]) -> int:
        if table not in shown:
            shown.append(table)
        return shown.index(table)

    decodes: list[DecodePart] = []
    for timeline in timelines:
        dropped = timeline.dropped
        if dropped:
            timeline.restore()
        decodes.append(DecodeWriter(timeline, parts, texts, kept, number).told())
        if dropped:
            timeline.drop()
    parts.flush()
    if max(parts.sizes) > MAX_PART or len(parts.sizes) > MAX_PARTS:
        raise S2sdapError(
            "session_too_large", what="a part of tensors", size=max(parts.sizes), limit=MAX_PART
        )
    references = {each.reference for each in session.program.sentences if each.reference}
    document = Document(
        format=FORMAT,
        version=VERSION,
        release=version("s2sdap"),
        torch=str(torch.__version__),
        kept=ALL if kept is None else ", ".join(sorted(kept)),
        parts=parts.sizes,
        model=tell_model(model, texts, sorted(references)),
        origin=dict(session.origin),
        program=tell_program(session.program),
        settings=tell_settings(session.settings, of_call=session.of_call),
        shown=shown,
        breakpoints=msgspec.to_builtins(tell_armed(session.armed) if breakpoints is None else breakpoints),
        decodes=decodes,
        results=[tell_result(each) for _, each in sorted(session.results.items())],
        cursor=tell_cursor(session.cursor) if walk.placed else None,
        stop=None if session.stop is None else tell_stop(session.stop),
    )
    data = msgspec.json.encode(document)
    if len(data) > MAX_DOCUMENT:
        raise S2sdapError("session_too_large", what=DOCUMENT, size=len(data), limit=MAX_DOCUMENT)
    archive.writestr(DOCUMENT, data, zipfile.ZIP_DEFLATED)
    return document


def _kept(sites: str | Sequence[str]) -> frozenset[str] | None:
    """The sites to keep, `None` for all."""
    if sites == ALL:
        return None
    if sites == LIGHT:
        return frozenset(LIGHT_SITES)
    names = [sites] if isinstance(sites, str) else list(sites)
    if unknown := [name for name in names if name not in site_names.SITES]:
        expected = f'"{ALL}", "{LIGHT}" or names of sites'
        raise S2sdapError("bad_setting", setting="sites", value=unknown[0], expected=expected)
    return frozenset((*NEEDED, *names))


def _unwritable(path: Path, error: Exception) -> S2sdapError:
    return S2sdapError("session_unwritable", path=path, reason=getattr(error, "strerror", None) or error)
