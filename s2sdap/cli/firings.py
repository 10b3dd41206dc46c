"""What a run without a report says of the rules that fired, so that nobody has to guess at its exit code."""

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from s2sdap.cli.reopening import place_in_words

if TYPE_CHECKING:
    from s2sdap.cli.report import SentenceLine, StopLine


class Firings:
    """In how many sentences each rule fired, and where it did first."""

    def __init__(self) -> None:
        self._sentences = 0
        self._fired: Counter[str] = Counter()
        self._first: dict[str, tuple[int, StopLine]] = {}

    def add(self, line: "SentenceLine") -> None:
        """A sentence that was decoded."""
        self._sentences += 1
        found = {stop.rule: stop for stop in reversed(line.stops) if stop.rule is not None}
        for rule, stop in found.items():
            self._fired[rule] += 1
            self._first.setdefault(rule, (line.line, stop))

    def told(self) -> Iterator[str]:
        """A line a rule, in the order in which they first fired."""
        for rule, (line, stop) in self._first.items():
            count = f"{self._fired[rule]:,} of {self._sentences:,} sentences"
            yield f"{rule} fired in {count}, first in {place_in_words(line, stop.step)}: {stop.text}"
        if self._first:
            yield "--report FILE or --html FILE keeps all of it"
