"""What a session keeps of the steps it has run, within a budget of bytes.

Beyond the budget the steps that were computed longest ago let go of their tensors: sites, and the
model's state after them. Hypotheses, candidates and edits stay; what tensors the hypotheses hold is
counted. A step is a pure function of (snapshot, edits), so whoever looks gets the tensors again, bit for
bit, from the nearest state that is still there; every `STRIDE`-th state goes last, and of those the ones
in between first.
"""

import dataclasses
import functools
import threading
import weakref
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from s2sdap.decoding.edits import Edit
from s2sdap.decoding.named_sites import NamedSites
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord

DEFAULT_BUDGET: Final = 256 * 1024 * 1024
"""Bytes of records that a session keeps."""
MINIMUM_BUDGET: Final = 1024 * 1024
"""A budget that is smaller is taken for this: below it, every look would run steps again."""
STRIDE: Final = 16
"""Steps from one state that is kept longer to the next."""
_GONE: Final = object()
_NO_MEMORY: Final = (str, bytes, int, float, type, nn.Module, Hypothesis)
"""What is no tensor and points at none that a step would keep alive."""


class KeptSites(NamedSites):
    """The sites of a step, at hand or computed again, and all that this takes: how the step was run.

    `state` is the model's after the step. `site_bytes` and `state_bytes` are its own at hand, without what
    it shares with the state that it began from; `counted` says that they are no guess.
    """

    site_bytes: int
    state_bytes: int

    __slots__ = (
        "__weakref__",
        "anchor",
        "before",
        "counted",
        "edits",
        "encoder",
        "keeper",
        "number",
        "plan",
        "site_bytes",
        "sites",
        "state",
        "state_bytes",
        "stays",
    )

    def __init__(self, keeper: "Keeper", plan: Plan, encoder: EncoderRecord, record: StepRecord) -> None:
        self.keeper = keeper
        self.plan = plan
        self.encoder = encoder
        self.before = record.before
        self.edits: tuple[Edit, ...] = record.edits
        self.number = number = record.step
        self.anchor = (number + 1) % STRIDE == 0
        """Whether its state goes last."""
        self._names = tuple(record.sites)
        self.sites: Mapping[str, Tensor] | None = record.sites
        self.state: Any = record.after.state
        self.counted = False
        self.stays = 0

    def __del__(self) -> None:
        keeper = self.keeper
        keeper.forget(self)
        keeper.held -= self.stays

    @property
    def previous(self) -> "KeptSites | None":
        """The step that led to where this one began; `None` at the encoder, whose state always stays."""
        return self.before.step_before if isinstance(self.before, KeptSnapshot) else None

    @property
    def held(self) -> Mapping[str, Tensor]:
        """Those at hand."""
        return self.sites or {}

    def __getitem__(self, name: str) -> Tensor:
        at_hand = self.sites
        if at_hand is not None:
            return at_hand[name]
        if name not in self._names:
            raise KeyError(name)
        return self.keeper.sites_of(self)[name]

    def get(self, name: str, default: Any = None, /) -> Any:
        """The tensor at a site, or `default` where there is none."""
        at_hand = self.sites
        return super().get(name, default) if at_hand is None else at_hand.get(name, default)


class KeptSnapshot(Snapshot):
    """A snapshot whose state is at hand, or computed again by the step that led to it."""

    __slots__ = ("step_before",)
    step_before: KeptSites

    def __init__(self, snapshot: Snapshot, step: KeptSites) -> None:
        put = object.__setattr__
        put(self, "step", snapshot.step)
        put(self, "live", snapshot.live)
        put(self, "finished", snapshot.finished)
        put(self, "next_id", snapshot.next_id)
        put(self, "ended", snapshot.ended)
        put(self, "settings", snapshot.settings)
        put(self, "step_before", step)

    @property
    def state(self) -> Any:
        """The model's state."""
        step = self.step_before
        return step.keeper.state_of(step) if step.state is _GONE else step.state


