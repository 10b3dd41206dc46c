"""The debugger for scripts that wait: the verbs of `AsyncDebugger`, each returning when it is done.

    with Debugger.spawn() as debugger:
        debugger.launch(program="dates.txt", beam_size=4, breakpoints={3})
        debugger.continue_()
        print(debugger.next(), debugger.evaluate("token").result)

They run on an event loop of their own in a daemon thread, so it works in a notebook, whose own loop
runs already. Ctrl-C ends the wait and not the session: the decode runs on, and `pause` stops it.
"""

import asyncio
import concurrent.futures
import functools
import os
import threading
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar

from s2sdap.client.connecting import ANSWER_SECONDS, RUN_SECONDS
from s2sdap.client.debugger import AsyncDebugger
from s2sdap.client.views import StopView
from s2sdap.vocabulary.errors import S2sdapError

P = ParamSpec("P")
T = TypeVar("T")

_INTERRUPT_SECONDS = 0.5  # how long an interrupt may go unseen


def _blocking(
    verb: Callable[Concatenate[AsyncDebugger, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate["Debugger", P], T]:
    """The same verb, waited for on the debugger's own loop."""

    def wait(self: "Debugger", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._loop.wait(verb(self._debugger, *args, **kwargs))

    functools.update_wrapper(wait, verb)  # its name, signature and text, for `help`
    return wait


class Debugger:
    """A session with an adapter. Made by `spawn`, `connect` or `connect_address`."""

    def __init__(self, making: Coroutine[Any, Any, AsyncDebugger]) -> None:
        self._loop = _LoopThread()
        try:
            self._debugger = self._loop.wait(making)
        except BaseException:
            self._loop.close()
            raise

    @classmethod
    def spawn(
        cls,
        command: Sequence[str] | None = None,
        *,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Start an adapter of our own, by default with this Python; it ends with the session."""
        return cls(AsyncDebugger.spawn(command, timeout=timeout, run_timeout=run_timeout))

    @classmethod
    def connect(
        cls,
        host: str,
        port: int,
        *,
        token: str | None = None,
        transport: Literal["tcp", "websocket"] = "tcp",
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Connect to a server that `s2sdap serve` started."""
        return cls(
            AsyncDebugger.connect(
                host, port, token=token, transport=transport, timeout=timeout, run_timeout=run_timeout
            )
        )

    @classmethod
    def connect_address(
        cls,
        address: str,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Connect to an address as the server prints it: `tcp://host:port` or `ws://host:port`."""
        return cls(
            AsyncDebugger.connect_address(
                address, token=token, token_file=token_file, timeout=timeout, run_timeout=run_timeout
            )
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    @property
    def stop(self) -> StopView | None:
        """Where the decode stands, `None` before the launch and while it runs."""
        return self._debugger.stop

    @property
    def capabilities(self) -> dict[str, Any]:
        """What the adapter can do; known from `launch` on."""
        return self._debugger.capabilities

    launch = _blocking(AsyncDebugger.launch)
    attach = _blocking(AsyncDebugger.attach)
    set_breakpoints = _blocking(AsyncDebugger.set_breakpoints)
    set_stages = _blocking(AsyncDebugger.set_stages)
    set_data_breakpoints = _blocking(AsyncDebugger.set_data_breakpoints)
    watch = _blocking(AsyncDebugger.watch)

    continue_ = _blocking(AsyncDebugger.continue_)
    next = _blocking(AsyncDebugger.next)
    step_in = _blocking(AsyncDebugger.step_in)
    step_out = _blocking(AsyncDebugger.step_out)
    step_back = _blocking(AsyncDebugger.step_back)
    reverse_continue = _blocking(AsyncDebugger.reverse_continue)
    resume = _blocking(AsyncDebugger.resume)
    pause = _blocking(AsyncDebugger.pause)
    wait_for_stop = _blocking(AsyncDebugger.wait_for_stop)
    restart = _blocking(AsyncDebugger.restart)
    terminate = _blocking(AsyncDebugger.terminate)
    cancel = _blocking(AsyncDebugger.cancel)

    step = _blocking(AsyncDebugger.step)
    top_tokens = _blocking(AsyncDebugger.top_tokens)
    attention = _blocking(AsyncDebugger.attention)
    beam = _blocking(AsyncDebugger.beam)
    results = _blocking(AsyncDebugger.results)
    evaluate = _blocking(AsyncDebugger.evaluate)
    exception_info = _blocking(AsyncDebugger.exception_info)
    stack_trace = _blocking(AsyncDebugger.stack_trace)
    scopes = _blocking(AsyncDebugger.scopes)
    variables = _blocking(AsyncDebugger.variables)
    threads = _blocking(AsyncDebugger.threads)
    events = _blocking(AsyncDebugger.events)

    force = _blocking(AsyncDebugger.force)
    edit_attention = _blocking(AsyncDebugger.edit_attention)
    set_attention = _blocking(AsyncDebugger.set_attention)
    edit_site = _blocking(AsyncDebugger.edit_site)
    set_variable = _blocking(AsyncDebugger.set_variable)
    attend = _blocking(AsyncDebugger.attend)
    prefix = _blocking(AsyncDebugger.prefix)
    set_state = _blocking(AsyncDebugger.set_state)
    zero = _blocking(AsyncDebugger.zero)
    copy_state = _blocking(AsyncDebugger.copy_state)
    ban = _blocking(AsyncDebugger.ban)
    boost = _blocking(AsyncDebugger.boost)
    prune = _blocking(AsyncDebugger.prune)
    revive = _blocking(AsyncDebugger.revive)
    set_settings = _blocking(AsyncDebugger.set_settings)
    set_source = _blocking(AsyncDebugger.set_source)
    command = _blocking(AsyncDebugger.command)
    set_expression = _blocking(AsyncDebugger.set_expression)
    edits = _blocking(AsyncDebugger.edits)
    apply_edits = _blocking(AsyncDebugger.apply_edits)
    remove_edit = _blocking(AsyncDebugger.remove_edit)
    export_edits = _blocking(AsyncDebugger.export_edits)
    import_edits = _blocking(AsyncDebugger.import_edits)
    import_text = _blocking(AsyncDebugger.import_text)

    compare = _blocking(AsyncDebugger.compare)
    verdict = _blocking(AsyncDebugger.verdict)
    apply_fix = _blocking(AsyncDebugger.apply_fix)
    where_did_my_reference_go = _blocking(AsyncDebugger.where_did_my_reference_go)

    neighbors = _blocking(AsyncDebugger.neighbors)
    nearest_tokens = _blocking(AsyncDebugger.nearest_tokens)
    projection = _blocking(AsyncDebugger.projection)

    save = _blocking(AsyncDebugger.save)
    replay = _blocking(AsyncDebugger.replay)

    branches = _blocking(AsyncDebugger.branches)
    switch_branch = _blocking(AsyncDebugger.switch_branch)
    name_branch = _blocking(AsyncDebugger.name_branch)
    drop_branch = _blocking(AsyncDebugger.drop_branch)
    undo = _blocking(AsyncDebugger.undo)
    redo = _blocking(AsyncDebugger.redo)
    goto = _blocking(AsyncDebugger.goto)
    restart_frame = _blocking(AsyncDebugger.restart_frame)

    request = _blocking(AsyncDebugger.request)

    def disconnect(self) -> None:
        """End the session and close the connection. May be called twice."""
        if self._loop.closed:
            return
        try:
            self._loop.wait(self._debugger.disconnect())
        finally:
            self._loop.close()


class _LoopThread:
    """An event loop in a daemon thread, where coroutines are waited for from other threads."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="s2sdap client", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:  # ends what is left of tasks, too
            runner.run(self._until_the_end())

    async def _until_the_end(self) -> None:
        await self._end.wait()

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self._loop.is_closed()

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`. An interrupt takes it off the loop, where nobody would wait for it."""
        if self.closed:
            work.close()
            raise S2sdapError("connection_lost", word=": it was closed from this side")
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            while not future.done():
                # In turns: Python tells a signal that comes just before a wait, or to another thread,
                # when the wait is over.
                concurrent.futures.wait((future,), _INTERRUPT_SECONDS)
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def close(self) -> None:
        """End the loop and its thread."""
        if self.closed:
            return
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
