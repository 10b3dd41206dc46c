"""Which stage is to blame for a wrong token, and the edits that repair it."""

from s2sdap.client.branching import Branching
from s2sdap.protocol import custom


class Verdicts(Branching):
    """The verbs about verdicts."""

    async def verdict(
        self,
        *,
        sentence: int | None = None,
        step: int | None = None,
        wanted: str | int | None = None,
        reference: str | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> custom.VerdictBody:
        """Test the five stages by experiment; by default against the sentence's own reference."""
        asked = custom.VerdictArguments(
            sentence=sentence, step=step, wanted=wanted, reference=reference, limit=limit
        )
        return await self.connection.ask(
            custom.VERDICT, asked, custom.VerdictBody, timeout=self._long(timeout)
        )

    async def apply_fix(self, verdict: custom.VerdictBody) -> custom.EditBody:
        """Apply the edits of a verdict to the branch at the cursor, as one thing to undo."""
        return await self.apply_edits(verdict.edits)
