"""What a run left behind, bit for bit: a flat table from the place of each value to a digest of it.

Two runs are the same if their tables are; a table that is made again and differs tells of a write in
place. Tables are small, so nothing has to be copied to be compared later.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
import torch
from torch import Tensor

from s2sdap.decoding.records import EncoderRecord, Hypothesis, StepRecord

Bits = dict[str, str]


def bits_of_encoder(record: EncoderRecord, *, opaque: bool) -> Bits:
    """The table of what reading the source left; `opaque` says whether the model's own values count."""
    parts: dict[str, Any] = {"": _named(record.sites), "live": record.after.live}
    if opaque:
        parts |= {"what `encode` returned": record.encoded, "the state": record.after.state}
    return _table(parts)


def bits_of_step(record: StepRecord, *, opaque: bool) -> Bits:
    """The table of what a step left; `opaque` says whether the model's own state counts."""
    after = record.after
    parts: dict[str, Any] = {
        "": _named(record.sites),
        "the candidates": record.candidates,
        "live": after.live,
        "finished": after.finished,
        "ended": after.ended,
    }
    if opaque:
        parts["the state"] = after.state
    return _table(parts)


def bits_of(value: Any) -> Bits:
    """The table of anything that a model hands on."""
    return _table({"": value})


def difference(left: Bits, right: Bits) -> str | None:
    """The first place at which two tables differ, or `None`."""
    for place in (*left, *right):
        if left.get(place) != right.get(place):
            return place
    return None


def _named(sites: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: sites[name] for name in sites}


def _table(parts: Mapping[str, Any]) -> Bits:
    out: Bits = {}
    for name, value in parts.items():
        _walk(value, name, out, set())
    return out


def _walk(value: Any, where: str, out: Bits, seen: set[int]) -> None:
    """Add `value` and what it holds. Modules, functions and types are no part of a run's state."""
    if isinstance(value, Tensor):
        out[where] = _of_tensor(value)
    elif isinstance(value, np.ndarray):
        data = np.ascontiguousarray(value)
        out[where] = f"{data.dtype} {data.shape} {_digest(data.tobytes())}"
    elif isinstance(value, Hypothesis):  # its path, without a deep recursion
        out[where] = repr((value.id, value.tokens, value.score, value.final, value.row, value.finished))
    elif value is None or isinstance(value, (bool, int, float, complex, str, bytes, Enum)):
        out[where] = repr(value)
    elif isinstance(value, (torch.nn.Module, type)) or callable(value) or id(value) in seen:
        return
    else:
        seen.add(id(value))
        for name, part in _parts(value):
            _walk(part, f"{where}{name}" if where else name.removeprefix("."), out, seen)


def _parts(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [(f".{key}", value[key]) for key in value]
    if isinstance(value, (tuple, list)):
        return [(f"[{place}]", part) for place, part in enumerate(value)]
    if is_dataclass(value):
        return [(f".{field.name}", getattr(value, field.name, None)) for field in fields(value)]
    return [(f".{name}", part) for name, part in getattr(value, "__dict__", {}).items()]


def _of_tensor(value: Tensor) -> str:
    flat = value.detach().cpu().contiguous().flatten()
    return f"{value.dtype} {tuple(value.shape)} {_digest(flat.view(torch.uint8).numpy().tobytes())}"


def _digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=12).hexdigest()
