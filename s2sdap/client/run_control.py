"""Launching and run control: the half of the debugger that makes the decode move.

What a verb returns is the stop it led to. A stop that nobody has been given yet is never lost: it is
found in the log of events, from the mark that the last verb left.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from s2sdap.client.arming import Arming, refuse_unplaced
from s2sdap.client.connection import LoggedEvent
from s2sdap.client.launching import Rules, index_named, launch_arguments
from s2sdap.client.refusals import Refused
from s2sdap.client.views import StopView
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies


class RunControl(Arming):
    """The verbs that make the decode move."""

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
        python_debug: bool = False,
        timeout: float | None = None,
        **settings: Any,
    ) -> StopView:
        """Load a model and run to the first stop: the entry, or without it the first that is armed.

        `program` is a file of sentences, `source` is text, `session` in place of both a file that `save`
        wrote, which needs no model. Any further keyword is a search setting (`beam_size=4`), as are the
        items of `search`; `generation` is that of a Hugging Face model. `index` is the folder or URI of an
        index of the model's training states; `python_debug` starts debugpy beside the model, and says
        where it listens in the output. The run begins at `start_line`, if one is given. `breakpoints` are
        lines, `stages` names of stages, `rules` watch rules; they are armed before the decode begins. A
        launch that is refused can be tried again; where one of those is refused, that takes a new session.
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
                "python_debug": python_debug or None,
                "token": self._token,
            },
        )
        with self._leaving() as since:
            pending = await self.connection.send("launch", launch)
            await self.connection.wait_for("initialized", since=since, unless=pending)
            try:
                await self._arm(breakpoints, stages, data, rules)
                await self.connection.request("configurationDone")
            except Refused as refused:
                if refused.name == "not_launched":  # the launch has failed meanwhile: say why it did
                    await self.connection.answer(pending, timeout=self._long(timeout))
                raise
            await self.connection.answer(pending, timeout=self._long(timeout))
            # Only now is the model known, and with it whether it has every stage that was named.
            for event in self.connection.events("breakpoint", since=since):
                refuse_unplaced("setFunctionBreakpoints", [event.read(bodies.BreakpointEvent).breakpoint])
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
        python_debug: bool = False,
    ) -> None:
        """Attach to a process that called `s2sdap.listen`; `wait_for_stop` gets the first stop of its calls.

        Each of its debugged calls is a program of its own. `stop_on_entry` is about the first of them; the
        rest is armed before any of them begins. A step that runs over the end of a call stops in the next.
        `python_debug` starts debugpy in that process; where it listens is said in the output.
        """
        await self._initialize()
        wanted = {
            "stopOnEntry": stop_on_entry,
            "watchRules": watch_rules,
            "index": index_named(index),
            "pythonDebug": python_debug or None,
            "token": self._token,
        }
        given = {name: value for name, value in wanted.items() if value is not None}
        with self._leaving() as since:
            pending = await self.connection.send("attach", given)
            await self.connection.wait_for("initialized", since=since, unless=pending)
            await self.connection.answer(pending)
            await self._arm(breakpoints, stages, data, rules)
            await self.connection.request("configurationDone")

    # ---- run control -------------------------------------------------------------------------

    async def continue_(self, *, timeout: float | None = None) -> StopView:
        """Go on to the next thing that stops a run, or the end."""
        return await self._run("continue", self._thread, timeout)

    async def next(self, *, timeout: float | None = None) -> StopView:
        """Go on to the next chosen token."""
        return await self._run("next", self._thread, timeout)

    async def step_in(self, *, part: bool = False, timeout: float | None = None) -> StopView:
        """Go on to the next stage, or to the next part of a stage: site by site, layer by layer."""
        granularity = "instruction" if part else "statement"
        return await self._run("stepIn", args.Step(self._thread.thread_id, granularity), timeout)

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

    # ---- inside ------------------------------------------------------------------------------

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
