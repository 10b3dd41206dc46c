"""Changing what a stop shows, and the list of what has been changed."""

from typing import Any, Final

import msgspec

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arguments import Nothing

EDIT = "s2s/edit"
EDITS = "s2s/edits"
REMOVE_EDIT = "s2s/removeEdit"
EXPORT_EDITS = "s2s/exportEdits"
IMPORT_EDITS = "s2s/importEdits"


class CopiedFrom(_Camel):
    """Where numbers are copied from. What it leaves out is as at the frame; `token` is of encoder sites.

    `neighbor` stands by itself: the training state of that number, 0 for the nearest to what is there.
    """

    sentence: int | None = None
    step: int | None = None
    hypothesis: int | None = None
    token: int | None = None
    neighbor: int | None = None


class RevivedBody(_Camel):
    """A pruned continuation: of `hypothesis` by `token`, or the candidate at that place of the step."""

    hypothesis: int | None = None
    token: str | int | None = None
    candidate: int | None = None


class EditArguments(_Camel):
    """`s2s/edit`: give one of the ways to edit; docs/edits.md has them all.

    `token`; `prefix`; `weights`, `words`, or `position` and `weight`, of a `layer` and `head`; `site` and
    `index` with `values`, `zero` or `copy`; `ban`; `boost`; `prune`; `revive`; `settings`; `source`;
    `edits` as an export has them; `command`, a line of the console.
    """

    frame_id: int | None = None
    thread_id: int | None = None
    token: str | int | None = None
    prefix: str | list[str | int] | None = None
    weights: list[float] | None = None
    words: dict[str, float] | None = None
    position: int | None = None
    weight: float | None = None
    layer: int | None = None
    head: int | None = None
    site: str | None = None
    values: list[float] | None = None
    zero: bool = False
    copy: CopiedFrom | None = None
    index: list[int | None] | None = None
    ban: list[str | int] | None = None
    boost: dict[str, float] | None = None
    prune: int | None = None
    revive: RevivedBody | None = None
    settings: dict[str, Any] | None = None
    source: str | None = None
    edits: list[dict[str, Any]] | None = None
    command: str | None = None


class EditBody(_Camel):
    """Answer to a request that edits: where the cursor stands now, and the edits that it made, in words.

    `text` is what the console would say, with the rule by which an attention row was filled.
    `warnings` says what differs between here and where imported edits were made. `moved` says that the
    events `continued` and `stopped` follow, since the cursor stands at another step, stage or hypothesis.
    """

    branch: int
    step: int
    hypothesis: int
    edits: list[str] = msgspec.field(default_factory=list)
    text: str = ""
    warnings: list[str] = msgspec.field(default_factory=list)
    moved: bool = False


class ListedEdit(_Camel):
    """An edit in force: its number from 1, in words, and as an export has it."""

    number: int
    text: str
    edit: dict[str, Any]


class EditsBody(_Camel):
    """Answer to `s2s/edits`: those in force on the current branch."""

    branch: int
    edits: list[ListedEdit]


class RemoveEditArguments(_Camel):
    """`s2s/removeEdit`: go on without the edit of that number, on a branch of its own."""

    number: int


class ExportEditsBody(_Camel):
    """Answer to `s2s/exportEdits`: the edits in force as a text to keep, with model, source and settings."""

    text: str
    count: int


class ImportEditsArguments(_Camel):
    """`s2s/importEdits`: make the edits of an export on a clean branch of the current sentence.

    Those of another model or source are refused unless `anyway`.
    """

    text: str
    anyway: bool = False


_MESSAGES: Final = (
    (EDIT, EditArguments, EditBody),
    (EDITS, Nothing, EditsBody),
    (REMOVE_EDIT, RemoveEditArguments, EditBody),
    (EXPORT_EDITS, Nothing, ExportEditsBody),
    (IMPORT_EDITS, ImportEditsArguments, EditBody),
)
_PARTS: Final = (CopiedFrom, RevivedBody, ListedEdit)
