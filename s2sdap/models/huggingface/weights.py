"""Loading weights: all of them, in the type that is asked for, or a refusal that says what is wrong."""

import errno
import pickle
from collections.abc import Iterable
from typing import Any, Final

import torch
from safetensors import SafetensorError
from transformers import PreTrainedConfig, PreTrainedModel

from s2sdap.models.huggingface.place import Place
from s2sdap.models.huggingface.reasons import reason_of
from s2sdap.vocabulary.errors import S2sdapError

DTYPES: Final = ("float32", "bfloat16", "float16", "auto")
_NAMED: Final = 4
"""How many weights a refusal names."""


def check_dtype(dtype: str | None) -> None:
    """Raises `bad_dtype` for a name that is none of `DTYPES`."""
    if dtype is not None and dtype not in DTYPES:
        raise S2sdapError("bad_dtype", dtype=dtype, known=", ".join(DTYPES))


def load_weights(
    auto: Any, place: Place, config: PreTrainedConfig, *, dtype: str | None, device: str, trusted: bool
) -> PreTrainedModel:
    """The model with its weights on `device`, ready to generate.

    Raises:
        S2sdapError: `weights_unusable` where there are none, or not all, or of other shapes;
            `out_of_memory`; `hub_unreachable`.
    """
    wanted = {} if dtype is None else {"dtype": dtype}
    try:
        model, found = auto.from_pretrained(
            place.where,
            config=config,
            trust_remote_code=trusted,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # they come back in `found`, and are refused with their names
            **wanted,
            **place.arguments,
        )
        _check(place, found)
        ready: PreTrainedModel = model.to(torch.device(device)).eval()
    except (OSError, RuntimeError, MemoryError, ValueError, KeyError, TypeError, ImportError) as error:
        raise _refusal(place, device, error) from error
    except (SafetensorError, pickle.UnpicklingError, EOFError) as error:
        reason = f"a file is broken: {reason_of(error)}"
        raise S2sdapError("weights_unusable", path=place.where, reason=reason) from error
    return ready


def _check(place: Place, found: dict[str, Any]) -> None:
    """Refuse weights that transformers would have made up: those that are missing or have another shape."""
    if missing := sorted(found["missing_keys"]):
        reason = f"they lack {_some(missing)}"
    elif other := sorted(found["mismatched_keys"]):
        shapes = [f"{name} has {list(has)}, config.json asks for {list(asks)}" for name, has, asks in other]
        reason = _some(shapes)
    elif errors := list(found.get("error_msgs") or ()):
        reason = _some(errors)
    else:
        return
    raise S2sdapError("weights_unusable", path=place.where, reason=reason)


def _some(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _NAMED} more" if len(every) > _NAMED else ""
    return ", ".join(every[:_NAMED]) + more


def _refusal(place: Place, device: str, error: Exception) -> S2sdapError:
    reason = reason_of(error)
    if is_out_of_memory(error):
        return S2sdapError("out_of_memory", path=place.where, device=device, reason=reason)
    if not place.local and "connect" in reason and isinstance(error, OSError):
        return S2sdapError("hub_unreachable", model=place.where, reason=reason)
    return S2sdapError("weights_unusable", path=place.where, reason=reason)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of a device or of the machine."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return True
    said = str(error)
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in said or "annot allocate memory" in said
    )
