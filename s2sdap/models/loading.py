"""From what a person writes to a model: a bundled name, a checkpoint folder, or `scheme:rest`.

A scheme is an entry point of the group `s2sdap.models`: a function of the rest and the device that
returns a model. No tensor library is imported before a model is loaded.
"""

import os
import re
from collections.abc import Callable
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from s2sdap.vocabulary.errors import S2sdapError

if TYPE_CHECKING:
    import torch

    from s2sdap.models.contract import Model

ENTRY_POINT_GROUP: Final = "s2sdap.models"
_BUNDLED: Final = Path(__file__).parent / "bundled"
_SCHEME: Final = re.compile(r"(?P<scheme>[a-z][a-z0-9_-]+):(?P<rest>.+)", re.DOTALL)


def bundled_models() -> tuple[str, ...]:
    """The names of the models inside this package, sorted."""
    return tuple(sorted(folder.parent.name for folder in _BUNDLED.glob("*/config.json")))


def load_model(spec: str, device: str = "cpu") -> "Model":
    """The model that `spec` names, on `device` (as torch writes it)."""
    if not spec:
        raise _unknown(spec)
    if spec in bundled_models():
        return _from_folder(_BUNDLED / spec, spec, device)
    if match := _SCHEME.fullmatch(spec):
        return _from_scheme(match["scheme"], match["rest"], device)
    try:
        folder = Path(spec).expanduser()
        there = folder.is_dir()
    except (OSError, RuntimeError) as error:  # a name too long, a folder that is closed to us, no such ~user
        raise S2sdapError("checkpoint_missing", path=spec, file=f"config.json ({error})") from None
    if there:
        return _from_folder(folder, folder.resolve().name, device)
    if "/" in spec or os.sep in spec:  # written as a path: say what is missing there
        raise S2sdapError("checkpoint_missing", path=folder, file="config.json (there is no such folder)")
    raise _unknown(spec)


def _from_folder(folder: Path, name: str, device: str) -> "Model":
    from s2sdap.models.checkpoint import load_checkpoint  # noqa: PLC0415 - imports torch
    from s2sdap.models.rnn.model import RnnModel  # noqa: PLC0415 - imports torch

    place = _usable_device(device)
    return RnnModel(load_checkpoint(folder), name, place)


def _from_scheme(scheme: str, rest: str, device: str) -> "Model":
    found = tuple(entry_points(group=ENTRY_POINT_GROUP, name=scheme))
    if not found:
        raise S2sdapError("family_missing", scheme=scheme, group=ENTRY_POINT_GROUP)
    _usable_device(device)
    try:
        load = cast("Callable[[str, str], Model]", found[0].load())
    except (ImportError, AttributeError) as error:
        where = f"the entry point {found[0].value!r} of {ENTRY_POINT_GROUP}"
        raise S2sdapError("model_failed", where=where, reason=f"it cannot be imported: {error}") from error
    return load(rest, device)


def _usable_device(device: str) -> "torch.device":
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
    schemes = sorted({entry.name for entry in entry_points(group=ENTRY_POINT_GROUP)})
    known = ", ".join((*bundled_models(), *(f"{scheme}:..." for scheme in schemes)))
    return S2sdapError("unknown_model", model=spec, known=known)
