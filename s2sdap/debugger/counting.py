"""How often each breakpoint was met in this run, going forward. What a session forgets at a restart."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Counts:
    """The times met, by the breakpoint's id; and where a sentence's condition held for the first time."""

    met: dict[int, int] = field(default_factory=dict)
    awake: dict[int, Any] = field(default_factory=dict)
    """The rules that may fire in each sentence at hand, so that no others are asked at each step."""
    first: dict[tuple[int, int, int], int] = field(default_factory=dict)

    def next(self, breakpoint_id: int) -> int:
        """Count one more; which time it is, from 1."""
        count = self.met.get(breakpoint_id, 0) + 1
        self.met[breakpoint_id] = count
        return count

    def is_first(self, breakpoint_id: int, sentence: int, branch: int, step: int) -> bool:
        """Whether a condition has not held in an earlier step of the sentence's branch."""
        known = self.first.setdefault((breakpoint_id, sentence, branch), step)
        if step < known:
            self.first[breakpoint_id, sentence, branch] = known = step
        return step == known

    def clear(self) -> None:
        """Forget all of it."""
        self.met.clear()
        self.awake.clear()
        self.first.clear()
