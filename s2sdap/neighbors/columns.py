"""States as Arrow tables and back: the columns of a dataset of one site."""

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from jaxtyping import Float16
from numpy.typing import NDArray

from s2sdap.neighbors.extras import required
from s2sdap.neighbors.states import States

KEYS: Final[dict[str, Any]] = {
    "sentence": np.int64,
    "position": np.int32,
    "token": np.int64,
    "predicted": np.int64,
}
"""The columns beside `vector`, with the type of each."""
VECTOR: Final = "vector"


def state_schema(dimension: int) -> Any:
    """The Arrow schema of the states of a site whose vectors have `dimension` numbers."""
    pa = required("pyarrow")
    keys = [(name, pa.from_numpy_dtype(kind)) for name, kind in KEYS.items()]
    return pa.schema([*keys, (VECTOR, pa.list_(pa.float16(), dimension))])


def state_table(states: States) -> Any:
    """The states as a table of that schema; the vectors are not copied where they lie in one piece."""
    pa = required("pyarrow")
    dimension = states.vectors.shape[1]
    flat = pa.array(np.ascontiguousarray(states.vectors).reshape(-1))
    columns = [pa.array(getattr(states, name)) for name in KEYS]
    vectors = pa.FixedSizeListArray.from_arrays(flat, dimension)
    return pa.Table.from_arrays([*columns, vectors], schema=state_schema(dimension))


def states_of(table: Any) -> States:
    """The states of such a table, in its order."""
    return States(vectors_of(table.column(VECTOR)), **{name: column_of(table, name) for name in KEYS})


def column_of(table: Any, name: str) -> NDArray[Any]:
    """One of `KEYS` of a table or record batch as an array [N]."""
    return np.asarray(table.column(name).to_numpy(), dtype=KEYS[name])


def vectors_of(column: Any) -> Float16[np.ndarray, "N D"]:
    """A column of vectors, chunked or not, as an array."""
    whole = column.combine_chunks() if hasattr(column, "combine_chunks") else column
    if hasattr(whole, "chunks"):  # no chunk at all stays chunked
        return np.empty((0, column.type.list_size), np.float16)
    flat: NDArray[np.float16] = whole.flatten().to_numpy(zero_copy_only=False)
    return flat.reshape(len(whole), column.type.list_size)


def no_states(dimension: int) -> States:
    """No states of a site whose vectors have `dimension` numbers."""
    keys = {name: np.empty(0, kind) for name, kind in KEYS.items()}
    return States(np.empty((0, dimension), np.float16), **keys)


def joined(parts: Sequence[States]) -> States:
    """One after the other. At least one must be given."""
    if len(parts) == 1:
        return parts[0]
    return States(
        np.concatenate([each.vectors for each in parts]),
        **{name: np.concatenate([getattr(each, name) for each in parts]) for name in KEYS},
    )


def digest_of(states: States) -> str:
    """The SHA-256 of the values of these states in their order."""
    digest = hashlib.sha256(str(states.vectors.shape).encode())
    for values in (states.vectors, *(getattr(states, name) for name in KEYS)):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()
