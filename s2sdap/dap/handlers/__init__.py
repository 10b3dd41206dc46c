"""What answers each request, one file a family. Adding a request is adding a handler to a family."""

from typing import Final

from s2sdap.dap.dispatch import Handler
from s2sdap.dap.handlers import (
    attaching,
    branches,
    breakpoints,
    comparing,
    decodes,
    editing,
    inspection,
    layers,
    lifecycle,
    memory,
    neighbors,
    panels,
    projecting,
    python,
    recordings,
    running,
    sources,
    verdicts,
)

_FAMILIES: Final = (
    lifecycle,
    attaching,
    breakpoints,
    running,
    inspection,
    editing,
    memory,
    sources,
    panels,
    decodes,
    layers,
    comparing,
    recordings,
    branches,
    verdicts,
    neighbors,
    projecting,
    python,
)
HANDLERS: Final[dict[str, Handler]] = {
    handler.command: handler for family in _FAMILIES for handler in family.FAMILY
}
