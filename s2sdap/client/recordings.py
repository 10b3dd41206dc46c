"""A session in a file: saving it, and running a recording again."""

import os
from collections.abc import Sequence

from s2sdap.client.comparing import Comparing
from s2sdap.protocol import custom


class Recordings(Comparing):
    """The verbs about session files. `launch(session=...)` opens one."""

    async def save(
        self,
        path: str | os.PathLike[str],
        *,
        sites: str | Sequence[str] = "all",
        timeout: float | None = None,
    ) -> custom.SaveBody:
        """Write the session to a file on the adapter's machine; `sites` is "all", "light" or names."""
        kept = sites if isinstance(sites, str) else list(sites)
        wanted = custom.SaveArguments(path=os.path.abspath(path), sites=kept)
        return await self.connection.ask(custom.SAVE, wanted, custom.SaveBody, timeout=self._long(timeout))

    async def replay(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        model: str | None = None,
        timeout: float | None = None,
    ) -> custom.ReplayBody:
        """Run a recording again, by default the launched one, and say where it differs."""
        whole = None if path is None else os.path.abspath(path)
        wanted = custom.ReplayArguments(path=whole, model=model)
        return await self.connection.ask(
            custom.REPLAY, wanted, custom.ReplayBody, timeout=self._long(timeout)
        )
