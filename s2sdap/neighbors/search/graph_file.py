"""A graph as a file of plain arrays, and a strict reading of it: nothing in it is run.

The search follows the numbers of a graph without looking whether they lead anywhere, so every number is
looked at before.
"""

import json
from dataclasses import fields
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from s2sdap.neighbors.extras import required
from s2sdap.neighbors.search.graph import Graph
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.vocabulary.errors import S2sdapError

VERSION: Final = 1
_KEY: Final = "s2sdap graph"
_ARRAYS: Final = {
    "rows": np.int32,
    "firsts": np.int32,
    "loose": np.int32,
    "indptr": np.int32,
    "indices": np.int32,
    "hyperplanes": np.float32,
    "offsets": np.float32,
    "children": np.int32,
    "leaves": np.int32,
    "random": np.int64,
}


class GraphHeader(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a graph is of. `states` is a digest of the rows that it was built over, `package` who built it."""

    version: int
    package: str
    states: str
    metric: str
    count: int
    seed: int
    longest: float
    leaf_size: int
    nearest: float


def release() -> str:
    """The release of pynndescent here, without importing it. Raises `neighbors_missing`."""
    metadata = required("importlib.metadata")
    try:
        return str(metadata.version("pynndescent"))
    except metadata.PackageNotFoundError as error:
        raise S2sdapError(
            "neighbors_missing", package="pynndescent", extra="neighbors", reason=error
        ) from None


def encoded(graph: Graph, states: str) -> bytes:
    """The graph as safetensors, with the digest of its states."""
    plain = {each.name: getattr(graph, each.name) for each in fields(graph) if each.name not in _ARRAYS}
    header = GraphHeader(
        version=VERSION, package=release(), states=states, **{**plain, "metric": str(graph.metric)}
    )
    arrays = {name: np.ascontiguousarray(getattr(graph, name)) for name in _ARRAYS}
    data: bytes = save(arrays, {_KEY: msgspec.json.encode(header).decode()})
    return data


def decoded(data: bytes, states: str | None, count: int, width: int) -> Graph:
    """The graph of these bytes, which must be of those states and of transformed vectors of that width.

    Raises `ValueError` that says why it cannot be used.
    """
    try:
        length = int.from_bytes(data[:8], "little")
        header = msgspec.json.decode(
            json.loads(data[8 : 8 + length].decode(errors="replace"))["__metadata__"][_KEY], type=GraphHeader
        )
        if (header.version, header.package) != (VERSION, release()):
            raise ValueError(f"its graph was built by pynndescent {header.package}, here is {release()}")
        if (header.states, header.count) != (states, count):
            raise ValueError("its graph is of other states than the index now has")
        arrays = load(data)
    except (SafetensorError, msgspec.DecodeError, json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"its graph cannot be read: {str(error) or type(error).__name__}") from None
    if arrays.keys() != _ARRAYS.keys() or any(arrays[name].dtype != kind for name, kind in _ARRAYS.items()):
        raise ValueError("its graph has other arrays than it should")
    wrong = _wrong(arrays, header.count, width)
    if wrong:
        raise ValueError(f"its graph is damaged: {wrong}")
    return Graph(
        metric=Metric(header.metric),
        count=header.count,
        seed=header.seed,
        longest=header.longest,
        leaf_size=header.leaf_size,
        nearest=header.nearest,
        **arrays,
    )


def _wrong(arrays: dict[str, NDArray[Any]], count: int, width: int) -> str:
    """What in these arrays leads nowhere, or ""."""
    rows, firsts, indptr, indices = (arrays[name] for name in ("rows", "firsts", "indptr", "indices"))
    children, leaves = arrays["children"], arrays["leaves"]
    nodes, inner = len(firsts) - 1, len(children)
    shapes = {
        "rows": (rows.ndim, 1),
        "loose": (arrays["loose"].ndim, 1),
        "firsts": (firsts.shape, (nodes + 1,)),
        "indptr": (indptr.shape, (nodes + 1,)),
        "hyperplanes": (arrays["hyperplanes"].shape, (inner, width)),
        "offsets": (arrays["offsets"].shape, (inner,)),
        "children": (children.shape, (inner, 2)),
        "leaves": (leaves.shape, (nodes,)),
        "random": (arrays["random"].shape, (3,)),
    }
    for name, (found, expected) in shapes.items():
        if found != expected:
            return f"{name} has the shape {found}, not {expected}"
    if not _partitions(firsts, len(rows)) or not _partitions(indptr, len(indices)):
        return "its ranges do not follow each other"
    if not _different(rows, count) or not _different(arrays["loose"], count):
        return "its rows are not rows of the index"
    if not _within(indices, nodes):
        return "an edge leads to no node"
    if not _different(leaves, nodes):  # as many as there are nodes
        return "its leaves are not its nodes"
    split = children[:, 0] > 0
    after = np.arange(inner)[split, None]
    if not ((children[split] > after) & (children[split] < inner)).all():
        return "its tree does not go down"
    begins, ends = -children[~split, 0].astype(np.int64), -children[~split, 1].astype(np.int64)
    if not ((begins >= 0) & (begins <= ends) & (ends <= nodes)).all():
        return "a leaf holds no nodes"
    return ""


def _partitions(starts: NDArray[Any], length: int) -> bool:
    return bool(len(starts) and starts[0] == 0 and starts[-1] == length and (np.diff(starts) >= 0).all())


def _different(numbers: NDArray[Any], count: int) -> bool:
    """Whether they are numbers below `count`, none of them twice."""
    if not _within(numbers, count):
        return False
    met = np.zeros(count, bool)
    met[numbers] = True
    return int(np.count_nonzero(met)) == len(numbers)


def _within(numbers: NDArray[Any], count: int) -> bool:
    return not len(numbers) or bool(numbers.min() >= 0 and numbers.max() < count)
