"""The training states that are nearest to a state on show. The session stays as it is."""

from collections.abc import Sequence

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

    async def nearest_tokens(
        self,
        word: str | None = None,
        *,
        side: str = "source",
        token: int | None = None,
        position: int | None = None,
        k: int = 10,
        metric: str = "cosine",
        frame_id: int | None = None,
        timeout: float | None = None,
    ) -> custom.NearestTokensBody:
        """The tokens that the model takes for alike, by embedding: of a word, a token, or the one on show.

        It needs no index. A word that the vocabulary lacks is looked for by its letters.
        """
        asked = custom.NearestTokensArguments(
            side=side, word=word, token=token, position=position, k=k, metric=metric, frame_id=frame_id
        )
        return await self.connection.ask(
            custom.NEAREST_TOKENS, asked, custom.NearestTokensBody, timeout=self._long(timeout)
        )

    async def projection(
        self,
        method: str = "pca",
        *,
        sites: Sequence[str] = (),
        seed: int = 0,
        k: int = 20,
        space: str = "l2",
        left: custom.SideArguments | None = None,
        right: custom.SideArguments | None = None,
        id: int | None = None,  # noqa: A002 - the protocol's word
        wait: bool = True,
        timeout: float | None = None,
    ) -> custom.ProjectionBody:
        """The states up to the cursor, drawn among the `k` nearest training states of each.

        With the `id` of an earlier answer that picture is drawn on, and what stood there stays. `wait` for
        t-SNE to be done, or ask again by the id.
        """
        asked = custom.ProjectionArguments(
            method=method,
            sites=list(sites),
            seed=seed,
            k=k,
            space=space,
            left=left,
            right=right,
            id=id,
            wait=wait,
        )
        return await self.connection.ask(
            custom.PROJECTION, asked, custom.ProjectionBody, timeout=self._long(timeout)
        )
