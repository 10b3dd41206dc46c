"""Attention that asks transformers' interface for its implementation: a name of our own stands in between.

The modules on show see their config through a view that names an implementation of ours: it runs the one
that the config names and then lets others look at the call. Masks are made, and all other modules run, by
the config itself, which nobody touches.
"""

import threading
from collections.abc import Callable
from typing import Any, Final

from torch import Tensor, nn
from transformers import AttentionInterface

from s2sdap.models.huggingface.taps.anatomy import forward_of

__all__ = ["ConfigView", "Implementation", "Seen", "attach", "detach"]

Seen = Callable[..., tuple[Tensor, Tensor | None]]
"""Looks at a call: `(module, base, eager, result, query, key, value, mask, arguments) -> result`."""


class Implementation(str):
    """Our name for a base implementation. It equals the base's name, so that models that ask still know it.

    Only its hash differs, and with it what a table of implementations finds.
    """

    __slots__ = ("base",)
    base: str

    def __new__(cls, base: str) -> "Implementation":
        """Our name for `base`."""
        name = super().__new__(cls, f"s2sdap:{base}")
        name.base = base
        return name

    def __eq__(self, other: object) -> bool:
        return self is other or self.base == other or str.__eq__(self, other) is True

    def __ne__(self, other: object) -> bool:
        return not (self is other or self.base == other or str.__eq__(self, other) is True)

    __hash__ = str.__hash__


class ConfigView:
    """A config as an attention on show sees it: with our name, and all else as it is at the moment.

    A copy or pickle of it is the config itself.
    """

    def __init__(self, config: Any) -> None:
        self._config = config
        self._attn_implementation = _registered(config._attn_implementation or "eager")

    def __getattr__(self, name: str) -> Any:
        return getattr(self.__dict__["_config"], name)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return _itself, (self._config,)


def _itself(config: Any) -> Any:
    return config


def _registered(base: str) -> Implementation:
    """Our name for `base`, made known to the interface. Names stay known: they are harmless and few."""
    name = Implementation(base)
    if name not in AttentionInterface._global_mapping:
        AttentionInterface.register(name, _looking(base))
    return name


_lock: Final = threading.RLock()
_seen_by: Final[dict[int, tuple[Seen, ...]]] = {}
"""What looks at which module, by its id: whoever attaches keeps the module alive."""


def _looking(base: str) -> Callable[..., Any]:
    """The function of our name for `base`: runs it, then lets those look who are attached to the module."""
    known: dict[type[nn.Module], tuple[Callable[..., Any], Callable[..., Any]]] = {}

    def attention(
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Any = None,
        *further: Any,
        **arguments: Any,
    ) -> Any:
        functions = known.get(type(module))
        if functions is None:  # as the module's own forward would find them
            names = forward_of(module).__globals__
            eager = names["eager_attention_forward"]
            functions = names["ALL_ATTENTION_FUNCTIONS"].get_interface(base, eager), eager
            known[type(module)] = functions
        run, eager = functions
        result = run(module, query, key, value, attention_mask, *further, **arguments)
        for seen in _seen_by.get(id(module), ()):
            result = seen(module, base, eager, result, query, key, value, attention_mask, arguments)
        return result

    return attention


def attach(module: nn.Module, seen: Seen) -> None:
    """Let `seen` look at every attention of the module; `detach` undoes it."""
    with _lock:
        before = _seen_by.get(id(module), ())
        if not before:
            module.__dict__["config"] = ConfigView(module.config)
        _seen_by[id(module)] = (*before, seen)


def detach(module: nn.Module, seen: Seen) -> None:
    """Undo one `attach`; after the last one the module has its own config again."""
    with _lock:
        rest = tuple(other for other in _seen_by.pop(id(module)) if other is not seen)
        if rest:
            _seen_by[id(module)] = rest
        elif isinstance(module.config, ConfigView):
            module.__dict__["config"] = module.config._config
