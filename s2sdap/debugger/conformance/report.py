"""What a check found, and the report of all of them. Plain data; free of torch."""

from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Outcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    ABSENT = "absent"
    """The model has nothing for it to look at, or what it builds on failed; `measured` says which."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: its name.
        outcome: how it ended.
        measured: what was measured, or why there is nothing to measure.
        subject: what it looked at, where a check has several findings: a site.
        remedy: what to do about a failure.
        details: the last lines of the traceback, where something was raised.
    """

    check: str
    outcome: Outcome
    measured: str
    subject: str = ""
    remedy: str = ""
    details: str = ""

    @property
    def name(self) -> str:
        """The check, and what it looked at."""
        return f"{self.check} {self.subject}".rstrip()


@dataclass(frozen=True, slots=True)
class Report:
    """The findings on one model, in the order of the checks; `sources` are the lines it was given."""

    model: str
    fingerprint: str
    sources: tuple[str, ...]
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed."""
        return not self.failed

    @property
    def failed(self) -> tuple[str, ...]:
        """The names of the checks that failed, each once."""
        return tuple(dict.fromkeys(each.check for each in self.findings if each.outcome is Outcome.FAIL))

    def of(self, check: str) -> tuple[Finding, ...]:
        """The findings of one check."""
        return tuple(each for each in self.findings if each.check == check)

    def to_json(self) -> bytes:
        """The report as a JSON object, with `passed` in it."""
        return msgspec.json.encode({"passed": self.passed, **msgspec.to_builtins(self)})
