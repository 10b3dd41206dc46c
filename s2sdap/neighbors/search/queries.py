"""Queries as they are searched for: float16, as the states of an index are."""

import numpy as np
from jaxtyping import Float16, Shaped

from s2sdap.vocabulary.errors import S2sdapError


def as_queries(vectors: Shaped[np.ndarray, "..."], dimension: int, k: int) -> Float16[np.ndarray, "Q D"]:
    """The queries [Q, D], or one [D], rounded to float16 as the states of the index were.

    So a state that is in the index is at distance 0 from itself, though the model has it in more bits.
    Raises `query_shape`, `query_not_finite` (also for what float16 cannot hold), `query_count`.
    """
    if k < 0:
        raise S2sdapError("query_count", k=k)
    if vectors.ndim not in {1, 2} or vectors.shape[-1] != dimension:
        raise S2sdapError("query_shape", found=list(vectors.shape), dimension=dimension)
    with np.errstate(over="ignore"):
        queries = np.ascontiguousarray(np.atleast_2d(vectors).astype(np.float16))
    wrong = np.argwhere(~np.isfinite(queries))
    if len(wrong):
        query, feature = (int(each) for each in wrong[0])
        value = np.atleast_2d(vectors)[query, feature]
        raise S2sdapError("query_not_finite", query=query, feature=feature, value=float(value))
    return queries
