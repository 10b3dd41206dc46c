"""The training states that are nearest to a state on show. The session stays as it is."""

from s2sdap.client.verdicts import Verdicts
from s2sdap.protocol import custom


class Neighbors(Verdicts):
    """The verbs about neighbours."""

    async def neighbors(
        self,
        site: str | None = None,
        *,
        layer: int | None = None,
        position: int | None = None,
        k: int = 20,
        metric: str | None = None,
        kind: str | None = None,
        token: str | int | None = None,
        right: bool | None = None,
        sentences: tuple[int, int] | None = None,
        others: bool = False,
        frame_id: int | None = None,
        hypothesis: int | None = None,
        step: int | None = None,
        branch: int | None = None,
        sentence: int | None = None,
        timeout: float | None = None,
    ) -> custom.NeighborsBody:
        """The `k` nearest training states, all of them, by default of the state of the cursor's stage.

        `frame_id`, or `hypothesis`, `step`, `branch` and `sentence`, name another place than the cursor;
        the rest is as in `s2s/neighbors`. Refused with `no_index` where the launch names no index.
        """
        asked = custom.NeighborsArguments(
            site=site,
            layer=layer,
            position=position,
            k=k,
            metric=metric,
            kind=kind,
            token=token,
            right=right,
            sentences=None if sentences is None else list(sentences),
            others=others,
            frame_id=frame_id,
            hypothesis=hypothesis,
            step=step,
            branch=branch,
            sentence=sentence,
        )
        return await self.connection.ask(
            custom.NEIGHBORS, asked, custom.NeighborsBody, timeout=self._long(timeout)
        )
