"""Why a line was not decoded, as the adapter told it."""

from s2sdap.client import Debugger
from s2sdap.client.refusals import refusal_written
from s2sdap.vocabulary.errors import S2sdapError


def failure_of(debugger: Debugger, line: int, path: str) -> S2sdapError | None:
    """What kept `line` (from 1) of a run that has gone past it from an output; `None` where it has one."""
    told = next((result for result in debugger.results() if result.line + 1 == line), None)
    if told is None:  # a run passes over lines without text
        return S2sdapError("no_tokens", line=line, path=path)
    return refusal_written(told.error, "launch") if told.error else None
