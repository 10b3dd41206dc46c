"""Arming: where a run is to stop."""

from collections.abc import Iterable
from typing import Any

from s2sdap.client.connecting import Connecting
from s2sdap.client.launching import Rules, exception_breakpoints
from s2sdap.client.refusals import Refused, refusal_written
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies


class Arming(Connecting):
    """The verbs that say where a run stops. Each replaces what was armed of its kind."""

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

    async def _arm(
        self,
        lines: Iterable[int | args.SourceBreakpoint],
        stages: Iterable[str | args.FunctionBreakpoint],
        watched: Iterable[str | args.DataBreakpointAsked],
        rules: Rules,
    ) -> None:
        """Arm what is given, of every kind; what is empty stays as it is."""
        lines, stages, watched = list(lines), list(stages), list(watched)
        if lines:
            await self.set_breakpoints(lines)
        if stages:
            await self.set_stages(stages)
        if watched:
            await self.set_data_breakpoints(watched)
        if rules:
            await self.watch(rules)

    async def _place(self, command: str, wanted: Any) -> list[bodies.BreakpointBody]:
        placed = (await self.connection.ask(command, wanted, bodies.Breakpoints)).breakpoints
        refuse_unplaced(command, placed)
        return placed


def refuse_unplaced(command: str, placed: Iterable[bodies.BreakpointBody]) -> None:
    """An editor shows a breakpoint that could not be placed in grey; a script has to be told."""
    for each in placed:
        if not each.verified:
            said = each.message or "it could not be placed"
            raise refusal_written(said, command) or Refused(command, 0, said)
