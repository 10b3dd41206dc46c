"""What went wrong with sentences of a file, on standard error: each fault once, with the line that has it."""

import re
from collections import Counter
from collections.abc import Iterator

from s2sdap.cli.outcomes import say


class Faults:
    """Faults of sentences. A condition that cannot be told is wrong again in every line."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._last: dict[str, int] = {}
        self._lines: Counter[str] = Counter()

    def add(self, line: int, error: str) -> None:
        """A sentence that has that fault; a sentence tells its faults one after the other."""
        if error not in self._first:
            self._first[error] = line
            say_of_line(line, error)
        if self._last.get(error) != line:
            self._last[error] = line
            self._lines[error] += 1

    def told(self) -> Iterator[str]:
        """In how many other lines each was found."""
        for error, line in self._first.items():
            more = self._lines[error] - 1
            lines = "1 more line" if more == 1 else f"{more:,} more lines"
            if more:
                yield f"the {error.partition(':')[0]} of line {line} is in {lines}, too"


def say_of_line(line: int, error: object) -> None:
    """An error, after the line that has it, where it does not name that itself."""
    named = re.search(rf"\bline {line}\b", str(error), re.IGNORECASE)
    say(error if named else f"line {line}: {error}")
