"""Lines and columns as a client counts them: ours begin at 0, a client's at 0 or 1, whichever it has said."""

from dataclasses import dataclass
from typing import Self

from s2sdap.protocol.arguments import Initialize


@dataclass(frozen=True, slots=True)
class Counting:
    """The numbers of a client's first line and first column."""

    first_line: int
    first_column: int

    @classmethod
    def of(cls, client: Initialize) -> Self:
        """As a client said that it counts."""
        return cls(int(client.lines_start_at1), int(client.columns_start_at1))

    def line(self, line: int) -> int:
        """A 0-based line as the client counts."""
        return line + self.first_line

    def column(self, column: int) -> int:
        """A 0-based UTF-16 column as the client counts."""
        return column + self.first_column

    def own_line(self, line: int) -> int:
        """A client's line, 0-based."""
        return line - self.first_line

    def own_column(self, column: int | None) -> int | None:
        """A client's column, 0-based."""
        return None if column is None else column - self.first_column
