"""The scripted client: a debugger for scripts and notebooks that speaks only the protocol.

It needs no tensor library and imports none: the model is the adapter's. `Debugger` waits for each
verb, `AsyncDebugger` is the same over asyncio.

    from s2sdap.client import Debugger

    with Debugger.spawn() as debugger:
        debugger.launch(source="March 3, 1999", rules=["lowConfidence"])
        while not (stop := debugger.continue_()).ended:
            print(stop.text)
"""

from s2sdap.client.blocking import Debugger
from s2sdap.client.comparing import Side
from s2sdap.client.connection import LoggedEvent
from s2sdap.client.debugger import AsyncDebugger
from s2sdap.client.refusals import Refused
from s2sdap.client.views import StopView
from s2sdap.vocabulary.errors import S2sdapError

__all__ = ["AsyncDebugger", "Debugger", "LoggedEvent", "Refused", "S2sdapError", "Side", "StopView"]
