"""What a session keeps of the steps it has run, within a budget of bytes.

Beyond the budget the steps that were computed longest ago let go of their tensors: sites, and the
model's state after them. Hypotheses, candidates and edits stay; what tensors the hypotheses hold is
counted. A step is a pure function of (snapshot, edits), so whoever looks gets the tensors again, bit for
bit, from the nearest state that is still there; every `STRIDE`-th state goes last, and of those the ones
in between first.
"""

import dataclasses
import threading
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from s2sdap.decoding.edits import Edit
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import EncoderRecord, Hypothesis, Snapshot, StepRecord

DEFAULT_BUDGET: Final = 256 * 1024 * 1024
"""Bytes of records that a session keeps."""
MINIMUM_BUDGET: Final = 1024 * 1024
"""A budget that is smaller is taken for this: below it, every look would run steps again."""
STRIDE: Final = 16
"""Steps from one state that is kept longer to the next."""
_GONE: Final = object()
_BESIDE_STATE: Final = tuple(each.name for each in dataclasses.fields(Snapshot) if each.name != "state")


class _Step:
    """How a step was run, and what is at hand of what it computed."""

    __slots__ = (
        "__weakref__",
        "before",
        "edits",
        "encoder",
        "keeper",
        "number",
        "plan",
        "sites",
        "state",
        "stays",
    )

    def __init__(self, keeper: "Keeper", plan: Plan, encoder: EncoderRecord, record: StepRecord) -> None:
        self.keeper = keeper
        self.plan = plan
        self.encoder = encoder
        self.before = record.before
        self.edits: tuple[Edit, ...] = record.edits
        self.number = record.step
        self.sites: Mapping[str, Tensor] | None = None
        self.state: Any = _GONE
        self.stays = _held_by_children(record)

    def __del__(self) -> None:
        self.keeper.held -= self.stays

    @property
    def anchor(self) -> bool:
        """Whether its state goes last."""
        return (self.number + 1) % STRIDE == 0

    @property
    def previous(self) -> "_Step | None":
        """The step that led to where this one began; `None` at the encoder, whose state always stays."""
        return self.before.step_before if isinstance(self.before, KeptSnapshot) else None


@dataclasses.dataclass(slots=True, eq=False)
class _Held:
    """What a step has at hand, in bytes; what it shares with the state it began from is not its own."""

    step: weakref.ref[_Step]
    anchor: bool
    sites: int
    state: int
    counted: bool


class KeptSites(Mapping[str, Tensor]):
    """The sites of a step, at hand or computed again."""

    __slots__ = ("_names", "_step")

    def __init__(self, step: _Step, names: tuple[str, ...]) -> None:
        self._step = step
        self._names = names

    @property
    def held(self) -> Mapping[str, Tensor]:
        """Those at hand."""
        return self._step.sites or {}

    def __getitem__(self, name: str) -> Tensor:
        at_hand = self._step.sites
        if at_hand is not None:
            return at_hand[name]
        if name not in self._names:
            raise KeyError(name)
        return self._step.keeper.sites_of(self._step)[name]

    def get(self, name: str, default: Any = None, /) -> Any:
        """The tensor at a site, or `default` where there is none."""
        at_hand = self._step.sites
        return super().get(name, default) if at_hand is None else at_hand.get(name, default)

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class KeptSnapshot(Snapshot):
    """A snapshot whose state is at hand, or computed again by the step that led to it."""

    __slots__ = ("step_before",)
    step_before: _Step

    def __init__(self, snapshot: Snapshot, step: _Step) -> None:
        for name in _BESIDE_STATE:
            object.__setattr__(self, name, getattr(snapshot, name))
        object.__setattr__(self, "step_before", step)

    @property
    def state(self) -> Any:
        """The model's state."""
        return self.step_before.keeper.state_of(self.step_before)


