"""The debugger for scripts, over asyncio: each verb is one conversation with the adapter.

    async with await AsyncDebugger.spawn() as debugger:
        await debugger.launch(source="March 3, 1999", rules={"lowConfidence": "p < 0.5"})
        stop = await debugger.continue_()
        print(stop.text, await debugger.top_tokens(3))

Lines are those of an editor, 1 for the first, but in the bodies of `s2sdap.protocol.custom`, where
they begin at 0 as steps, positions, layers and heads do everywhere. A verb
that runs the decode returns the stop it leads to, and `ended` says that it was the last. Every verb
ends within its timeout; a refusal is `Refused`, whatever else goes wrong an `S2sdapError`.
"""

from typing import Any

from s2sdap.client.connection import read
from s2sdap.client.launching import camel_case
from s2sdap.client.neighbors import Neighbors


class AsyncDebugger(Neighbors):
    """A session with an adapter. Made by `spawn`, `connect` or `connect_address`.

    Its verbs stand in one file a subject: `connecting`, `arming`, `run_control`, `reading`, `editing`,
    `edit_lists`, `comparing`, `recordings`, `branching`, `verdicts`, `neighbors`.
    """

    async def request(self, command: str, /, **arguments: Any) -> Any:
        """Send any request, with its arguments in snake case or as the protocol has them."""
        wanted = {camel_case(name): value for name, value in arguments.items()}
        return read(await self.connection.request(command, wanted or None), object, command)
