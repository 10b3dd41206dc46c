"""A branch: one run of a sentence, from its source to as far as it has been computed."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from s2sdap.decoding.edits import Edit, SourceEdit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Snapshot, StepRecord
from s2sdap.vocabulary.errors import S2sdapError


@dataclass(slots=True, eq=False)
class Branch:
    """A run of a sentence. `fork` is the step at which it left `parent` (-1: at the encoder).

    `plan` is that of its text, which `source` has changed where a person did so. `made_by` are the
    edits that it was grown for, `error` what the model failed with after its last record.
    """

    id: int
    parent: int | None
    fork: int
    plan: Plan
    encoder: EncoderRecord
    records: list[StepRecord] = field(default_factory=list)
    name: str = ""
    source: SourceEdit | None = None
    made_by: tuple[Edit, ...] = ()
    error: S2sdapError | None = None

    def snapshot(self, step: int) -> Snapshot:
        """The snapshot before `step`."""
        return self.encoder.after if step == 0 else self.records[step - 1].after

    @property
    def tip(self) -> Snapshot:
        """The snapshot after the last record."""
        return self.records[-1].after if self.records else self.encoder.after

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits in it, in the order of the steps that consumed them."""
        source = () if self.source is None else (self.source,)
        return (*source, *self.encoder.edits, *(edit for record in self.records for edit in record.edits))


@dataclass(frozen=True, slots=True)
class Place:
    """Where a cursor stood: a branch, a step of it, the number of a stage, and whom it followed."""

    branch: int
    step: int
    stage: int
    followed: int


class History:
    """What undo goes back over: for each edit, where the cursor stood before and after it."""

    def __init__(self) -> None:
        self._done: list[tuple[Place, Place]] = []
        self._undone: list[tuple[Place, Place]] = []

    def add(self, before: Place, after: Place) -> None:
        """An edit was made. What had been undone cannot be done again."""
        self._done.append((before, after))
        self._undone.clear()

    def undo(self) -> Place:
        """Where the cursor stood before the last edit; raises `nothing_to_undo`."""
        if not self._done:
            raise S2sdapError("nothing_to_undo")
        self._undone.append(self._done.pop())
        return self._undone[-1][0]

    def redo(self) -> Place:
        """Where the cursor stood after the edit that was undone last; raises `nothing_to_redo`."""
        if not self._undone:
            raise S2sdapError("nothing_to_redo")
        self._done.append(self._undone.pop())
        return self._done[-1][1]

    def forget(self, branch: int) -> None:
        """A branch is gone, and with it the edits that led to it or away from it."""
        for each in (self._done, self._undone):
            each[:] = _without(each, branch)


def _without(edits: Sequence[tuple[Place, Place]], branch: int) -> list[tuple[Place, Place]]:
    return [each for each in edits if branch not in (each[0].branch, each[1].branch)]
