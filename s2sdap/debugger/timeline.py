"""The timeline of one sentence: what has been computed, as branches of records.

Nothing is overwritten: an edit runs its step again on a new branch that shares the records before
it. Records can be dropped when memory is short; since a step is a pure function of (snapshot,
edits), running the branch again from its edits gives the same records.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from s2sdap.debugger.program import Sentence
from s2sdap.decoding.edits import ENCODER_STEP, Edit, merge
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Snapshot, StepRecord


@dataclass(slots=True)
class Branch:
    """A run of a sentence. `fork` is the step at which it left `parent` (-1: at the encoder)."""

    id: int
    parent: int | None
    fork: int
    encoder: EncoderRecord
    records: list[StepRecord] = field(default_factory=list)

    def snapshot(self, step: int) -> Snapshot:
        """The snapshot before `step`."""
        return self.encoder.after if step == 0 else self.records[step - 1].after

    @property
    def tip(self) -> Snapshot:
        """The snapshot after the last record."""
        return self.snapshot(len(self.records))

    @property
    def edits(self) -> tuple[Edit, ...]:
        """The edits in it, in the order of the steps that consumed them."""
        return (*self.encoder.edits, *(edit for record in self.records for edit in record.edits))


class Timeline:
    """The branches of one sentence, and which of them is current."""

    def __init__(self, decode: Plan, sentence: Sentence) -> None:
        self.decode = decode
        self.sentence = sentence
        self.branches: list[Branch] = [Branch(0, None, ENCODER_STEP, decode.begin())]
        self.current = 0
        self._dropped: dict[int, list[tuple[Edit, ...]]] = {}

    @classmethod
    def restored(cls, decode: Plan, sentence: Sentence, branches: list[Branch], current: int) -> "Timeline":
        """A timeline over branches that were run before; nothing is computed."""
        timeline = cls.__new__(cls)
        timeline.decode, timeline.sentence = decode, sentence
        timeline.branches, timeline.current = branches, current
        timeline._dropped = {}
        return timeline

    @property
    def branch(self) -> Branch:
        """The current branch."""
        return self.branches[self.current]

    def extend(self) -> StepRecord:
        """Run the next step of the current branch."""
        branch = self.branch
        record = self.decode.step(branch.encoder, branch.tip)
        branch.records.append(record)
        return record

    def edit(self, edit: Edit) -> Branch:
        """Run the edit's step again with it, on a new branch that becomes the current one.

        Later steps of the old branch are not taken along: they belong to a future that the edit
        changed. Where the step refuses the edit, nothing changes.
        """
        old = self.branch
        if edit.step == ENCODER_STEP:
            encoder = self.decode.begin(merge(old.encoder.edits, edit))
            records: list[StepRecord] = []
        else:
            encoder = old.encoder
            edits = merge(old.records[edit.step].edits, edit)
            again = self.decode.step(encoder, old.snapshot(edit.step), edits)
            records = [*old.records[: edit.step], again]
        branch = Branch(len(self.branches), old.id, edit.step, encoder, records)
        self.branches.append(branch)
        self.current = branch.id
        return branch

    @property
    def size(self) -> int:
        """Bytes of the tensors that its records hold; a record that branches share counts once."""
        records: dict[int, EncoderRecord | StepRecord] = {}
        for branch in self.branches:
            records[id(branch.encoder)] = branch.encoder
            records.update((id(record), record) for record in branch.records)
        return sum(record.nbytes for record in records.values())

    @property
    def untouched(self) -> bool:
        """Whether nobody has edited it."""
        return len(self.branches) == 1

    @property
    def dropped(self) -> bool:
        """Whether records are missing that `restore` would bring back."""
        return bool(self._dropped)

    def drop(self) -> None:
        """Let the records go; `restore` brings them back."""
        for branch in self.branches:
            if branch.records:
                self._dropped[branch.id] = [record.edits for record in branch.records]
                branch.records = []

    def restore(self, interrupted: Callable[[], bool] = lambda: False) -> bool:
        """Run dropped steps again, with their edits. Returns whether it got to the end.

        A branch shares the records of its parent up to its fork, as it did before.
        """
        for branch in self.branches:
            edits = self._dropped.get(branch.id)
            if edits is None:
                continue
            records: list[StepRecord] = []
            if branch.parent is not None and branch.fork > 0:
                records = self.branches[branch.parent].records[: branch.fork]
            for step in range(len(records), len(edits)):
                if interrupted():
                    return False
                before = records[-1].after if records else branch.encoder.after
                records.append(self.decode.step(branch.encoder, before, edits[step]))
            branch.records = records
            del self._dropped[branch.id]
        return True
