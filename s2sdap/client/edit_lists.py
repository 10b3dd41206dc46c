"""The edits that are in force: listed, taken out, kept in a file and made again."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from s2sdap.client.editing import Editing
from s2sdap.protocol import custom
from s2sdap.vocabulary.errors import S2sdapError


class EditLists(Editing):
    """The verbs over the list of edits."""

    async def edits(self) -> list[custom.ListedEdit]:
        """The edits in force on the current branch, numbered from 1."""
        return (await self.connection.ask(custom.EDITS, None, custom.EditsBody)).edits

    async def apply_edits(self, edits: Sequence[Mapping[str, Any]]) -> custom.EditBody:
        """Make several edits as one thing to undo, each as an export has it."""
        return await self._edit(custom.EditArguments(edits=[dict(each) for each in edits]))

    async def remove_edit(self, number: int) -> custom.EditBody:
        """Go on without the edit of that number."""
        return await self._change(custom.REMOVE_EDIT, custom.RemoveEditArguments(number))

    async def export_edits(self, path: str | os.PathLike[str] | None = None) -> str:
        """The edits in force as a text, for a model and a source; into a file if one is named."""
        text = (await self.connection.ask(custom.EXPORT_EDITS, None, custom.ExportEditsBody)).text
        if path is not None:
            try:
                Path(path).write_text(text, encoding="utf-8")
            except OSError as error:
                raise S2sdapError("file_refused", path=path, reason=error.strerror or error) from None
        return text

    async def import_edits(self, path: str | os.PathLike[str], *, anyway: bool = False) -> custom.EditBody:
        """Make the edits of such a file on a clean branch of the current sentence.

        Those of another model or source are refused, unless `anyway`; then the answer's warnings tell.
        """
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise S2sdapError("file_refused", path=path, reason=reason) from None
        return await self.import_text(text, anyway=anyway)

    async def import_text(self, text: str, *, anyway: bool = False) -> custom.EditBody:
        """The same from a text."""
        return await self._change(custom.IMPORT_EDITS, custom.ImportEditsArguments(text, anyway))
