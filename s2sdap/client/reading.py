"""Looking at a stop: steps, attention, search, results, values, frames."""

from typing import TYPE_CHECKING

from s2sdap.client.connection import LoggedEvent
from s2sdap.client.run_control import RunControl
from s2sdap.protocol import arguments as args
from s2sdap.protocol import bodies, custom

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Reading(RunControl):
    """The half of the debugger that looks and changes nothing."""

    async def step(
        self, *, top: int = 10, frame_id: int | None = None, hypothesis: int | None = None
    ) -> custom.StepBody:
        """The step at the cursor, with its source, target, token, distribution and candidates."""
        wanted = custom.StepArguments(frame_id, hypothesis, top)
        return await self.connection.ask(custom.STEP, wanted, custom.StepBody)

    async def top_tokens(self, count: int = 10) -> list[custom.TokenBody]:
        """The likeliest tokens of the cursor's step; empty before its prediction."""
        return (await self.step(top=count)).top or []

    async def attention(
        self, *, layer: int | None = None, head: int | None = None, hypothesis: int | None = None
    ) -> "NDArray[np.float64]":
        """Attention [T, S] of a hypothesis up to the cursor; without layer or head their average."""
        wanted = custom.AttentionArguments(thread_id=hypothesis, layer=layer, head=head)
        answer = await self.connection.ask(custom.ATTENTION, wanted, custom.AttentionBody)
        return _matrix(answer)

    async def beam(self, *, start: int = 0, count: int = 0) -> custom.BeamBody:
        """The search of the sentence at the cursor, step by step."""
        return await self.connection.ask(custom.BEAM, custom.BeamArguments(start, count), custom.BeamBody)

    async def results(self) -> list[custom.ResultBody]:
        """What has been decoded so far, a sentence each."""
        results: list[custom.ResultBody] = []
        while True:
            page = custom.ResultsArguments(start=len(results))
            answer = await self.connection.ask(custom.RESULTS, page, custom.ResultsBody)
            results += answer.results
            if not answer.results or len(results) >= answer.total:
                return results

    async def evaluate(
        self, expression: str, *, frame_id: int | None = None, context: str = "watch"
    ) -> bodies.EvaluateBody:
        """The value of an expression at a frame, by default the cursor's."""
        wanted = args.Evaluate(expression, frame_id, context)
        return await self.connection.ask("evaluate", wanted, bodies.EvaluateBody)

    async def exception_info(self) -> bodies.ExceptionInfoBody:
        """Why a watch rule stopped the run, or how the model failed."""
        return await self.connection.ask("exceptionInfo", self._thread, bodies.ExceptionInfoBody)

    async def stack_trace(
        self, *, hypothesis: int | None = None, start: int = 0, levels: int = 0
    ) -> list[bodies.FrameBody]:
        """The frames of a hypothesis, the cursor's stage first."""
        thread = self._thread.thread_id if hypothesis is None else hypothesis
        wanted = args.StackTrace(thread, start, levels)
        return (await self.connection.ask("stackTrace", wanted, bodies.StackTraceBody)).stack_frames

    async def scopes(self, frame_id: int | None = None) -> list[bodies.ScopeBody]:
        """The groups of variables of a frame, by default the cursor's."""
        if frame_id is None:
            frame_id = await self._top_frame()
        if frame_id is None:  # a sentence that could not even be read has none
            return []
        wanted = args.Scopes(frame_id)
        return (await self.connection.ask("scopes", wanted, bodies.ScopesBody)).scopes

    async def variables(self, reference: int, *, start: int = 0, count: int = 0) -> list[bodies.VariableBody]:
        """The variables behind a reference of a scope, a variable or a value."""
        wanted = args.Variables(reference, start=start, count=count)
        return (await self.connection.ask("variables", wanted, bodies.VariablesBody)).variables

    async def threads(self) -> list[bodies.ThreadBody]:
        """The live hypotheses."""
        return (await self.connection.ask("threads", None, bodies.Threads)).threads

    async def events(self, *names: str) -> list[LoggedEvent]:
        """The events of these names that have come, or all of them, in order."""
        return self.connection.events(*names)

    async def _top_frame(self) -> int | None:
        frames = await self.stack_trace(levels=1)
        return frames[0].id if frames else None


def _matrix(answer: custom.AttentionBody) -> "NDArray[np.float64]":
    import numpy as np  # noqa: PLC0415 - slow to import, and only who asks for an array needs it

    return np.array(answer.weights, dtype=np.float64).reshape(len(answer.weights), len(answer.source))
