"""What a step keeps for good, and what it computes again when somebody looks.

A row of logits is as long as the vocabulary, and a decode has several for every hypothesis and step;
kept, they would be nearly all of a record. A step is pure: run again, it gives them back bit for bit.
"""

import weakref
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from torch import Tensor

from s2sdap.decoding.generation.scoring import Processed
from s2sdap.decoding.named_sites import NamedSites
from s2sdap.vocabulary import sites

FOR_GOOD: Final = (sites.ATTENTION_WEIGHTS, sites.DECODER_STATE, sites.ENCODER_STATES)
"""What panels show of a whole decode at once stays with its records."""
KEPT_BYTES: Final = 512 * 1024
"""Bytes of everything else that a run keeps, of its latest steps; the last one always stays."""


class LeanSites(NamedSites):
    """Sites, of which some may have to be computed again. `held` are those at hand.

    `processed` are the scores that search went by; they come and go with the others.
    """

    __slots__ = ("__weakref__", "_again", "_processed", "held")

    def __init__(
        self,
        whole: Mapping[str, Tensor],
        again: "Callable[[], LeanSites]",
        processed: Processed | None = None,
    ) -> None:
        self.held = dict(whole)
        self._processed = processed
        self._names = tuple(whole)
        self._again = again

    def __getitem__(self, name: str) -> Tensor:
        found = self.held.get(name)
        if found is None:
            if name not in self._names:
                raise KeyError(name)
            found = self._again().held[name]
        return found

    @property
    def processed(self) -> Processed:
        """The scores that search went by."""
        found = self._processed or self._again()._processed
        if found is None:
            raise AssertionError("no search belongs to these sites")
        return found

    @property
    def passing_bytes(self) -> int:
        """Bytes of what would be let go."""
        passing = sum(value.nbytes for name, value in self.held.items() if name not in FOR_GOOD)
        return passing + (0 if self._processed is None else self._processed.nbytes)

    def slim(self) -> None:
        """Let go of all that is not for good."""
        self._processed = None
        self.held = {name: value for name, value in self.held.items() if name in FOR_GOOD}


class Latest:
    """The latest steps of a run, whose sites are all at hand: within `KEPT_BYTES`, but for the last one.

    One may go with all sentences of a run, so that what is asked of the last step of a sentence, once it
    has ended, is there without running that step again.
    """

    def __init__(self) -> None:
        self._steps: deque[tuple[weakref.ref[LeanSites], int]] = deque()
        self._bytes = 0

    def add(self, step: LeanSites, *, ended: bool) -> None:
        """A step was run; with the last of a sentence, those before it let go of what they can."""
        size = step.passing_bytes
        self._steps.append((weakref.ref(step), size))
        self._bytes += size
        while len(self._steps) > 1 and (ended or self._bytes > KEPT_BYTES):
            earliest, size = self._steps.popleft()
            self._bytes -= size
            sites_of_it = earliest()
            if sites_of_it is not None:
                sites_of_it.slim()
