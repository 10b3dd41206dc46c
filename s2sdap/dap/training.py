"""The index of a session, opened aside when a request needs it, and what is looked for in it."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from s2sdap.dap.adapter import Adapter
from s2sdap.dap.aside import Word, aside
from s2sdap.debugger.fields import OF_TRAINING
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.debugger.neighbors.index import OpenIndex

T = TypeVar("T")
_ASKS: Final = re.compile(rf"\b(?:{'|'.join(sorted(OF_TRAINING))})\b|\bneighbor\s+\d")
"""What of a text looks at training: a field, and the place that an edit copies from."""


async def opened(adapter: Adapter) -> "OpenIndex":
    """The index of the session, opened or built if that was not done. Raises `no_index`."""
    from s2sdap.debugger.frames import no_index

    session = adapter.need_session()
    training = session.training
    if training is None:
        raise no_index(session.model)
    if training.problem is not None:
        raise training.problem
    if training.ready:
        return training.open()
    return await aside(adapter, lambda word: training.open(word, word.cancelled), training.title)


async def looked_for(adapter: Adapter, work: Callable[[Word], T], title: str, command: str) -> T:
    """What `work` finds beside the session. Raises `running` where the decode has gone on meanwhile."""
    stop = adapter.containers.cleared
    found = await aside(adapter, work, title)
    if adapter.containers.cleared != stop:
        raise S2sdapError("running", request=command)
    return found


def asks_training(adapter: Adapter, *written: str) -> bool:
    """Whether a text that a person wrote may have the index asked, which there is.

    Then it is opened aside before anything looks at it: on the model's thread, or the protocol's, that
    would keep everybody waiting.
    """
    training = adapter.need_session().training
    if training is None or training.problem is not None:
        return False
    return any(_ASKS.search(text) for text in written)
