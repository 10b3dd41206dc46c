"""Where a session stands, for a client that comes to it later: a page that is loaded again, an observer."""

from typing import Any, Final

from s2sdap.protocol.arguments import Arguments as _Camel
from s2sdap.protocol.arguments import Nothing
from s2sdap.protocol.bodies import SourceBody, Stopped

STATE = "s2s/state"


class StateBody(_Camel):
    """Answer to `s2s/state`.

    `phase` is fresh, loading, stopped, running or ended; `stopped` is the body of the event that told of the
    stop; `launch` are the arguments of the launch, without the token; `model` is the name of the model that
    is there.
    """

    phase: str
    launch: dict[str, Any]
    results: int
    stopped: Stopped | None = None
    source: SourceBody | None = None
    model: str | None = None


_MESSAGES: Final = ((STATE, Nothing, StateBody),)
_PARTS: Final = ()
