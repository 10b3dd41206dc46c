"""Which kind of search: exact while that is quick, else what has been built, each with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from s2sdap.vocabulary.errors import S2sdapError

QUICK: Final = 32 << 20
"""Numbers (states times features) that an exact search goes through in about ten milliseconds."""
GOOD: Final = 0.95
"""Recall below which a faster search is not taken by itself."""


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
    def quick(self) -> bool:
        """Whether an exact search is quick enough."""
        return self.numbers <= QUICK

    @property
    def fits(self) -> bool:
        """Whether the vectors may be held in memory: with their labels in half of it."""
        return self.numbers * 2 + self.count * 28 <= self.memory // 2

    @property
    def graph_fits(self) -> bool:
        """The same with a graph, which holds the vectors as float32 again, and some 300 bytes a state."""
        return self.numbers * 6 + self.count * 330 <= self.memory // 2

    @property
    def graph_can_be_built(self) -> bool:
        """Whether there is the memory to build one: three times the vectors as float32 (measured)."""
        return self.numbers * 14 + self.count * 600 <= self.memory // 2

    def __str__(self) -> str:
        return f"{self.count:,} states of {self.dimension}"


@dataclass(frozen=True, slots=True)
class Choice:
    """A kind and why it was chosen, as a clause to show."""

    kind: Kind
    why: str


def choose(size: Size, hindrances: Mapping[Kind, str]) -> Choice:
    """The kind to search with, among the exact one and those that nothing hinders.

    `hindrances` says of `PYNNDESCENT` and `IVF` why it cannot be used, "" where it can.
    """
    if size.quick:
        return Choice(Kind.EXACT, f"{size} are gone through in about ten milliseconds or less")
    ready = {kind for kind, hindrance in hindrances.items() if not hindrance}
    if Kind.PYNNDESCENT in ready and size.graph_fits:
        return Choice(Kind.PYNNDESCENT, f"a graph over {size} is built and fits in memory")
    if Kind.IVF in ready:
        place = "" if size.fits else ", which do not fit in memory,"
        return Choice(Kind.IVF, f"lists over {size}{place} are built")
    place = "" if size.fits else ", which do not fit in memory and are read for every query"
    told = "; ".join(f"{kind}: {hindrance}" for kind, hindrance in hindrances.items() if hindrance)
    return Choice(Kind.EXACT, f"nothing faster can be used for {size}{place} ({told})")


def to_build(size: Size) -> Choice:
    """What to build so that the search is fast."""
    if size.quick:
        return Choice(Kind.EXACT, f"{size} are gone through in about ten milliseconds or less")
    if size.graph_can_be_built:
        return Choice(Kind.PYNNDESCENT, f"there is the memory for a graph over {size}")
    return Choice(Kind.IVF, f"there is no memory for a graph over {size}")
