"""A module's forward, watched: hooks and probes keep what it computed, and put edits into it.

The first run only looks. An edit runs it again with the same arguments, from the same random state and
buffers. A site that comes several times in a run is shown, and edited, where it came last.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from s2sdap.attach.axes import checked_axes, in_our_order, site_named
from s2sdap.attach.probing import watched_by
from s2sdap.attach.site_map import Mapped, picked, with_picked
from s2sdap.decoding.edits import ENCODER_STEP, Edit, Recorder
from s2sdap.decoding.forward_plan import Passed
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.sites import Site
from s2sdap.vocabulary.stages import Stage

Place = tuple[str, int | None]
"""A site, and which of its layers."""


class Looking:
    """What looks at one run. Fulfils `probing.Watching`.

    Attributes:
        came: how often each place came.
        order: the stages in the order in which they came.
        problems: what could not be shown, by what was written, and why.
    """

    def __init__(self, edits: Sequence[Edit], rows: int, expected: Mapping[Place, int]) -> None:
        self.came: dict[Place, int] = {}
        self.order: list[Stage] = []
        self.problems: dict[str, str] = {}
        self._expected = expected
        first: dict[int | None, int] = {None: 0}
        of_encoder = [each for each in edits if each.step == ENCODER_STEP]
        of_step = [each for each in edits if each.step != ENCODER_STEP]
        self.encoder = Recorder(of_encoder, first | {row: row for row in range(rows)})
        self.step = Recorder(of_step, {row + 1: row for row in range(rows)})

    def probed(self, site: str, axes: str | None, value: Tensor) -> Tensor:
        """The tensor to go on with."""
        try:
            known = site_named(site)
            named = None if axes is None else checked_axes(axes, known)
        except ValueError as error:
            self.problems[f"probe({site!r})"] = str(error)
            return value
        return self.see(f"probe({site!r})", known, named, None, value)

    def hooked(self, mapped: Mapped, _module: nn.Module, _args: Any, output: Any) -> Any:
        """A forward hook: the output to go on with, `None` for the very same."""
        try:
            value = picked(output, mapped.pick)
        except LookupError as error:
            self.problems[mapped.written] = str(error)
            return None
        seen = self.see(mapped.written, mapped.site, mapped.axes, mapped.layer, value)
        return None if seen is value else with_picked(output, value, seen)

    def see(self, written: str, site: Site, axes: str | None, layer: int | None, value: Tensor) -> Tensor:
        """Keep a copy of `value`, which may be changed in place later; return it, edited if it is."""
        place = (site.name, layer)
        self.came[place] = came = self.came.get(place, 0) + 1
        if site.stage not in self.order:
            self.order.append(site.stage)
        if self._expected and came != self._expected.get(place, came):
            return value
        try:
            ours = in_our_order(value, site, axes, layered=layer is not None)
        except S2sdapError as error:
            self.problems[written] = error.what
            return value
        recorder = self.encoder if site.stage is Stage.ENCODER else self.step
        kept = ours.detach().clone(memory_format=torch.contiguous_format)
        edited = recorder(site.name, kept) if layer is None else recorder.part(site.name, layer, kept)
        if edited is kept:
            return value
        changed = value.clone()
        # What nobody changed stays part of its graph: in training an edit cuts off its own gradient alone.
        mixed = torch.where(edited == kept, ours, edited)
        in_our_order(changed, site, axes, layered=layer is not None).copy_(mixed)
        return changed


class WatchedForward:
    """A call of a module that can be made again, with edits. Fulfils `forward_plan.Forward`."""

    def __init__(
        self, module: nn.Module, mapped: Sequence[Mapped], call: Callable[[], Any], device: torch.device
    ) -> None:
        self._module = module
        self._mapped = mapped
        self._call = call
        self._luck = _Luck(device)
        self._buffers = [(buffer, buffer.detach().clone()) for buffer in module.buffers()]
        self._ran_again = False
        self.looked = Looking((), 0, {})
        self.rows = 0
        self.first = self._run(self.looked)
        self._came = dict(self.looked.came)
        self._kept: dict[int, tuple[Passed, _Luck, list[Tensor]]] = {}
        self._keep(self.first)

    def __call__(self, edits: Sequence[Edit], /) -> Passed:
        """The run with these edits. Raises where one of them does not fit, and leaves all as it was."""
        self._ran_again = True
        before = self._state()
        self._put_back(self._luck, [value for _, value in self._buffers])
        looking = Looking(edits, self.rows, self._came)
        try:
            passed = self._run(looking)
            looking.encoder.check_consumed()
            looking.step.check_consumed()
        except BaseException:
            self._put_back(*before)
            raise
        self._keep(passed)
        return passed

    def settle(self, passed: Passed) -> Any:
        """Leave the process as `passed` left it, and return what it returned."""
        if self._ran_again:
            _, luck, buffers = self._kept[id(passed)]
            self._put_back(luck, buffers)
        return passed.value

    def _run(self, looking: Looking) -> Passed:
        with ExitStack() as hooks, watched_by(looking):
            for mapped in self._mapped:
                handle = mapped.module.register_forward_hook(partial(looking.hooked, mapped))
                hooks.callback(handle.remove)
            value = self._call()
        for recorder in (looking.encoder, looking.step):
            recorder.gather()
        whole = Passed(value, dict(looking.encoder.sites), dict(looking.step.sites))
        if self.rows == 0:
            self.rows = _rows(whole)
        return Passed(value, whole.read, _of_rows(whole.sites, self.rows, looking.problems))

    def _keep(self, passed: Passed) -> None:
        luck, buffers = self._state()
        self._kept[id(passed)] = (passed, luck, buffers)

    def _state(self) -> "tuple[_Luck, list[Tensor]]":
        return _Luck(self._luck.device), [buffer.detach().clone() for buffer, _ in self._buffers]

    def _put_back(self, luck: "_Luck", buffers: Sequence[Tensor]) -> None:
        luck.restore()
        with torch.no_grad():
            for (buffer, _), value in zip(self._buffers, buffers, strict=True):
                if not torch.equal(buffer, value):  # what need not change may be part of somebody's graph
                    buffer.copy_(value)


class _Luck:
    """The state of the random number generators that a forward draws from: the CPU's and its device's."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._cpu = torch.get_rng_state()
        self._own = None if device.type == "cpu" else torch.get_device_module(device).get_rng_state(device)

    def restore(self) -> None:
        torch.set_rng_state(self._cpu)
        if self._own is not None:
            torch.get_device_module(self.device).set_rng_state(self._own, self.device)


@contextmanager
def eagerly(compiled: bool) -> Iterator[None]:
    """Run uncompiled inside, where something is compiled: compiled code calls no hooks."""
    if not compiled:
        yield
        return
    with torch.compiler.set_stance("force_eager"):
        yield


def _rows(passed: Passed) -> int:
    """How many rows the step has: those of its logits, or of the site that came last."""
    logits = passed.sites.get(sites.PREDICTION_LOGITS)
    if logits is not None:
        return len(logits)
    values = [*passed.read.values(), *passed.sites.values()]
    return len(values[-1]) if values else 0


def _of_rows(values: Mapping[str, Tensor], rows: int, problems: dict[str, str]) -> dict[str, Tensor]:
    """The sites that have that many rows; a row of another site would be another sentence's."""
    for name, value in values.items():
        if len(value) != rows:
            problems[name] = f"it has {len(value)} rows, and the step has {rows}"
    return {name: value for name, value in values.items() if len(value) == rows}
