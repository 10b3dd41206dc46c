"""The records of one sentence on their way into a file: tensors to the parts, the rest to the document.

Records come one at a time, so a decode whose records are computed when they are looked at is written
in the memory of a few of them. Hypotheses are known by (id, step) along their branch, not as objects:
steps that were run again have hypotheses of their own that are the same.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from s2sdap.debugger.branches import Branch
from s2sdap.debugger.edit_lists import to_plain
from s2sdap.debugger.session_file.layout import BranchPart, DecodePart, EncoderPart, SettingPart, StepPart
from s2sdap.debugger.session_file.telling import tell_error, tell_shown, tell_source
from s2sdap.debugger.session_file.tensors import Parts
from s2sdap.debugger.session_file.texts import Texts
from s2sdap.debugger.timeline import Timeline
from s2sdap.decoding.edits import SettingEdit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import Candidates, EncoderRecord, Hypothesis, Snapshot, StepRecord
from s2sdap.models.tokens import TargetVocabulary, whole

ROOT = -1
"""The parent of a hypothesis that continues none."""
ARRAYS = ("parent", "token", "logprob", "score", "coverage_term", "final", "fate", "reason", "child")
"""The columns of candidates."""
WHOLE_COLUMNS = (
    "id",
    "step",
    "token",
    "parent",
    "row",
    "candidate",
    "finished",
    "forced",
    "sentence",
    "text",
)
NUMBER_COLUMNS = ("logprob", "score", "final")

Known = Mapping[tuple[int, int], int]
"""The hypotheses of a snapshot: their numbers, by (id, step)."""


@dataclass(slots=True)
class _Hypotheses:
    """The hypotheses of a sentence as columns."""

    texts: Texts
    target: TargetVocabulary
    """Of the branch that is being told."""
    whole: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in WHOLE_COLUMNS})
    numbers: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in NUMBER_COLUMNS})
    coverage: dict[int, Tensor] = field(default_factory=dict)

    def add(self, each: Hypothesis, parent: int) -> int:
        """A new one. Returns its number."""
        number = len(self.whole["id"])
        if each.parent is None:
            text = 0
        else:
            text = self.texts.add(self.whole["text"][parent], each.tokens, self.target)
        row = (each.id, each.step, each.token, parent, each.row, each.candidate)
        for name, value in zip(
            WHOLE_COLUMNS, (*row, each.finished, each.forced, each.sentence, text), strict=True
        ):
            self.whole[name].append(int(value))
        for name in NUMBER_COLUMNS:
            self.numbers[name].append(float(getattr(each, name)))
        if each.coverage is not None:
            self.coverage[number] = each.coverage
        return number

    def tensors(self) -> dict[str, Tensor]:
        """The columns."""
        whole = {name: torch.tensor(column, dtype=torch.int64) for name, column in self.whole.items()}
        numbers = {name: torch.tensor(column, dtype=torch.float64) for name, column in self.numbers.items()}
        return {**whole, **numbers}


class DecodeWriter:
    """One sentence: its branches, with what they share written once."""

    def __init__(
        self,
        timeline: Timeline,
        parts: Parts,
        texts: Texts,
        kept: Collection[str] | None,
        shown: Callable[[list[SettingPart]], int],
    ) -> None:
        """`kept` are the sites to keep, `None` for all; `shown` numbers a table of settings."""
        self._timeline = timeline
        self._shown = shown
        self._changed: list[bool] = []
        """Whether a person had changed settings by each step."""
        self._parts = parts
        self._kept = kept
        self._prefix = f"{timeline.sentence.index}."
        self._texts = texts
        self._hypotheses = _Hypotheses(texts, timeline.branches[0].plan.model.target)
        self._encoders: list[EncoderPart] = []
        self._steps: list[StepPart] = []
        self._known: list[Known] = []
        self._known_of_encoders: list[Known] = []
        self._numbers: dict[int, list[int]] = {}
        """The steps of each branch, by the branch's id."""

    def told(self) -> DecodePart:
        """Write every branch."""
        branches: list[BranchPart] = []
        encoders: dict[int, int] = {}
        for branch in self._timeline.branches:
            plan = branch.plan
            self._hypotheses.target = plan.model.target
            shared = self._shared(branch)
            if shared is not None and branch.parent is not None:
                encoder = encoders[branch.parent]
                steps = self._numbers[branch.parent][:shared]
            else:
                encoder, steps = self._encoder(plan, branch.encoder), []
            for record in branch.records[len(steps) :]:
                before = steps[-1] if steps else -1 - encoder
                steps.append(self._step(plan, record, before))
            encoders[branch.id], self._numbers[branch.id] = encoder, steps
            branches.append(
                BranchPart(
                    id=branch.id,
                    parent=branch.parent,
                    fork=branch.fork,
                    encoder=encoder,
                    steps=steps,
                    shown=self._shown(tell_shown(plan.settings_shown())),
                    name=branch.name,
                    text=None if branch.source is None else branch.source.text,
                    made_by=to_plain(branch.made_by),
                    error=None if branch.error is None else tell_error(branch.error),
                )
            )
        columns = {f"{self._prefix}hypotheses.{name}": v for name, v in self._hypotheses.tensors().items()}
        coverage = {f"{self._prefix}coverage.{n}": v for n, v in self._hypotheses.coverage.items()}
        return DecodePart(
            sentence=self._timeline.sentence.index,
            current=self._timeline.branch.id,
            part=self._parts.add({**columns, **coverage}),
            encoders=self._encoders,
            steps=self._steps,
            branches=branches,
            coverage=list(self._hypotheses.coverage),
        )

    def _shared(self, branch: Branch) -> int | None:
        """How many steps a branch has from its parent; `None` where not even the source was read alike."""
        parent = next((each for each in self._timeline.branches if each.id == branch.parent), None)
        if parent is None or parent.id not in self._numbers or branch.encoder is not parent.encoder:
            return None
        return max(0, branch.fork)

    def _encoder(self, plan: Plan, record: EncoderRecord) -> int:
        number = len(self._encoders)
        sources = [(record.source, record.sites), *record.others]
        tensors: dict[str, Tensor] = {}
        names: list[list[str]] = []
        for place, (_, sites) in enumerate(sources):
            kept = [name for name in sites if self._keeps(name)]
            names.append(kept)
            tensors |= {f"{self._prefix}encoder.{number}.{place}.{name}": sites[name] for name in kept}
        live = [self._hypotheses.add(each, ROOT) for each in record.after.live]
        self._known_of_encoders.append(
            {(e.id, e.step): n for e, n in zip(record.after.live, live, strict=True)}
        )
        target, reference = plan.model.target, self._timeline.sentence.reference
        added = self._texts.numbers(target)
        encoded = {reference: list(whole(target, reference))} if added and reference else {}
        self._encoders.append(
            EncoderPart(
                part=self._parts.add(tensors),
                sources=[tell_source(source) for source, _ in sources],
                sites=names,
                live=live,
                next_id=record.after.next_id,
                edits=to_plain(record.edits),
                added=added,
                encoded=encoded,
            )
        )
        return number

    def _step(self, plan: Plan, record: StepRecord, before: int) -> int:
        number = len(self._steps)
        known = self._known[before] if before >= 0 else self._known_of_encoders[-1 - before]
        live_before = self._steps[before].live if before >= 0 else self._encoders[-1 - before].live
        decided = len(record.decided)
        candidates = record.candidates
        prefix = f"{self._prefix}{number}."
        kept = [name for name in record.sites if self._keeps(name)]
        tensors = {f"{prefix}{name}": record.sites[name] for name in kept}
        tensors |= {f"{prefix}candidates.{name}": v for name, v in _arrays(candidates).items()}
        after = record.after
        now: dict[tuple[int, int], int] = {}
        for each in (*after.live, *after.finished):
            key = (each.id, each.step)
            if key not in now:  # one that finished before is carried on
                new = each.step == record.step
                now[key] = self._hypotheses.add(each, live_before[each.row]) if new else known[key]
        self._known.append(now)
        changed = any(isinstance(edit, SettingEdit) for edit in record.edits)
        self._changed.append(changed or (before >= 0 and self._changed[before]))
        self._steps.append(
            StepPart(
                part=self._parts.add(tensors),
                step=record.step,
                before=before,
                sites=kept,
                live=_numbers(now, after.live),
                finished=_numbers(now, after.finished),
                best=_best(plan, after, now),
                next_id=after.next_id,
                ended=after.ended,
                decided=decided,
                processors=[name for name, _ in candidates.processed],
                edits=to_plain(record.edits),
                shown=self._shown(tell_shown(plan.settings_shown(after))) if self._changed[-1] else None,
            )
        )
        return number

    def _keeps(self, site: str) -> bool:
        return self._kept is None or site in self._kept


def _numbers(known: Known, hypotheses: tuple[Hypothesis, ...]) -> list[int]:
    return [known[each.id, each.step] for each in hypotheses]


def _best(plan: Plan, after: Snapshot, known: Known) -> list[int]:
    return _numbers(known, plan.best(after)) if after.ended else []


def _arrays(candidates: Candidates) -> dict[str, Tensor]:
    columns = {name: torch.from_numpy(np.ascontiguousarray(getattr(candidates, name))) for name in ARRAYS}
    columns["length_term"] = torch.tensor([candidates.length_term], dtype=torch.float64)
    if candidates.processed:
        scores = np.stack([scores for _, scores in candidates.processed]).astype(np.float64)
        columns["processed"] = torch.from_numpy(scores)
    return columns