class Keeper:
    """Keeps the tensors of steps within `budget` bytes; the last step that was run or read always stays.

    Reading may come from another thread than running: one lock lets only one of them run a step.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self.held = 0
        """Bytes at hand."""
        self._anchored = 0
        self._lock = threading.RLock()
        self._steps: dict[int, weakref.ref[KeptSites]] = {}
        """Those that have anything at hand, in the order in which they came to it."""
        self._sentence: EncoderRecord | None = None
        self._guessed = 0
        self._a_row: tuple[int, int, int] | None = None
        """Bytes that a row of a step is guessed to take: sites, state, and what hypotheses hold."""
        self._like: dict[tuple[int, ...], tuple[int, int, int]] = {}
        """The same of the last step of each `_kind` that was counted."""

    def run(
        self, plan: Plan, encoder: EncoderRecord, before: Snapshot, edits: tuple[Edit, ...]
    ) -> StepRecord:
        """One step, kept. A plan whose records keep little by themselves is left to it."""
        with self._lock:
            record = plan.step(encoder, before, edits)
            if hasattr(record.sites, "held"):
                return record
            step = KeptSites(self, plan, encoder, record)
            step.stays = self._take(step, record)
            self.held += step.stays
            if self.held > self.budget * 3 // 4:
                self._thin(step)
            after = KeptSnapshot(record.after, step)
            return StepRecord(
                record.step, record.before, step, record.search, after, record.edits, record.failed
            )

    @property
    def filling(self) -> bool:
        """Whether half of the budget is used."""
        return self.held > self.budget // 2

    def sites_of(self, step: KeptSites) -> Mapping[str, Tensor]:
        """The sites of a step."""
        found = step.sites
        if found is None:
            with self._lock:
                self._again(step, whole=True)
                found = step.sites
        if found is None:
            raise AssertionError("a step that was run has no sites")
        return found

    def state_of(self, step: KeptSites) -> Any:
        """The state after a step."""
        found = step.state
        if found is _GONE:
            with self._lock:
                self._again(step, whole=False)
                found = step.state
        return found

    def _again(self, wanted: KeptSites, *, whole: bool) -> None:
        """Run a step again, and before it those that lead to it from the nearest state that is there."""
        if wanted.state is not _GONE and not (whole and wanted.sites is None):
            return  # another thread has been here
        way = [wanted]
        while (previous := way[-1].previous) is not None and previous.state is _GONE:
            way.append(previous)
        for step in reversed(way):
            record = step.plan.step(step.encoder, step.before, step.edits)
            self.forget(step)
            step.sites, step.state = record.sites, record.after.state
            self._take(step, record)
            if self.held > self.budget * 3 // 4:
                self._thin(step)

    def _take(self, step: KeptSites, record: StepRecord) -> int:
        """Hold what a step has at hand; returns the bytes of what the hypotheses that it has made hold.

        Those of the first of a sentence and of every `STRIDE`-th after it are counted, unless one of that
        kind was before; those of the others are guessed from their rows. While the budget is far, that is
        all it costs; `_thin` counts the others before anything goes.
        """
        if self._sentence is not step.encoder:
            self._sentence, self._guessed = step.encoder, 0
            self._a_row = self._like.get(_kind(step))
        rows, rows_after = len(record.before.live), len(record.after.live) or 1
        if self._a_row is not None and self._guessed < STRIDE:
            self._guessed += 1
            site, state, stay = self._a_row
            step.site_bytes, step.state_bytes, stays = rows * site, rows_after * state, rows * stay
            step.counted = False
        else:
            _count(step)
            stays = _held_by_children(record)
            self._a_row = -(-step.site_bytes // rows), -(-step.state_bytes // rows_after), -(-stays // rows)
            self._like[_kind(step)] = self._a_row
            self._guessed = 0
        self._hold(step)
        return stays

    def _hold(self, step: KeptSites) -> None:
        self._steps[id(step)] = weakref.ref(step)
        self.held += step.site_bytes + step.state_bytes
        if step.anchor:
            self._anchored += step.state_bytes

    def forget(self, step: KeptSites) -> None:
        """A step has nothing at hand any more."""
        if self._steps.pop(id(step), None) is not None:
            self.held -= step.site_bytes + step.state_bytes
            if step.anchor:
                self._anchored -= step.state_bytes

    def _at_hand(self) -> list[KeptSites]:
        return [step for step in [alive() for alive in list(self._steps.values())] if step is not None]

    def _thin(self, last: KeptSites) -> None:
        """Let go until the rest is well within the budget; `last` and what it began from stay."""
        for step in self._at_hand():
            began = step.previous
            if not step.counted and step.sites is not None and (began is None or began.state is not _GONE):
                self.forget(step)
                _count(step)
                self._hold(step)
        if self.held <= self.budget:
            return
        goal = self.budget * 7 // 8
        before = last.previous
        anchors: list[KeptSites] = []
        for step in self._at_hand():
            if step is last or step is before:
                continue
            if step.anchor:
                anchors.append(step)
                step.sites = None
                self.held -= step.site_bytes
                step.site_bytes = 0
            elif self.held > goal:
                self._drop(step)
        anchors.sort(key=lambda step: (step.number + 1) & -(step.number + 1))
        for step in anchors:
            if self.held > goal or self._anchored > goal // 2:
                self._drop(step)

    def _drop(self, step: KeptSites) -> None:
        step.sites, step.state = None, _GONE
        self.forget(step)


def _kind(step: KeptSites) -> tuple[int, ...]:
    """What the bytes of a row of a step come from, under one model: where it is, how long its sources are."""
    sources = (step.encoder.source, *(source for source, _ in step.encoder.others))
    return (step.number // STRIDE, *(len(source.tokens) for source in sources))


def _count(step: KeptSites) -> None:
    """Count the bytes of what a step has at hand."""
    step.site_bytes, step.state_bytes = _bytes_of(step.held, step.state, step.before.state)
    step.counted = True


def _held_by_children(record: StepRecord) -> int:
    """Bytes of what the hypotheses that a step has made hold, for as long as it is remembered."""
    found: dict[int, int] = {}
    last: Tensor | None = None
    for each in (*record.after.live, *record.after.finished):
        if each.step != record.step:
            continue
        for tensor in (each.attended, each.coverage):
            if tensor is not None and tensor is not last:  # what all of them share comes once
                storage = tensor.untyped_storage()
                found[storage.data_ptr()] = storage.nbytes()
                last = tensor
    return sum(found.values())


def _bytes_of(sites: Mapping[str, Tensor], after: Any, before: Any) -> tuple[int, int]:
    known, state, shown = _storages(before), _storages(after), _storages(sites)
    state_bytes = sum(size for key, size in state.items() if key not in known)
    return sum(size for key, size in shown.items() if key not in known and key not in state), state_bytes


def _storages(value: Any) -> dict[int, int]:
    """The memory that a value keeps alive: where it is, and its bytes; a view keeps all that it looks at."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, torch.Tensor):
            storage = each.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
            continue
        if each is None or isinstance(each, _NO_MEMORY):
            continue
        if isinstance(each, np.ndarray):
            found[each.ctypes.data] = each.nbytes
            continue
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, (tuple, list, set, frozenset)):
            stack.extend(each)
        elif isinstance(each, (dict, Mapping)):  # the first is sooner told
            stack.extend(each.values())
        elif dataclasses.is_dataclass(each):
            stack.extend(getattr(each, name) for name in _fields_of(each.__class__))
        else:
            stack.extend(getattr(each, "__dict__", {}).values())
    return found


@functools.lru_cache(maxsize=256)
def _fields_of(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))
