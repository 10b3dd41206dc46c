"""The lists of a dataset, built by the workers of a cluster with lance-ray: each has fragments of its own.

The centroids are trained here, on a sample: lance-ray would train them here as well, on more rows than
they need.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from jaxtyping import Float16
from numpy.typing import NDArray

from s2sdap.cluster import Cluster
from s2sdap.neighbors.columns import VECTOR, vectors_of
from s2sdap.neighbors.extras import required
from s2sdap.neighbors.search.ivf import Lists, lists_for
from s2sdap.neighbors.search.metrics import Metric
from s2sdap.vocabulary.errors import S2sdapError

SAMPLE: Final = 64
"""Rows a list that its centroid is trained on."""


def build_lists_on(
    cluster: Cluster, dataset: Any, metric: Metric, storage: Mapping[str, str] | None = None
) -> None:
    """As `build_lists`, on the cluster. It commits a version of the dataset.

    Raises:
        S2sdapError: `ray_missing` where lance-ray is not installed, `cluster_small`, `cluster_failed`.
    """
    try:
        import lance_ray  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise S2sdapError("ray_missing", reason=error) from None
    lists = lists_for(dataset, metric)
    lists.drop_others(dataset)
    workers = min(cluster.workers(1.0, 0.0), len(dataset.get_fragments()))
    try:
        lance_ray.create_index(
            dataset.uri,
            VECTOR,
            lists.index_type,
            name=lists.name,
            metric=lists.metric,
            replace=True,
            num_workers=workers,
            num_partitions=lists.count,
            num_bits=lists.bits,
            ivf_centroids=_centroids(dataset, lists, metric),
            storage_options=dict(storage or {}) or None,
        )
    except (RuntimeError, ValueError, OSError) as error:
        raise S2sdapError("cluster_failed", reason=f"{type(error).__name__}: {error}") from error


def _centroids(dataset: Any, lists: Lists, metric: Metric) -> Any:
    """One a list, as Arrow reads them: k-means over a seeded sample."""
    cluster, pa = required("sklearn.cluster"), required("pyarrow")
    sample = _sample(dataset, lists.count * SAMPLE)
    if metric is Metric.COSINE:
        lengths = np.linalg.norm(sample, axis=1, keepdims=True)
        np.divide(sample, lengths, out=sample, where=lengths > 0)
    means = cluster.MiniBatchKMeans(lists.count, n_init=1, random_state=0).fit(sample)
    centroids = means.cluster_centers_.astype(np.float16)
    return pa.FixedSizeListArray.from_arrays(pa.array(centroids.reshape(-1)), centroids.shape[1])


def _sample(dataset: Any, size: int) -> NDArray[np.float32]:
    count = dataset.count_rows()
    drawn = np.sort(np.random.default_rng(0).choice(count, min(size, count), replace=False))
    vectors: Float16[np.ndarray, "N D"] = vectors_of(dataset.take(drawn, columns=[VECTOR]).column(VECTOR))
    return vectors.astype(np.float32)
