"""From what a person writes to a model: a bundled name, a checkpoint folder, or `scheme:rest`.

A scheme is an entry point of the group `s2sdap.models`: a function of the rest and the device, and of
`LoadOptions` where it takes a third argument. No tensor library is imported before a model is loaded.
"""

import inspect
import os
import re
from collections.abc import Callable
from dataclasses import dataclass, fields
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import msgspec

from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    import torch

    from s2sdap.models.contract import GeneratingModel, Model

ENTRY_POINT_GROUP: Final = "s2sdap.models"
_BUNDLED: Final = Path(__file__).parent / "bundled"
_SCHEME: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9_-]+):(?P<rest>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How a model's folder is read, beyond where it is. A family that knows none of it refuses all of it.

    Attributes:
        dtype: the type of the weights in memory, as torch writes it, or "auto" for the one on disk.
        revision: branch, tag or commit of a model on the hub.
        trust_remote_code: whether Python code that lies beside the weights may run.
    """

    dtype: str | None = None
    revision: str | None = None
    trust_remote_code: bool = False

    def given(self) -> tuple[str, ...]:
        """The options that are not their default, as a launch writes them."""
        kinds = ((field.name, field.default) for field in fields(self))
        return tuple(_LAUNCH_NAMES[name] for name, default in kinds if getattr(self, name) != default)


_LAUNCH_NAMES: Final = {"dtype": "dtype", "revision": "revision", "trust_remote_code": "trustRemoteCode"}


def bundled_models() -> tuple[str, ...]:
    """The names of the models inside this package, sorted."""
    return tuple(sorted(folder.parent.name for folder in _BUNDLED.glob("*/config.json")))


def own_folder(spec: str) -> Path | None:
    """The folder of the checkpoint that `spec` names; `None` where it has a scheme, or names no folder."""
    if spec in bundled_models():
        return _BUNDLED / spec
    if _SCHEME.fullmatch(spec):
        return None
    try:
        folder = Path(spec).expanduser()
        return folder if folder.is_dir() else None
    except (OSError, RuntimeError):
        return None


def schemes() -> tuple[str, ...]:
    """What other names of models may begin with, before a colon, sorted."""
    return tuple(sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)}))


def load_model(
    spec: str,
    device: str = "cpu",
    *,
    dtype: str | None = None,
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> "Model | GeneratingModel":
    """The model that `spec` names, on `device` (as torch writes it). For the rest see `LoadOptions`."""
    options = LoadOptions(dtype, revision, trust_remote_code)
    if not spec:
        raise _unknown(spec)
    if spec in bundled_models():
        return _from_folder(_BUNDLED / spec, spec, device, options)
    if match := _SCHEME.fullmatch(spec):
        return _from_scheme(match["scheme"], match["rest"], device, options)
    try:
        folder = Path(spec).expanduser()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long, a folder that is closed to us, no such ~user
        raise S2sdapError("checkpoint_missing", path=spec, file=f"config.json ({error})") from None
    if there:
        return _from_folder(folder, folder.resolve().name, device, options)
    if "/" in spec or os.sep in spec:  # written as a path: say what is missing there
        raise S2sdapError("checkpoint_missing", path=folder, file="config.json (there is no such folder)")
    raise _unknown(spec)


def _from_folder(folder: Path, name: str, device: str, options: LoadOptions) -> "Model":
    from s2sdap.models.checkpoint import RepeatingCheckpointConfig, load_checkpoint  # noqa: PLC0415
    from s2sdap.models.rnn.model import RnnModel  # noqa: PLC0415 - imports torch, as does the line above

    _refuse(options, name)
    place = usable_device(device)
    try:
        checkpoint = load_checkpoint(folder)
    except S2sdapError as error:
        if error.name == "checkpoint_malformed" and _is_of_transformers(folder):
            raise S2sdapError("scheme_missing", path=folder) from None
        raise
    if isinstance(checkpoint.config, RepeatingCheckpointConfig):
        from s2sdap.models.rnn.repeating.model import RepeatingModel  # noqa: PLC0415 - imports torch

        return RepeatingModel(
            checkpoint.config.network,
            checkpoint.weights,
            name=name,
            fingerprint=checkpoint.fingerprint,
            device=place,
        )
    return RnnModel(checkpoint, name, place)


def _from_scheme(scheme: str, rest: str, device: str, options: LoadOptions) -> "Model | GeneratingModel":
    found = tuple(entry_points(group=ENTRY_POINT_GROUP, name=scheme))
    if not found:
        raise S2sdapError("family_missing", scheme=scheme, group=ENTRY_POINT_GROUP)
    usable_device(device)
    try:
        load = cast("Callable[..., Model | GeneratingModel]", found[0].load())
    except (ImportError, AttributeError) as error:
        where = f"the entry point {found[0].value!r} of {ENTRY_POINT_GROUP}"
        raise S2sdapError("model_failed", where=where, reason=f"it cannot be imported: {error}") from error
    if _takes_options(load):
        return load(rest, device, options)
    _refuse(options, f"{scheme}:{rest}")
    return load(rest, device)


def _takes_options(load: Callable[..., object]) -> bool:
    """Whether `load` has room for a third positional argument."""
    try:
        parameters = inspect.signature(load).parameters.values()
    except (TypeError, ValueError):  # some that are written in C do not tell
        return False
    places = [each for each in parameters if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)]
    return len(places) >= 3 or any(each.kind is each.VAR_POSITIONAL for each in parameters)


def _refuse(options: LoadOptions, model: str) -> None:
    if given := options.given():
        raise S2sdapError("option_unused", option="` and `".join(given), model=model)


def _is_of_transformers(folder: Path) -> bool:
    """Whether `config.json` says which of transformers' models it is of."""
    try:
        config = msgspec.json.decode((folder / "config.json").read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError):
        return False
    return isinstance(config, dict) and "model_type" in config


def usable_device(device: str) -> "torch.device":
    """The torch device called `device`, once a tensor has been put on it and read back."""
    import torch  # noqa: PLC0415 - only now is it needed

    try:
        place = torch.device(device)
        torch.zeros(1, device=place).cpu()
    except (RuntimeError, AssertionError, NotImplementedError, ImportError) as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise S2sdapError("bad_device", device=device, reason=reason) from None
    return place


def _unknown(spec: str) -> S2sdapError:
    known = ", ".join((*bundled_models(), *(f"{scheme}:..." for scheme in schemes())))
    return S2sdapError("unknown_model", model=spec, known=known)
