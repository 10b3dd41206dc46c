"""Two decodes side by side, and where a reference went. The session stays as it is."""

from s2sdap.client.edit_lists import EditLists
from s2sdap.protocol import custom

Side = custom.SideArguments
"""What to compare: `Side(branch=1)`, `Side(reference=True)`, `Side(model="...")`, `Side(search={...})`."""


class Comparing(EditLists):
    """The verbs that compare."""

    async def compare(
        self,
        right: Side,
        left: Side | None = None,
        *,
        start: int = 0,
        count: int = 0,
        timeout: float | None = None,
    ) -> custom.CompareBody:
        """Hold `right` against `left`, by default the branch at the cursor; a page of rows at a time.

        A side that has not been decoded yet is decoded for it, which may take as long as a run.
        """
        wanted = custom.CompareArguments(left=left or Side(), right=right, start=start, count=count)
        return await self.connection.ask(
            custom.COMPARE, wanted, custom.CompareBody, timeout=self._long(timeout)
        )

    async def where_did_my_reference_go(
        self,
        reference: str | None = None,
        *,
        branch: int | None = None,
        sentence: int | None = None,
        timeout: float | None = None,
    ) -> custom.ReferenceBody:
        """Step and rank at which a reference left the beam, and by how much; by default the sentence's."""
        wanted = custom.ReferenceArguments(branch=branch, sentence=sentence, reference=reference)
        return await self.connection.ask(
            custom.REFERENCE, wanted, custom.ReferenceBody, timeout=self._long(timeout)
        )
