"""The sites of a step without the wide ones: those over the vocabulary are computed again when read.

A row of logits is as long as the vocabulary, and a decode has one for every hypothesis and step;
kept, they would be nearly all of a record. The step is pure, so running it again gives them back.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from torch import Tensor

from s2sdap.vocabulary import sites

WIDE: Final = (sites.PREDICTION_LOGITS, sites.PREDICTION_LOGPROBS)
KEPT_BYTES: Final = 4 * 1024 * 1024
"""Bytes of wide sites that a decode keeps, of its latest steps."""


class LeanSites(Mapping[str, Tensor]):
    """Sites of a step, of which some may have to be computed again. `held` are those at hand."""

    __slots__ = ("_again", "_names", "held")

    def __init__(self, whole: Mapping[str, Tensor], again: Callable[[], Mapping[str, Tensor]]) -> None:
        self.held = dict(whole)
        self._names = tuple(whole)
        self._again = again

    def __getitem__(self, name: str) -> Tensor:
        found = self.held.get(name)
        if found is None:
            if name not in self._names:
                raise KeyError(name)
            found = self._again()[name]
        return found

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    @property
    def wide_bytes(self) -> int:
        """Bytes of the wide sites at hand."""
        return sum(self.held[name].nbytes for name in WIDE if name in self.held)

    def slim(self) -> None:
        """Let the wide sites go."""
        for name in WIDE:
            self.held.pop(name, None)
