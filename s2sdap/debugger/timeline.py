"""The timeline of one sentence: what has been computed, as branches of records.

Nothing is overwritten: an edit runs its step again on a new branch that shares the records before
it. Records can be dropped when memory is short; since a step is a pure function of (snapshot,
edits), running the branch again from its edits gives the same records.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from s2sdap.debugger.branches import Branch, History
from s2sdap.debugger.keeping import Keeper, KeptSites
from s2sdap.debugger.program import Sentence
from s2sdap.decoding.edits import ENCODER_STEP, Edit, SettingEdit, SourceEdit, merge
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, NotFinite, Snapshot, StepRecord
from s2sdap.vocabulary.errors import S2sdapError

Steps = Mapping[int, tuple[Edit, ...]]
"""Edits by the step that consumes them."""


class Timeline:
    """The branches of one sentence, and which of them is current.

    `planned` makes the plan of another text of the sentence, where it can have one.
    """

    def __init__(
        self,
        plan: Plan,
        sentence: Sentence,
        planned: Callable[[str], Plan] | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        first = Branch(0, None, ENCODER_STEP, plan, plan.begin())
        self._take(sentence, [first], 0, planned, keeper)

    @classmethod
    def restored(cls, sentence: Sentence, branches: list[Branch], current: int) -> "Timeline":
        """A timeline over branches that were run before; nothing is computed."""
        timeline = cls.__new__(cls)
        timeline._take(sentence, branches, current, None, None)
        return timeline

    def _take(
        self,
        sentence: Sentence,
        branches: list[Branch],
        current: int,
        planned: Callable[[str], Plan] | None,
        keeper: Keeper | None,
    ) -> None:
        self.sentence = sentence
        self.branches = branches
        self.current = current
        self.history = History()
        self._planned = planned
        self._keeper = keeper or Keeper()
        self._next_id = max(branch.id for branch in branches) + 1
        self._dropped: dict[int, list[tuple[Edit, ...]]] = {}

    @property
    def branch(self) -> Branch:
        """The current branch."""
        branch = self.branches[0]  # the commonest, and asked for at every step
        return branch if branch.id == self.current else self.find(self.current)

    @property
    def decode(self) -> Plan:
        """The plan of the current branch."""
        return self.branch.plan

    def find(self, identity: int) -> Branch:
        """The branch of that id; raises `unknown_branch`."""
        for branch in self.branches:
            if branch.id == identity:
                return branch
        known = ", ".join(str(branch.id) for branch in self.branches)
        raise S2sdapError("unknown_branch", branch=identity, known=known)

    def extend(self) -> StepRecord:
        """Run the next step of the current branch."""
        branch = self.branch
        record = self._keeper.run(branch.plan, branch.encoder, branch.tip, ())
        branch.records.append(record)
        return record

    # ---- edits -------------------------------------------------------------------------------

    def apply(self, edits: Sequence[Edit], *, least: int = 0) -> Branch:
        """Grow a branch with the edits in it, which becomes the current one.

        Records before the earliest edited step are shared. At that step the edits in force stay,
        unless a new one takes their place; later ones are not taken along: they belong to a future
        that the edit changed. The branch is run through the last edited step, and through `least`
        steps in any case. A changed source is read without the edits of the source as it stood.
        Where anything is refused, nothing changes.
        """
        old = self.branch
        source = next((each for each in reversed(edits) if isinstance(each, SourceEdit)), None)
        fork = min(each.step for each in edits)
        if fork < ENCODER_STEP:
            raise S2sdapError("no_such_step", step=fork, last=len(old.records) - 1)
        steps: dict[int, tuple[Edit, ...]] = {}
        if source is None:
            steps[fork] = self._in_force(old, fork)
        for edit in edits:
            if not isinstance(edit, SourceEdit):
                steps[edit.step] = merge(steps.get(edit.step, ()), edit)
        return self._grow(old, source or old.source, fork, steps, tuple(edits), least)

    def edit(self, edit: Edit) -> Branch:
        """Grow a branch with one edit in it."""
        return self.apply((edit,))

    def without(self, index: int, *, least: int = 0) -> Branch:
        """Grow a branch that lacks one of the `edits` of the current one, and has all the others.

        Raises `edit_does_not_fit` where one of those means nothing without it.
        """
        old = self.branch
        edits = old.edits
        if not 0 <= index < len(edits):
            raise S2sdapError("unknown_edit", index=index, count=len(edits))
        gone = edits[index]
        left = [*edits[:index], *edits[index + 1 :]]
        steps: dict[int, tuple[Edit, ...]] = {}
        for each in left:
            if each.step >= gone.step and not isinstance(each, SourceEdit):
                steps[each.step] = (*steps.get(each.step, ()), each)
        source = None if isinstance(gone, SourceEdit) else old.source
        try:
            return self._grow(old, source, gone.step, steps, tuple(left), max(least, gone.step + 1))
        except S2sdapError as error:
            # People read the list of edits, which is numbered from 1.
            raise S2sdapError("edit_does_not_fit", number=index + 1, reason=error.what) from error

    def _grow(
        self,
        old: Branch,
        source: SourceEdit | None,
        fork: int,
        steps: Steps,
        made_by: tuple[Edit, ...],
        least: int,
    ) -> Branch:
        plan = old.plan if source == old.source else self._plan_for(source)
        records: list[StepRecord] = []
        if fork == ENCODER_STEP:
            encoder = plan.begin(steps.get(ENCODER_STEP, ()))
        else:
            encoder = old.encoder
            records = old.records[:fork]
        count = max(least, *(step + 1 for step in steps), fork + 1)
        while len(records) < count:
            before = records[-1].after if records else encoder.after
            if before.ended:
                if not any(steps.get(step) for step in range(len(records), count)):
                    break
                raise S2sdapError("no_such_step", step=count - 1, last=len(records) - 1)
            records.append(self._run(plan, encoder, before, steps.get(len(records), ())))
        branch = Branch(self._next_id, old.id, fork, plan, encoder, records, source=source, made_by=made_by)
        self._next_id += 1
        self.branches.append(branch)
        self.current = branch.id
        return branch

    def _in_force(self, branch: Branch, step: int) -> tuple[Edit, ...]:
        if step == ENCODER_STEP:
            return branch.encoder.edits
        return branch.records[step].edits if step < len(branch.records) else ()

    def _plan_for(self, source: SourceEdit | None) -> Plan:
        if source is None:
            return self.branches[0].plan
        if self._planned is None:
            raise S2sdapError("source_fixed", reason="it was recorded, or is a call of a program's own")
        return self._planned(source.text)

    def _run(self, plan: Plan, encoder: EncoderRecord, before: Snapshot, edits: Sequence[Edit]) -> StepRecord:
        """One step, once every edit in it names a hypothesis that lives there."""
        _check_named(before, edits)
        return self._keeper.run(plan, encoder, before, tuple(edits))

    # ---- branches ----------------------------------------------------------------------------

    def drop_branch(self, identity: int) -> None:
        """Let a branch go. Those that left it count as having left its parent, from the earlier fork on."""
        gone = self.find(identity)
        if identity == self.current or gone.parent is None:
            reason = "the cursor stands on it" if identity == self.current else "it is the run without edits"
            raise S2sdapError("branch_stays", branch=identity, reason=reason)
        self.branches.remove(gone)
        for branch in self.branches:
            if branch.parent == identity:
                branch.parent, branch.fork = gone.parent, min(branch.fork, gone.fork)
        self._dropped.pop(identity, None)
        self.history.forget(identity)

    # ---- memory ------------------------------------------------------------------------------

    @property
    def size(self) -> int:
        """Bytes of the tensors that its records hold; a record that branches share counts once."""
        records: dict[int, EncoderRecord | StepRecord] = {}
        for branch in self.branches:
            records[id(branch.encoder)] = branch.encoder
            records.update((id(record), record) for record in branch.records)
        return sum(record.nbytes for record in records.values())

    def bound(self, held: int) -> int | None:
        """More than `size`, without a look at each tensor; `None` where nothing tells.

        `held` are all bytes of its keeper: each site of a step shows some of them.
        """
        branch = self.branch
        if (
            len(self.branches) > 1
            or not branch.records
            or not isinstance(branch.records[-1].sites, KeptSites)
        ):
            return None
        return branch.encoder.nbytes + len(branch.records[-1].sites) * held

    @property
    def untouched(self) -> bool:
        """Whether nobody has edited it, or named it."""
        return len(self.branches) == 1 and not self.branches[0].name

    @property
    def dropped(self) -> bool:
        """Whether records are missing that `restore` would bring back."""
        return bool(self._dropped)

    def edits_by_step(self, branch: Branch) -> tuple[tuple[Edit, ...], ...]:
        """The edits of each computed step of a branch, also where the records were dropped."""
        return tuple(self._dropped.get(branch.id) or (record.edits for record in branch.records))

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
                records = self.find(branch.parent).records[: branch.fork]
            for step in range(len(records), len(edits)):
                if interrupted():
                    return False
                before = records[-1].after if records else branch.encoder.after
                try:
                    records.append(self._run(branch.plan, branch.encoder, before, edits[step]))
                except NotFinite as failed:  # as it was
                    records.append(failed.record)
            branch.records = records
            del self._dropped[branch.id]
        return True


def _check_named(before: Snapshot, edits: Iterable[Edit]) -> None:
    live = [hypothesis.id for hypothesis in before.live]
    for edit in edits:
        if not isinstance(edit, SettingEdit) and edit.hypothesis not in live:
            raise S2sdapError("unknown_thread", id=edit.hypothesis)
