"""Everything that a decode leaves behind, walked through: to compare it bit for bit, and to weigh it."""

import dataclasses
import types
from collections.abc import Mapping

import numpy as np
import torch

from s2sdap.decoding.generation.history import Moment
from s2sdap.decoding.records import Hypothesis

SIMPLE = (str, bytes, int, float, bool, type(None), torch.dtype, torch.device, type)
CODE = (types.FunctionType, types.MethodType, types.BuiltinFunctionType, torch.nn.Module)


def parts(thing):
    """The parts of a value by name; a mapping that computes its values again gives them all."""
    if isinstance(thing, Mapping):
        return [(str(key), thing[key]) for key in thing]
    if isinstance(thing, list | tuple):
        return [(str(place), each) for place, each in enumerate(thing)]
    if dataclasses.is_dataclass(thing):
        return [(field.name, getattr(thing, field.name)) for field in dataclasses.fields(thing)]
    return list(vars(thing).items()) if hasattr(thing, "__dict__") else []


def content(thing, where=""):
    """(path, value) of all leaves; tensors and arrays as bytes. Caches are put together again."""
    if isinstance(thing, torch.Tensor):
        yield where, (str(thing.dtype), tuple(thing.shape), thing.detach().contiguous().numpy().tobytes())
    elif isinstance(thing, np.ndarray | np.generic):
        yield where, (str(thing.dtype), thing.shape, thing.tobytes())
    elif isinstance(thing, Hypothesis):
        numbers = (thing.score, thing.final, thing.logprob, thing.row, thing.candidate)
        yield where, (thing.id, thing.tokens, numbers, thing.finished, thing.forced, thing.sentence)
    elif isinstance(thing, Moment):
        yield from content(vars(thing.cache()), f"{where}.cache")
    elif isinstance(thing, SIMPLE):
        yield where, thing
    elif not isinstance(thing, CODE):
        for name, part in parts(thing):
            yield from content(part, f"{where}.{name}")


def record_content(record):
    """What a step record holds, with its sites and candidates, and the snapshot after it."""
    return dict(content([dict(record.sites), record.candidates, record.after]))


def snapshot_content(snapshot):
    return dict(content(snapshot))


def assert_same_content(one, other):
    assert one.keys() == other.keys()
    for path, value in one.items():
        assert value == other[path], path


def storages(*things):
    """The distinct storages that are held, by address, with their bytes. Nothing is computed again."""
    found, seen, waiting = {}, set(), list(things)
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (*SIMPLE, *CODE)):
            continue
        seen.add(id(thing))
        if isinstance(thing, torch.Tensor):
            storage = thing.untyped_storage()
            found[storage.data_ptr()] = storage.nbytes()
            continue
        held = getattr(thing, "held", None)
        waiting += [part for _, part in parts(thing)] if held is None else list(held.values())
    return found
