"""Debugging the calls of somebody's own module: each is a program of one step.

The call is intercepted at the instance, where `module(...)` looks whether it has been compiled; while nobody
is attached it goes straight on. Hooks are in place only while a debugged call runs.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Final, cast

from torch import nn

from s2sdap.attach.module_face import ModuleFace, device_of, sources_of
from s2sdap.attach.module_run import WatchedForward, eagerly
from s2sdap.attach.process import HERE
from s2sdap.attach.site_map import mapped_sites
from s2sdap.attach.stepped import stepped
from s2sdap.decoding.forward_plan import ForwardPlan, Passed
from s2sdap.decoding.plan import SettingShown
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.stages import Stage

if TYPE_CHECKING:
    from s2sdap.dap.adapter import Adapter
    from s2sdap.models.contract import Described

_CALL: Final = "_compiled_call_impl"
"""What `nn.Module.__call__` calls in its own place; saving and copying a module leaves it out."""
_lock: Final = threading.Lock()


class ModuleCalls:
    """The calls of one module. `intercepted` is the block in which they are debugged."""

    def __init__(
        self, module: nn.Module, tokenizer: Any, name: str | None, written: Mapping[str, str]
    ) -> None:
        self._outer = module
        self._module: nn.Module = getattr(module, "_orig_mod", module)
        self._tokenizer = tokenizer
        self._name = name or type(self._module).__name__
        self._mapped = mapped_sites(self._module, written)
        self._told: set[str] = set()
        self._wrapped = False

    @contextmanager
    def intercepted(self) -> Iterator[None]:
        """Debug the module's calls inside; afterwards it is as it was before."""
        own = vars(self._outer)
        with _lock:
            installed: Any = own.get(_CALL)
            blocks = installed.args[0] if _is_ours(installed) else _Blocks(_CALL not in own, installed)
            self._wrapped = self._outer is not self._module or blocks.before is not None
            blocks.open.append(self)
            own[_CALL] = partial(_newest, blocks, blocks.before or self._outer._call_impl)
        try:
            yield
        finally:
            with _lock:  # blocks of several threads may close in any order
                blocks.open.remove(self)
                if not blocks.open and blocks.absent:
                    own.pop(_CALL, None)
                elif not blocks.open:
                    own[_CALL] = blocks.before

    def _call(self, plain: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if HERE.client is None or HERE.inside:
            return plain(*args, **kwargs)
        with HERE.turn() as client:
            if client is None:  # it has left while we waited
                return plain(*args, **kwargs)
            with eagerly(self._compiled):
                return self._debugged(client, partial(plain, *args, **kwargs), (*args, *kwargs.values()))

    @property
    def _compiled(self) -> bool:
        """Whether anything in it is compiled, other than by us."""
        if self._wrapped:
            return True
        calls = (vars(each).get(_CALL) for each in self._module.modules())
        return any(call is not None and not _is_ours(call) for call in calls) or any(
            hasattr(each.forward, "_torchdynamo_orig_callable") for each in self._module.modules()
        )

    def _debugged(self, client: "Adapter", call: Callable[[], Any], arguments: tuple[Any, ...]) -> Any:
        title = f"call {HERE.next_number()} of {self._name}"
        try:
            forward = WatchedForward(self._module, self._mapped, call, device_of(self._module))
        except Exception as error:
            HERE.tell(client, f"{title} raised {type(error).__name__}: {error}", "stderr")
            raise
        looked, passed, rows = forward.looked, forward.first, forward.rows
        self._tell(
            client, looked.problems, {site: times for (site, _), times in looked.came.items() if times > 1}
        )
        if not passed.read and not passed.sites:
            HERE.tell(client, f"{title} runs undebugged: none of its sites came by.")
            return passed.value
        face = ModuleFace(self._module, self._name, self._tokenizer, passed, _stages(looked.order, passed))
        plan = ForwardPlan(
            model=cast("Described", face),
            sources=sources_of(arguments, passed, rows, face.target),
            first=passed,
            forward=forward,
            shown=self._settings(),
        )
        title += f": {rows} row{'s' if rows > 1 else ''}"
        timeline = stepped(HERE, client, plan, plan.begin(), [each.text for each in plan.sources], title)
        last: Passed = timeline.branch.tip.state
        return forward.settle(last)

    def _settings(self) -> tuple[SettingShown, ...]:
        return tuple(SettingShown(each.written, each.site.name, "sites") for each in self._mapped)

    def _tell(self, client: "Adapter", problems: Mapping[str, str], several: Mapping[str, int]) -> None:
        """What the client should know of this module, each thing once."""
        compiled = {"compiled": "it is compiled, and compiled code shows nothing: watched calls run eagerly"}
        told = {
            "calls": "each call is one step; stepping back stays within it, and watch rules, which look at "
            "what search has chosen, do not stop it",
            **(compiled if self._compiled else {}),
            **{site: f"{site} comes {times} times; the last is shown" for site, times in several.items()},
            **{written: f"{written} is not shown: {why}" for written, why in problems.items()},
        }
        for what, text in told.items():
            if what not in self._told:
                self._told.add(what)
                HERE.tell(client, f"{self._name}: {text}.", "important" if what in problems else "console")


@dataclass(slots=True, eq=False)
class _Blocks:
    """The open blocks of one module, and what stood in the place where its calls are intercepted."""

    absent: bool
    before: Callable[..., Any] | None
    open: list[ModuleCalls] = field(default_factory=list)


def _newest(blocks: _Blocks, plain: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """A call of the module, debugged by the block that was opened last."""
    newest = blocks.open[-1:]
    return newest[0]._call(plain, *args, **kwargs) if newest else plain(*args, **kwargs)


def _is_ours(call: Any) -> bool:
    return isinstance(call, partial) and call.func is _newest


def _stages(order: list[Stage], passed: Passed) -> tuple[Stage, ...]:
    """The stages that have something to show, in the order in which they were computed.

    Where there is but an encoder, the rest of the forward goes by the decoder's name.
    """
    shown = {sites.SITES[name].stage for name in (*passed.read, *passed.sites)}
    stages = tuple(stage for stage in order if stage in shown)
    return stages if passed.sites else (*stages, Stage.DECODER)
