"""Nearest neighbours as slowly and plainly as can be, and data that is hard to search."""

import math
from fractions import Fraction

import numpy as np
from hypothesis import strategies as st

from s2sdap.neighbors.search.filters import Labels
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.neighbors.search.rows import MemoryRows
from s2sdap.neighbors.states import States


def distance(metric, x, q):
    """One distance, summed without rounding and rounded at the end."""
    x, q = ([Fraction(float(each)) for each in vector] for vector in (x, q))
    product = sum(a * b for a, b in zip(x, q, strict=True))
    if metric is Metric.INNER_PRODUCT:
        return -float(product)
    if metric is Metric.L2:
        return math.sqrt(sum((a - b) ** 2 for a, b in zip(x, q, strict=True)))
    lengths = sum(a * a for a in x), sum(b * b for b in q)
    if not all(lengths):
        return 0.0 if lengths[0] == lengths[1] else 1.0
    # 1 - cos = (1 - cos^2) / (1 + cos) keeps its digits where cos is near 1.
    squared = Fraction(product * product, lengths[0] * lengths[1])
    cosine = math.copysign(math.sqrt(squared), product)
    return float(1 - squared) / (1 + cosine) if cosine > 0 else 1 - cosine


def all_distances(metric, vectors, query):
    """Of every row; infinity where the row is not finite."""
    return np.array([distance(metric, row, query) if np.isfinite(row).all() else np.inf for row in vectors])


def check_against_brute_force(found, metric, vectors, queries, k, allowed=None):
    """The findings are those of brute force, up to the rounding of float64."""
    assert found.rows.shape == found.distances.shape == (len(queries), k)
    for at, query in enumerate(queries):
        true = all_distances(metric, vectors, query)
        if allowed is not None:
            true[~allowed] = np.inf
        rows, distances = found.rows[at], found.distances[at]
        count = min(k, int(np.isfinite(true).sum()))
        assert (rows[count:] == -1).all()
        assert (distances[count:] == np.inf).all()
        rows, distances = rows[:count], distances[:count]
        assert len(set(rows.tolist())) == count
        np.testing.assert_allclose(distances, true[rows], rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(distances, np.sort(true)[:count], rtol=1e-12, atol=1e-14)
        assert list(zip(distances, rows, strict=True)) == sorted(zip(distances, rows, strict=True))
        # Equal vectors tie to the bit, so the lower row comes first and none of them is passed over.
        for row in rows.tolist():
            same = np.flatnonzero((vectors[:row] == vectors[row]).all(axis=1))
            if allowed is not None:
                same = same[allowed[same]]
            assert set(same.tolist()) <= set(rows.tolist())


def labelled(vectors, seed=0):
    """Rows with labels drawn at random: ten rows a sentence on average, few tokens."""
    draw = np.random.default_rng(seed)
    count = len(vectors)
    labels = Labels(
        np.sort(draw.integers(0, max(1, count // 10) + 1, count)),
        draw.integers(0, 5, count),
        draw.integers(0, 5, count),
    )
    return MemoryRows(vectors, labels)


def states(vectors, seed=0):
    """The same as `States`."""
    labels = labelled(vectors, seed).labels
    position = np.zeros(len(vectors), np.int32)
    return States(vectors, labels.sentence, position, labels.token, labels.predicted)


@st.composite
def hard_vectors(draw, max_count=60):
    """Vectors with duplicates, ties, zeros, far magnitudes, one far cluster, or few values."""
    count, dimension = draw(st.integers(0, max_count)), draw(st.integers(1, 9))
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kind = draw(st.sampled_from(["normal", "grid", "far", "wide", "tiny"]))
    vectors = generator.standard_normal((count, dimension))
    if kind == "grid":
        vectors = generator.integers(-1, 2, (count, dimension))
    if kind == "far":
        vectors = 3000 + vectors
    if kind == "wide":
        vectors *= 10.0 ** generator.integers(-7, 4, (count, 1))
    if kind == "tiny":
        vectors *= 1e-7
    vectors = vectors.astype(np.float16)
    if count and draw(st.booleans()):
        copied = generator.integers(0, count, count // 2)
        vectors[generator.integers(0, count, count // 2)] = vectors[copied]
    if count and draw(st.booleans()):
        vectors[generator.integers(0, count, 1 + count // 10)] = 0
    if count and draw(st.booleans()):
        vectors[generator.integers(0, count), 0] = draw(st.sampled_from([np.nan, np.inf, -np.inf]))
    return vectors


@st.composite
def filters(draw):
    """Any filter over the labels of `labelled`."""
    from s2sdap.neighbors.search.filters import Filter

    some = st.none() | st.integers(0, 6)
    ends = draw(st.none() | st.tuples(st.integers(0, 6), st.integers(0, 6)))
    return Filter(
        token=draw(some),
        right=draw(st.none() | st.booleans()),
        sentences=ends,
        without=draw(st.frozensets(st.integers(0, 6), max_size=3)),
    )


def allowed_one_by_one(where, labels):
    """What a filter allows, row by row."""

    def allows(sentence, token, predicted):
        return (
            (where.token is None or token == where.token)
            and (where.right is None or (predicted == token) == where.right)
            and (where.sentences is None or where.sentences[0] <= sentence <= where.sentences[1])
            and sentence not in where.without
        )

    rows = zip(labels.sentence.tolist(), labels.token.tolist(), labels.predicted.tolist(), strict=True)
    return np.array([allows(*row) for row in rows], dtype=bool)
