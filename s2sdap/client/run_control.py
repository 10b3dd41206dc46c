"""Connecting, launching and run control: the half of the debugger that makes the decode move.

What a verb returns is the stop it led to. A stop that nobody has been given yet is never lost: it is
found in the log of events, from the mark that the last verb left.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Literal, Self

from s2sdap.client.connection import Connection, LoggedEvent
from s2sdap.client.launching import (
    Rules,
    exception_breakpoints,
    index_named,
    launch_arguments,
    read_token,
)
from s2sdap.client.refusals import Refused, refusal_written
from s2sdap.client.transports import (
    Channel,
    connect_tcp,
    connect_websocket,
    spawn_adapter,
    split_address,
)
from s2sdap.client.views import StopView
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies
from s2sdap.vocabulary.errors import S2sdapError

ANSWER_SECONDS = 30.0
"""How long an answer may take."""
RUN_SECONDS = 600.0
"""How long a stop, or the loading of a model, may take."""


class RunControl:
    """A session with an adapter, as far as it makes the decode move."""

    def __init__(self, channel: Channel, token: str | None, timeout: float, run_timeout: float) -> None:
        self.connection = Connection(channel, timeout=timeout)
        self.capabilities: dict[str, Any] = {}
        """What the adapter can do; known from `launch` on."""
        self.stop: StopView | None = None
        """Where the decode stands, `None` before the launch and while it runs."""
        self._token = token
        self._run_timeout = run_timeout
        self._initialized = False
        self._followed = 1
        self._since = 0

    # ---- connecting --------------------------------------------------------------------------

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str] | None = None,
        *,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Start an adapter of our own, by default with this Python; it ends with the session."""
        return cls(await spawn_adapter(command), None, timeout, run_timeout)

    @classmethod
    async def connect(
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
        if transport == "tcp":
            return cls(await connect_tcp(host, port, timeout), token, timeout, run_timeout)
        uri = f"ws://[{host}]:{port}/" if ":" in host else f"ws://{host}:{port}/"
        return cls(await connect_websocket(uri, token, timeout), None, timeout, run_timeout)

    @classmethod
    async def connect_address(
        cls,
        address: str,
        *,
        token: str | None = None,
        token_file: str | os.PathLike[str] | None = None,
        timeout: float = ANSWER_SECONDS,
        run_timeout: float = RUN_SECONDS,
    ) -> Self:
        """Connect to an address as the server prints it: `tcp://host:port` or `ws://host:port`."""
        scheme, host, port = split_address(address)
        if token_file is not None:
            token = read_token(token_file)
        transport: Literal["tcp", "websocket"] = "tcp" if scheme == "tcp" else "websocket"
        return await cls.connect(
            host, port, token=token, transport=transport, timeout=timeout, run_timeout=run_timeout
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    # ---- launching ---------------------------------------------------------------------------

    async def launch(
        self,
        /,
        *,
        program: str | os.PathLike[str] | None = None,
        source: str | None = None,
        reference: str | os.PathLike[str] | None = None,
        session: str | os.PathLike[str] | None = None,
        model: str | None = None,
        search: Mapping[str, Any] | None = None,
        generation: Mapping[str, Any] | None = None,
        start_line: int | None = None,
        stop_on_entry: bool = True,
        breakpoints: Iterable[int | args.SourceBreakpoint] = (),
        stages: Iterable[str | args.FunctionBreakpoint] = (),
        data: Iterable[str | args.DataBreakpointAsked] = (),
        rules: Rules = (),
        watch_rules: Sequence[str] | None = None,
        seed: int | None = None,
        threads: int | None = None,
        device: str | None = None,
        dtype: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool | None = None,
        index: str | os.PathLike[str] | None = None,
        timeout: float | None = None,
        **settings: Any,
    ) -> StopView:
        """Load a model and run to the first stop: the entry, or without it the first that is armed.

        `program` is a file of sentences, `source` is text, `session` in place of both a file that `save`
        wrote, which needs no model. Any further keyword is a search setting (`beam_size=4`), as are the
        items of `search`; `generation` is that of a Hugging Face model. `index` is the folder or URI of an
        index of the model's training states. The run begins at `start_line`, if
        one is given. `breakpoints` are lines, `stages` names of
        stages, `rules` watch rules; they are armed before the decode begins. A launch that is refused
        can be tried again; where one of those is refused, that takes a new session.
        """
        await self._initialize()
        launch = launch_arguments(
            program,
            source,
            reference,
            {**(search or {}), **settings},
            {
                "session": None if session is None else os.path.abspath(session),
                "model": model,
                "generation": dict(generation) if generation else None,
                "start_line": start_line,
                "stop_on_entry": stop_on_entry,
                "watch_rules": watch_rules,
                "seed": seed,
                "threads": threads,
                "device": device,
                "dtype": dtype,
                "revision": revision,
                "trust_remote_code": trust_remote_code,
                "index": index_named(index),
                "token": self._token,
            },
        )
        lines, names, values = list(breakpoints), list(stages), list(data)
        with self._leaving() as since:
            pending = await self.connection.send("launch", launch)
            await self.connection.wait_for("initialized", since=since, unless=pending)
            try:
                if lines:
                    await self.set_breakpoints(lines)
                if names:
                    await self.set_stages(names)
                if values:
                    await self.set_data_breakpoints(values)
                if rules:
                    await self.watch(rules)
                await self.connection.request("configurationDone")
            except Refused as refused:
                if refused.name == "not_launched":  # the launch has failed meanwhile: say why it did
                    await self.connection.answer(pending, timeout=self._long(timeout))
                raise
            await self.connection.answer(pending, timeout=self._long(timeout))
            # Only now is the model known, and with it whether it has every stage that was named.
            for event in self.connection.events("breakpoint", since=since):
                _refuse_unplaced("setFunctionBreakpoints", [event.read(bodies.BreakpointEvent).breakpoint])
        return await self._stop_since(since, timeout)

    async def attach(
        self,
        /,
        *,
        stop_on_entry: bool = True,
        breakpoints: Iterable[int | args.SourceBreakpoint] = (),
        stages: Iterable[str | args.FunctionBreakpoint] = (),
        data: Iterable[str | args.DataBreakpointAsked] = (),
        rules: Rules = (),
        watch_rules: Sequence[str] | None = None,
        index: str | os.PathLike[str] | None = None,
    ) -> None:
        """Attach to a process that called `s2sdap.listen`; `wait_for_stop` gets the first stop of its calls.

        Each of its debugged calls is a program of its own. `stop_on_entry` is about the first of them; the
        rest is armed before any of them begins. A step that runs over the end of a call stops in the next.
        """
        await self._initialize()
        wanted = {
            "stopOnEntry": stop_on_entry,
            "watchRules": watch_rules,
            "index": index_named(index),
            "token": self._token,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        lines, names, values = list(breakpoints), list(stages), list(data)
        with self._leaving() as since:
            pending = await self.connection.send("attach", given)
            await self.connection.wait_for("initialized", since=since, unless=pending)
            await self.connection.answer(pending)
            if lines:
                await self.set_breakpoints(lines)
            if names:
                await self.set_stages(names)
            if values:
                await self.set_data_breakpoints(values)
            if rules:
                await self.watch(rules)
            await self.connection.request("configurationDone")

    async def set_breakpoints(
        self, lines: Iterable[int | args.SourceBreakpoint]
    ) -> list[bodies.BreakpointBody]:
        """Stop when the sentence on one of these lines begins, and at no other line.

        `SourceBreakpoint(3, column=5, condition="p < 0.5")` stands on a source token, or has a condition,
        a hit count or a log message. Raises `Refused` if one of them cannot be placed; the others stand.
        """
        sources = await self.connection.ask("loadedSources", None, bodies.LoadedSources)
        program = sources.sources[0]
        where = args.SourceRef(program.name, program.path, program.source_reference)
        asked = [args.SourceBreakpoint(each) if isinstance(each, int) else each for each in lines]
        placed = args.SetBreakpoints(where, breakpoints=asked)
        return await self._place("setBreakpoints", placed)

    async def set_stages(self, names: Iterable[str | args.FunctionBreakpoint]) -> list[bodies.BreakpointBody]:
        """Stop whenever the decode comes to one of these stages, and at no other stage.

        They may be narrowed: `attention:L3.H2`, `prediction@7`, `prediction:"Haus"`, and be
        `FunctionBreakpoint`s with a condition or a hit count. Raises `Refused` if the model lacks one of
        them; the others stand.
        """
        asked = [args.FunctionBreakpoint(each) if isinstance(each, str) else each for each in names]
        return await self._place("setFunctionBreakpoints", args.SetFunctionBreakpoints(asked))

    async def set_data_breakpoints(
        self, watched: Iterable[str | args.DataBreakpointAsked]
    ) -> list[bodies.BreakpointBody]:
        """Stop when one of these values changes from a step to the next: expressions, or `best hypothesis`.

        Raises `Refused` if one of them cannot be watched; the others stand.
        """
        asked = [args.DataBreakpointAsked(each) if isinstance(each, str) else each for each in watched]
        return await self._place("setDataBreakpoints", args.SetDataBreakpoints(asked))

    async def watch(self, rules: Rules, *, errors: bool = True) -> None:
        """Switch exactly these watch rules on: `{"lowConfidence": "p < 0.5"}` or `["lowConfidence"]`.

        Without `errors` a failure of the model does not stop the run, which goes on to the next sentence.
        Raises `Refused` if one of the rules cannot be; the others are on.
        """
        await self._place("setExceptionBreakpoints", exception_breakpoints(rules, errors=errors))

    # ---- run control -------------------------------------------------------------------------

    async def continue_(self, *, timeout: float | None = None) -> StopView:
        """Go on to the next thing that stops a run, or the end."""
        return await self._run("continue", self._thread, timeout)

    async def next(self, *, timeout: float | None = None) -> StopView:
        """Go on to the next chosen token."""
        return await self._run("next", self._thread, timeout)

    async def step_in(self, *, timeout: float | None = None) -> StopView:
        """Go on to the next stage."""
        return await self._run("stepIn", self._thread, timeout)

    async def step_out(self, *, timeout: float | None = None) -> StopView:
        """Go on to the end of the sentence."""
        return await self._run("stepOut", self._thread, timeout)

    async def step_back(self, *, stage: bool = False, timeout: float | None = None) -> StopView:
        """Go back to the token before, or to the stage before."""
        granularity = "instruction" if stage else "statement"
        return await self._run("stepBack", args.Step(self._thread.thread_id, granularity), timeout)

    async def reverse_continue(self, *, timeout: float | None = None) -> StopView:
        """Go back to the last thing that stops a run, or the beginning."""
        return await self._run("reverseContinue", self._thread, timeout)

    async def resume(self) -> None:
        """Continue without waiting for the stop; `pause` or `wait_for_stop` gets it."""
        with self._leaving():
            await self.connection.request("continue", self._thread)

    async def pause(self, *, timeout: float | None = None) -> StopView:
        """Stop a run that is under way; where it has stopped already, that stop."""
        if self.stop is not None:
            return self.stop
        since = self._since
        await self.connection.request("pause", self._thread)
        return await self._stop_since(since, timeout)

    async def wait_for_stop(self, *, timeout: float | None = None) -> StopView:
        """The first stop that no verb has returned yet."""
        return await self._stop_since(self._since, timeout)

    async def restart(self, *, timeout: float | None = None) -> StopView:
        """Run again from the beginning, with the same launch and what is armed now."""
        return await self._run("restart", None, timeout)

    async def terminate(self, *, timeout: float | None = None) -> StopView:
        """End the run; the connection stays."""
        if self.stop is not None and self.stop.ended:
            return self.stop
        with self._leaving() as since:
            await self.connection.request("terminate")
        event = await self.connection.wait_for("terminated", since=since, timeout=timeout)
        return self._stopped(event)

    async def disconnect(self) -> None:
        """End the session and close the connection. May be called twice."""
        # An adapter that is gone, or too busy to say goodbye, is left all the same.
        with contextlib.suppress(S2sdapError):
            if not self.connection.lost:
                await self.connection.request("disconnect", args.Disconnect(terminate_debuggee=True))
        await self.connection.close()

    async def cancel(self, *, request_id: int | None = None, progress_id: str | None = None) -> None:
        """Cancel a request, or what a progress report is about."""
        await self.connection.request("cancel", args.Cancel(request_id, progress_id))

    # ---- inside ------------------------------------------------------------------------------

    @property
    def _thread(self) -> args.Thread:
        return args.Thread(self._followed)

    async def _initialize(self) -> None:
        if self._initialized:
            return
        wanted = args.Initialize(
            adapter_id="s2sdap",
            client_id="s2sdap.client",
            client_name="s2sdap scripted client",
            supports_variable_type=True,
            # With it an edit sends `invalidated`; without it a `stopped` that no verb has asked for.
            supports_invalidated_event=True,
        )
        self.capabilities = await self.connection.ask("initialize", wanted, dict[str, Any])
        self._initialized = True

    async def _place(self, command: str, wanted: Any) -> list[bodies.BreakpointBody]:
        placed = (await self.connection.ask(command, wanted, bodies.Breakpoints)).breakpoints
        _refuse_unplaced(command, placed)
        return placed

    async def _run(self, command: str, arguments: Any, timeout: float | None) -> StopView:
        with self._leaving() as since:
            await self.connection.request(command, arguments)
        return await self._stop_since(since, timeout)

    @contextlib.contextmanager
    def _leaving(self) -> Iterator[int]:
        """Note that the decode leaves its stop, unless what is asked meanwhile is refused.

        Gives the mark after which the next stop comes.
        """
        was = self.stop
        self.stop, self._since = None, self.connection.mark
        try:
            yield self._since
        except Refused:
            self.stop = was
            raise

    async def _stop_since(self, since: int, timeout: float | None) -> StopView:
        return self._stopped(
            await self.connection.wait_for("stopped", "terminated", since=since, timeout=self._long(timeout))
        )

    def _stopped(self, event: LoggedEvent) -> StopView:
        stop = StopView.of(event)
        self._since = max(self._since, event.index + 1)
        self._followed = stop.hypothesis or self._followed
        self.stop = stop
        return stop

    def _long(self, timeout: float | None) -> float:
        return self._run_timeout if timeout is None else timeout


def _refuse_unplaced(command: str, placed: Iterable[bodies.BreakpointBody]) -> None:
    """An editor shows a breakpoint that could not be placed in grey; a script has to be told."""
    for each in placed:
        if not each.verified:
            said = each.message or "it could not be placed"
            raise refusal_written(said, command) or Refused(command, 0, said)
