"""What answers each request, one file a family. Adding a request is adding a handler to a family."""

from typing import Final

from s2sdap.dap.dispatch import Handler
from s2sdap.dap.handlers import (
    attaching,
    breakpoints,
    comparing,
    inspection,
    lifecycle,
    panels,
    recordings,
    running,
    sources,
)

HANDLERS: Final[dict[str, Handler]] = {
    handler.command: handler
    for family in (
        lifecycle,
        attaching,
        breakpoints,
        running,
        inspection,
        sources,
        panels,
        comparing,
        recordings,
    )
    for handler in family.FAMILY
}
