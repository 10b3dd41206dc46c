"""Which kind of search: exact while that is quick, else what has been built, each with its reason."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

QUICK: Final = 64 << 20
"""Numbers (states times features) that an exact search goes through in about ten milliseconds."""


class Kind(StrEnum):
    """How neighbours are looked for."""

    EXACT = "exact"
    PYNNDESCENT = "pynndescent"
    IVF = "ivf"

    @classmethod
    def named(cls, name: str) -> "Kind":
        """The kind of that name. Raises `search_unknown`."""
        try:
            return cls(name)
        except ValueError:
            raise S2sdapError("search_unknown", what="kind", name=name, known=", ".join(cls)) from None


@dataclass(frozen=True, slots=True)
class Size:
    """What decides: N states of D features, and the bytes of memory there are."""

    count: int
    dimension: int
    memory: int

    @property
    def numbers(self) -> int:
        """N times D."""
        return self.count * self.dimension

    @property
    def fits(self) -> bool:
        """Whether the vectors may be held in memory: with their labels they take at most half of it."""
        return self.numbers * 2 + self.count * 28 <= self.memory // 2

    def __str__(self) -> str:
        return f"{self.count:,} states of {self.dimension}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind and why it was chosen, as a sentence to show."""

    kind: Kind
    why: str


def choose(size: Size, built: dict[Kind, str]) -> Choice:
    """The kind to search with.

    `built` maps each approximate kind to "" where it is ready, else to why it is not.
    """
    ready = {kind for kind, hindrance in built.items() if not hindrance}
    hindrances = "".join(f"; {kind}: {hindrance}" for kind, hindrance in built.items() if hindrance)
    if size.numbers <= QUICK:
        return Choice(Kind.EXACT, f"{size} are searched exactly in about ten milliseconds or less")
    if size.fits and Kind.PYNNDESCENT in ready:
        return Choice(Kind.PYNNDESCENT, f"its graph over {size} is built and fits in memory")
    if Kind.IVF in ready:
        place = "" if size.fits else ", which do not fit in memory"
        return Choice(Kind.IVF, f"its lists over {size}{place} are built")
    if size.fits:
        return Choice(Kind.EXACT, f"nothing faster is built for {size}{hindrances}; `s2sdap index tune` does")
    return Choice(
        Kind.EXACT,
        f"nothing faster is built for {size}, which do not fit in memory and are read for every query"
        f"{hindrances}; `s2sdap index tune` builds lists",
    )
