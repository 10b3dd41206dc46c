"""This process, as a client that attaches to it knows it: who is attached, and whose turn it is.

The adapter lives on the protocol's thread, calls on threads of the program. A client that leaves sets
the call in progress free; one that is made while nobody is attached is nobody's.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Final

from s2sdap.debugger.stops import StopReason
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter
    from s2sdap.dap.attached import Call


class Process:
    """Who is attached, and the call in progress. Fulfils `dap.attached.Process`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        self._here = threading.local()
        self._attached: Adapter | None = None
        self._client: Adapter | None = None
        self._call: Call | None = None
        self._ready = threading.Event()
        self._numbers = count(1)

    # ---- the protocol's thread ---------------------------------------------------------------

    def attach(self, adapter: "Adapter") -> None:
        """A client has come. Raises `attached_already`."""
        with self._lock:
            if self._attached is not None:
                raise S2sdapError("attached_already")
            self._attached = adapter

    def configured(self, adapter: "Adapter") -> None:
        """The client is ready for calls."""
        with self._lock:
            if self._attached is adapter:
                self._client = adapter
                self._ready.set()

    def detach(self, adapter: "Adapter") -> None:
        """The client has gone: its call in progress runs on by itself."""
        with self._lock:
            if self._attached is not adapter:
                return
            self._attached = self._client = None
            self._ready.clear()
            call, self._call = self._call, None
        if call is not None:
            call.session.close()
            call.models.close()

    # ---- any thread --------------------------------------------------------------------------

    @property
    def client(self) -> "Adapter | None":
        """The client that calls are shown to, if one has attached and is ready."""
        return self._client

    @property
    def inside(self) -> bool:
        """Whether this thread is in a debugged call: what it calls meanwhile is not debugged."""
        return getattr(self._here, "inside", False)

    def wait(self, timeout: float | None) -> bool:
        """Wait until a client is ready. Returns whether one is."""
        return self._ready.wait(timeout)

    def pause_next(self, text: str) -> None:
        """Stop at the next position of a debugged call; without a client that is nowhere."""
        client = self._client
        if client is not None and client.calls is not None:
            client.outlet.later(client.calls.pause, StopReason.BREAKPOINT, text)
            call = self._call
            if call is not None:  # at once, since it may be this very thread that runs it
                call.session.pause()

    def tell(self, client: "Adapter", text: str, category: str = "console") -> None:
        """Write a line to the client's console."""
        client.outlet.later(client.say, text, category)

    def next_number(self) -> int:
        """The number of a call, as people count them."""
        return next(self._numbers)

    @contextmanager
    def turn(self) -> "Iterator[Adapter | None]":
        """One debugged call at a time: wait for it, then give the client that is there by then."""
        with self._turn:
            self._here.inside = True
            try:
                yield self._client
            finally:
                self._here.inside = False

    def begin(self, client: "Adapter", call: "Call") -> bool:
        """Show a call to the client. `False` where that has gone: the call is then run by itself."""
        with self._lock:
            if self._client is not client or client.calls is None:
                return False
            self._call = call
        client.outlet.later(client.calls.begin, call)
        return True

    def finish(self, client: "Adapter", call: "Call", note: str) -> None:
        """The call's thread is done with it."""
        with self._lock:
            if self._call is call:
                self._call = None
        call.models.abandon()
        if client.calls is not None:
            client.outlet.later(client.calls.finished, call, note)

    def forget(self) -> None:
        """In a forked child: the client and its thread are the parent's."""
        self.__init__()  # type: ignore[misc]  # its locks too may have been held by threads that are not here


HERE: Final = Process()
"""This process. There is one, as there is one `GenerationMixin.generate` to stand in for."""

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=HERE.forget)
