"""What the client hands to people where the protocol's own bodies would not do: a stop.

Everything else is a body of `s2sdap.protocol`: `StepBody`, `ResultBody`, `BeamBody` and so on.
"""

from dataclasses import dataclass

from s2sdap.client.connection import LoggedEvent
from s2sdap.protocol.bodies import Stopped


@dataclass(frozen=True, slots=True)
class StopView:
    """A pause, or the end of the run.

    `reason` is the protocol's: entry, step, breakpoint, function breakpoint, data breakpoint (also where
    an edit has led elsewhere), exception, pause, goto, restart; `end` at the end of the run. `hypothesis`
    is the one the debugger follows, and the protocol's thread.
    """

    reason: str
    text: str = ""
    hypothesis: int | None = None
    breakpoints: tuple[int, ...] = ()
    ended: bool = False

    @classmethod
    def of(cls, event: LoggedEvent) -> "StopView":
        """The stop that a `stopped` or `terminated` event tells of."""
        if event.name == "terminated":
            return cls("end", ended=True)
        stopped = event.read(Stopped)
        return cls(
            stopped.reason,
            stopped.text or stopped.description or "",
            stopped.thread_id,
            tuple(stopped.hit_breakpoint_ids or ()),
        )
