"""Hit counts: which of the times that a breakpoint is met it stops at, as an editor's field has it."""

import re
from dataclasses import dataclass
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

MOST: Final = 1_000_000_000
_WRITTEN: Final = re.compile(r"\s*(>=|<=|==|>|<|=|%)?\s*(\d{1,9})\s*")


@dataclass(frozen=True, slots=True)
class HitCount:
    """`>2`, `>=2`, `=5` (or `5`), `<3`, `<=3`, `%10`: of the n-th time that it is met."""

    operator: str
    number: int

    def met(self, count: int) -> bool:
        """Whether to stop the `count`-th time, from 1."""
        match self.operator:
            case ">":
                return count > self.number
            case ">=":
                return count >= self.number
            case "<":
                return count < self.number
            case "<=":
                return count <= self.number
            case "%":
                return count % self.number == 0
        return count == self.number

    def __str__(self) -> str:
        return f"{self.operator}{self.number}"


def parse_hit_count(written: str) -> HitCount:
    """A hit count as people type it. Raises `bad_hit_count`."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        raise S2sdapError("bad_hit_count", written=written, reason="it is none of these")
    operator, number = match[1] or "=", int(match[2])
    if number == 0 and operator not in (">", ">=", "<="):
        raise S2sdapError("bad_hit_count", written=written, reason="the first time is 1")
    return HitCount("=" if operator == "==" else operator, number)
