"""A plan: one sentence about to decode, whoever owns the search.

`step.Decode` is the plan of a model that offers single steps, under our own search; a model that
brings its own search has a plan of its own. Everything above this floor knows only this face.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from s2sdap.decoding.edits import Edit
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.contract import Described


@dataclass(frozen=True, slots=True)
class SettingShown:
    """A setting of the decode, as people read it: its name, its value and where that came from."""

    name: str
    value: object
    origin: str


@runtime_checkable
class Plan(Protocol):
    """How a sentence is decoded: `begin` reads the source, `step` goes from snapshot to snapshot.

    Both are pure: the same snapshot and edits give the same record, bit for bit.
    """

    @property
    def model(self) -> Described:
        """The model."""
        ...

    def begin(self, edits: Sequence[Edit] = ()) -> EncoderRecord:
        """Read the source. The record holds the snapshot before step 0."""
        ...

    def step(self, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit] = ()) -> StepRecord:
        """Run one step from the snapshot `before`, with `edits` in it."""
        ...

    def best(self, after: Snapshot) -> tuple[Hypothesis, ...]:
        """The finished hypotheses that are the result, best first (of a batch, sentence by sentence)."""
        ...

    def settings_shown(self, after: Snapshot | None = None) -> tuple[SettingShown, ...]:
        """Every setting with its value and where it came from, as the step that led to `after` had them."""
        ...


@runtime_checkable
class Planner(Protocol):
    """Makes the plan of a sentence. Raises where it has no tokens, or too many."""

    def __call__(self, text: str, *, sentence: int, line: int, where: str, folder: str | None = None) -> Plan:
        """The plan of `text`, sentence number `sentence` on `line` (from 1) of `where` in `folder`."""
        ...