class Keeper:
    """Keeps the tensors of steps within `budget` bytes; the last step that was run or read always stays.

    Reading may come from another thread than running: one lock lets only one of them run a step.
    """

    def __init__(self, budget: int = DEFAULT_BUDGET) -> None:
        self.budget = budget
        self.held = 0
        """Bytes at hand."""
        self._anchored = 0
        self._since_counted = 0
        self._share = 1.0
        self._state = 0
        self._lock = threading.RLock()
        self._held: dict[int, _Held] = {}

    def run(
        self, plan: Plan, encoder: EncoderRecord, before: Snapshot, edits: tuple[Edit, ...]
    ) -> StepRecord:
        """One step, kept. A plan whose records keep little by themselves is left to it."""
        with self._lock:
            record = plan.step(encoder, before, edits)
            if hasattr(record.sites, "held"):
                return record
            step = _Step(self, plan, encoder, record)
            self.held += step.stays
            self._take(step, record, before.state)
            self._thin(step)
            sites = KeptSites(step, tuple(record.sites))
            after = KeptSnapshot(record.after, step)
            return StepRecord(
                record.step, record.before, sites, record.search, after, record.edits, record.failed
            )

    def sites_of(self, step: _Step) -> Mapping[str, Tensor]:
        """The sites of a step."""
        found = step.sites
        if found is None:
            with self._lock:
                self._again(step, whole=True)
                found = step.sites
        if found is None:
            raise AssertionError("a step that was run has no sites")
        return found

    def state_of(self, step: _Step) -> Any:
        """The state after a step."""
        found = step.state
        if found is _GONE:
            with self._lock:
                self._again(step, whole=False)
                found = step.state
        return found

    def _again(self, wanted: _Step, *, whole: bool) -> None:
        """Run a step again, and before it those that lead to it from the nearest state that is there."""
        if wanted.state is not _GONE and not (whole and wanted.sites is None):
            return  # another thread has been here
        way = [wanted]
        while (previous := way[-1].previous) is not None and previous.state is _GONE:
            way.append(previous)
        for step in reversed(way):
            before = step.before.state
            self._take(step, step.plan.step(step.encoder, step.before, step.edits), before)
            self._thin(step)

    def _take(self, step: _Step, record: StepRecord, before: Any) -> None:
        """Keep what a step computed. Its bytes are counted exactly every `STRIDE` steps, and guessed between.

        While the budget is far, that is all it costs; `_thin` counts the others before anything goes.
        """
        step.sites, step.state = record.sites, record.after.state
        plain = sum(site.nbytes for site in record.sites.values())
        counted = self._since_counted % STRIDE == 0
        self._since_counted += 1
        if counted:
            site_bytes, self._state = _own_bytes(record, before)
            self._share = site_bytes / plain if plain else 1.0
        else:
            site_bytes = int(plain * self._share)
        key = id(step)
        self._forget(key)
        alive = weakref.ref(step, lambda _gone: self._forget(key))
        self._hold(key, _Held(alive, step.anchor, site_bytes, self._state, counted))

    def _hold(self, key: int, held: _Held) -> None:
        self._held[key] = held
        self.held += held.sites + held.state
        self._anchored += held.state if held.anchor else 0

    def _count(self) -> None:
        """Count what was guessed."""
        for key, held in list(self._held.items()):
            step = held.step()
            if held.counted or step is None or step.sites is None or step.state is _GONE:
                continue
            before = step.before
            if isinstance(before, KeptSnapshot) and before.step_before.state is _GONE:
                continue
            sites, state = _bytes_of(step.sites, step.state, before.state)
            self._forget(key)
            self._hold(key, _Held(held.step, held.anchor, sites, state, counted=True))

    def _thin(self, last: _Step) -> None:
        """Let go until the rest is well within the budget; `last` and what it began from stay."""
        if self.held <= self.budget * 3 // 4:
            return
        self._count()
        if self.held <= self.budget:
            return
        goal = self.budget * 7 // 8
        stay = {id(last), id(last.previous)}
        anchors: list[_Step] = []
        for key, held in list(self._held.items()):
            step = held.step()
            if step is None or key in stay:
                continue
            if held.anchor:
                anchors.append(step)
                step.sites = None
                self.held -= held.sites
                held.sites = 0
            elif self.held > goal:
                self._drop(step)
        anchors.sort(key=lambda step: (step.number + 1) & -(step.number + 1))
        for step in anchors:
            if self.held > goal or self._anchored > goal // 2:
                self._drop(step)

    def _drop(self, step: _Step) -> None:
        step.sites, step.state = None, _GONE
        self._forget(id(step))

    def _forget(self, key: int) -> None:
        held = self._held.pop(key, None)
        if held is not None:
            self.held -= held.sites + held.state
            self._anchored -= held.state if held.anchor else 0


def _held_by_children(record: StepRecord) -> int:
    """Bytes of what the hypotheses that a step has made hold, for as long as it is remembered."""
    children = (each for each in (*record.after.live, *record.after.finished) if each.step == record.step)
    held = (tensor for each in children for tensor in (each.attended, each.coverage) if tensor is not None)
    storages = (tensor.untyped_storage() for tensor in held)
    return sum({each.data_ptr(): each.nbytes() for each in storages}.values())


def _own_bytes(record: StepRecord, before: Any) -> tuple[int, int]:
    """Bytes of a step's sites, and of the state after it, that are not shared with the state before."""
    return _bytes_of(record.sites, record.after.state, before)


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
        if each is None or isinstance(each, (str, bytes, int, float, type, nn.Module, Hypothesis)):
            continue
        if isinstance(each, torch.Tensor):
            storage = each.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
            continue
        if isinstance(each, np.ndarray):
            found[each.ctypes.data] = each.nbytes
            continue
        if id(each) in seen:
            continue
        seen.add(id(each))
        if isinstance(each, Mapping):
            stack.extend(each.values())
        elif isinstance(each, (tuple, list, set, frozenset)):
            stack.extend(each)
        elif dataclasses.is_dataclass(each):
            stack.extend(getattr(each, field.name) for field in dataclasses.fields(each))
        else:
            stack.extend(getattr(each, "__dict__", {}).values())
    return found
