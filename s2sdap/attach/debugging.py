"""`debug`: the block inside which calls of a model are shown to the client that has attached."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from s2sdap.vocabulary.errors import S2sdapError


@contextmanager
def debug(
    model: Any, tokenizer: Any = None, *, name: str | None = None, sites: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Show the calls of `model` inside the block to a client; without one they run as ever.

        with s2sdap.debug(model, tokenizer):
            model.generate(**inputs)

    A model of transformers is debugged in its `generate`, step by step. Any other `torch.nn.Module` is
    debugged in its calls, of one step each: its sites are the outputs of the submodules that `sites` names,
    and what its forward gives to `s2sdap.probe`. Afterwards the model is as before, and nothing is hooked.

    Args:
        model: the model; one that `torch.compile` has wrapped runs uncompiled while it is watched.
        tokenizer: its tokenizer or processor, for pieces and spans; of a module anything that names tokens.
        name: what the calls are called, for several models; by default the class.
        sites: submodules to sites, `{"decoder.attn": "attention.weights"}`. `"decoder.attn:1"` takes the
            second of the outputs, `"attention.weights KHTS"` names the axes. Makes any model a plain one.

    Raises:
        S2sdapError: `nothing_to_debug` or `bad_site_map`.
    """
    bare = unwrapped(model)
    if sites is None and _generates(bare):
        from s2sdap.attach.generating import Generating, generating  # noqa: PLC0415 - only now is it needed

        with generating(Generating(bare, tokenizer, name, compiled=_is_compiled(model))):
            yield
        return
    torch = sys.modules.get("torch")
    if torch is None or not isinstance(model, torch.nn.Module):
        raise S2sdapError("nothing_to_debug", type=type(model).__name__, reason="it is no torch.nn.Module")
    from s2sdap.attach.modules import ModuleCalls  # noqa: PLC0415

    with ModuleCalls(model, tokenizer, name, sites or {}).intercepted():
        yield


def unwrapped(model: Any) -> Any:
    """The model of transformers inside what compilers, adapters and data parallelism put around it."""
    while not _generates(model):
        adapted = getattr(model, "get_base_model", None)
        inner = getattr(model, "_orig_mod", None) or getattr(model, "module", None)
        inner = inner or (adapted() if callable(adapted) else None)
        if inner is None or inner is model:
            break
        model = inner
    return getattr(model, "_orig_mod", model)


def _is_compiled(model: Any) -> bool:
    return getattr(model, "_orig_mod", None) is not None


def _generates(model: Any) -> bool:
    """Whether it is a model that `generate` of transformers runs, told without importing that."""
    ours = (each for each in type(model).__mro__ if each.__name__ == "GenerationMixin")
    return any(each.__module__.startswith("transformers.") for each in ours)
