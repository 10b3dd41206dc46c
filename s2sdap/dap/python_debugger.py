"""The model's own Python under a debugger: debugpy is started in this process, and the client led to it.

A client that can hold child sessions is asked for one (`startDebugging`), whose configuration names where
debugpy listens; another is told the address. Whoever connects to debugpy can run any code here, so nothing
is started that was not asked for, and only on loopback. debugpy freezes the threads that it traces; those of
the protocol are marked so that it leaves them alone, and go on answering.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from s2sdap.dap.channels import mark_untraced
from s2sdap.protocol import bodies, custom
from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter

CHILD: Final = "__child"
"""In a configuration: where the debugger of a child session listens, as `host:port`."""
LOOPBACK: Final = "127.0.0.1"
LOOKING: Final = 0.1
"""Seconds between two looks whether Python stands still."""
_SUSPENDED: Final = 2
"""pydevd's state of a thread that it has stopped."""


@dataclass(frozen=True, slots=True)
class Listening:
    """Where debugpy listens in this process."""

    host: str
    port: int

    @property
    def address(self) -> str:
        """As a configuration writes it."""
        return f"{self.host}:{self.port}"


@cache
def listening() -> Listening:
    """Start debugpy, once a process. Takes a while, on a thread of its own that debugpy leaves alone.

    Raises:
        S2sdapError: `debugpy_missing`, and `python_debugged` where somebody else has started it.
    """
    try:
        import debugpy
    except ImportError as error:
        raise S2sdapError("debugpy_missing", reason=error) from error
    try:
        debugpy.configure(subProcess=False)
        host, port = debugpy.listen((LOOPBACK, 0))
    except RuntimeError as error:
        raise S2sdapError("python_debugged", reason=error) from error
    return Listening(host, port)


async def begin_with(adapter: "Adapter") -> None:
    """What a launch or an attach asks for. A debugger that somebody else has started goes on beside us.

    Raises `debugpy_missing`.
    """
    try:
        await begin(adapter)
    except S2sdapError as error:
        if error.name != "python_debugged":
            raise
        adapter.say(str(error))
        watch(adapter)


async def begin(adapter: "Adapter") -> custom.PythonBody:
    """Start debugpy if it was not, and lead the client to it. Raises what `listening` raises."""
    # Work beside the loop goes to threads that Python's debugger leaves alone, as the loop's own is.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(initializer=_mark_this))
    at = await _on_its_own(listening)
    asked = adapter.client.supports_start_debugging_request
    if asked:
        adapter.outlet.ask("startDebugging", child_configuration(adapter.launch.model, at))
    else:
        adapter.say(f"The model's Python can be debugged at {at.address}: attach a Python debugger there.")
    watch(adapter)
    return custom.PythonBody(host=at.host, port=at.port, asked=asked)


def watch(adapter: "Adapter") -> None:
    """Tell the client from now on when the decode waits for a Python debugger."""
    if adapter.python_watch is None:
        adapter.python_watch = asyncio.create_task(_watch(adapter))


def _mark_this() -> None:
    mark_untraced(threading.current_thread())


async def _on_its_own(work: Callable[[], Listening]) -> Listening:
    """What `work` returns on a thread that is never stopped."""
    done: Future[Listening] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # told to whoever waits
            done.set_exception(error)

    thread = threading.Thread(target=run, name="s2sdap python debugger", daemon=True)
    mark_untraced(thread)
    thread.start()
    return await asyncio.wrap_future(done)


def child_configuration(model: str, at: Listening) -> bodies.StartDebugging:
    """What the client is asked to start: a session of our own type, so that its editor knows it."""
    return bodies.StartDebugging(
        request="attach",
        configuration={
            "type": "s2sdap",
            "request": "attach",
            "name": f"Python of {model}",
            "justMyCode": False,
            CHILD: at.address,
        },
    )


async def _watch(adapter: "Adapter") -> None:
    """Say when the decode waits for Python, and when no more."""
    waits = False
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            await asyncio.sleep(LOOKING)
            now = adapter.at_work and suspended()
            if now and not waits:
                adapter.say("The model's Python is stopped in its debugger: the decode waits for it.")
            elif waits and not now:
                adapter.say("The model's Python goes on, and the decode with it.")
            waits = now


def suspended() -> bool:
    """Whether a Python debugger in this process has stopped a thread."""
    infos: list[Any] = [getattr(thread, "additional_info", None) for thread in threading.enumerate()]
    return any(getattr(info, "pydev_state", None) == _SUSPENDED for info in infos)
