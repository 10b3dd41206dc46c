"""Running something around a module's forward, and taking it out again without a trace.

An attribute of the instance stands over the class's forward. Unlike torch's hooks it leaves the short way
of calling a module open, so it costs next to nothing while nobody watches.
"""

import copy
import threading
from collections.abc import Callable
from functools import partial
from types import MethodType
from typing import Any, Final

from torch import nn

from s2sdap.models.huggingface.taps.probing import Watch

__all__ = ["Forward", "Station", "put_around", "take_from_around"]

Forward = Callable[..., Any]


class Station:
    """What runs around one module's forward.

    Attributes:
        here: the thread's own values; `watch` among them is the pass that the thread watches, if it does.
        module: around whose forward it runs.
        inner: the forward to call, which is the module's own or that of a station further in.
    """

    inner: Forward

    def __init__(self, here: threading.local, module: nn.Module) -> None:
        self.here = here
        self.module = module

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Call `inner` and look at what goes in or comes out, if this thread watches."""
        raise NotImplementedError

    def watch(self) -> Watch | None:
        """The pass that this thread watches."""
        found: Watch | None = getattr(self.here, "watch", None)
        return found

    def __deepcopy__(self, memo: dict[int, Any]) -> "Station":
        """For a copy of the module: it runs alone, with the copy's own forward."""
        alone = copy.copy(self)
        alone.here = threading.local()
        alone.module = memo.get(id(self.module), self.module)
        alone.inner = MethodType(type(alone.module).forward, alone.module)
        return alone


class _Wrapped:
    """A module's own forward, and the stations around it, inmost first."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.before = module.__dict__.get("forward")
        self.own: Forward = module.forward
        self.stations: tuple[Station, ...] = ()
        self.ours: Forward | None = None

    def compose(self, stations: tuple[Station, ...]) -> None:
        """Let `stations` run from now on, or the module alone if there are none."""
        replaced = self.ours is not None and self.module.__dict__.get("forward") is not self.ours
        self.stations = stations
        if replaced:  # by somebody else, over ours, who may still call it
            return
        if stations:
            forward = self.own
            for station in stations:
                station.inner = forward
                around = partial(type(station).forward, station)
                around.__wrapped__ = forward  # type: ignore[attr-defined]  # its signature is asked for
                forward = around
            self.ours = self.module.__dict__["forward"] = forward
        elif self.before is not None:
            self.module.__dict__["forward"] = self.before
        else:
            del self.module.__dict__["forward"]


_lock: Final = threading.RLock()
_wrapped: Final[dict[int, _Wrapped]] = {}
"""By the module's id, which the entry itself keeps alive."""


def put_around(station: Station) -> None:
    """Run the station around its module's forward, outside of those that are there."""
    with _lock:
        wrapped = _wrapped.get(id(station.module))
        if wrapped is None:
            wrapped = _wrapped[id(station.module)] = _Wrapped(station.module)
        wrapped.compose((*wrapped.stations, station))


def take_from_around(station: Station) -> None:
    """Undo `put_around`; the last one leaves the module as it was."""
    with _lock:
        wrapped = _wrapped[id(station.module)]
        wrapped.compose(tuple(other for other in wrapped.stations if other is not station))
        if not wrapped.stations:
            del _wrapped[id(station.module)]
