"""Requests and events of our own, `s2s/...`: what a panel or a script needs in one message.

Everything that they do can also be done with the protocol's standard requests. Positions are
0-based; columns are UTF-16 units of the source line; probabilities are true ones; log-probs and
scores are in nats. `docs/protocol.md` tells the same with examples.

One file a subject; each lists its `_MESSAGES` (name, arguments, body; an event has no arguments) and
the `_PARTS` of their bodies, from which the page of the protocol is written.
"""

from typing import Any, Final

from s2sdap.protocol.custom import (
    branches,
    comparing,
    decodes,
    editing,
    layers,
    neighbors,
    projection,
    python,
    recordings,
    results,
    sessions,
    steps,
    trees,
    verdicts,
)
from s2sdap.protocol.custom.branches import *  # noqa: F403
from s2sdap.protocol.custom.comparing import *  # noqa: F403
from s2sdap.protocol.custom.decodes import *  # noqa: F403
from s2sdap.protocol.custom.editing import *  # noqa: F403
from s2sdap.protocol.custom.layers import *  # noqa: F403
from s2sdap.protocol.custom.neighbors import *  # noqa: F403
from s2sdap.protocol.custom.projection import *  # noqa: F403
from s2sdap.protocol.custom.python import *  # noqa: F403
from s2sdap.protocol.custom.recordings import *  # noqa: F403
from s2sdap.protocol.custom.results import *  # noqa: F403
from s2sdap.protocol.custom.sessions import *  # noqa: F403
from s2sdap.protocol.custom.steps import *  # noqa: F403
from s2sdap.protocol.custom.trees import *  # noqa: F403
from s2sdap.protocol.custom.verdicts import *  # noqa: F403

_SUBJECTS: Final = (
    steps,
    decodes,
    trees,
    layers,
    editing,
    branches,
    results,
    comparing,
    recordings,
    sessions,
    verdicts,
    neighbors,
    projection,
    python,
)
MESSAGES: Final[tuple[tuple[str, type | None, type], ...]] = tuple(
    each for subject in _SUBJECTS for each in subject._MESSAGES
)
PARTS: Final[tuple[type[Any], ...]] = tuple(each for subject in _SUBJECTS for each in subject._PARTS)
