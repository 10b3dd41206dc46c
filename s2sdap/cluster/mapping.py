"""Handing parts of work to workers: bytes in, bytes out, in the order of the parts."""

import contextlib
import logging
import queue
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import msgspec

from s2sdap.cluster.connecting import Cluster
from s2sdap.vocabulary.errors import S2sdapError

STALL_SECONDS: Final = 900.0
"""How long no part may come back: Ray Data can wait without end, and says nothing."""
_LEAVE_SECONDS: Final = 10.0
"""How long workers that are no longer wanted may take to go."""
_OVER: Final = object()


class Worker(Protocol):
    """What does a part. Made on its machine by keyword arguments that are plain values."""

    def __call__(self, part: bytes, /) -> bytes:
        """The outcome of a part. Must not depend on parts before it, which other workers may do."""
        ...


class _Refusal(msgspec.Struct):
    """An error of ours on its way from a worker."""

    name: str
    details: dict[str, str | int | float | bool | None]


class _Carrier:
    """A worker as Ray Data calls it: columns of one row each. Its refusals travel as values."""

    def __init__(self, worker: type[Any], made: Mapping[str, Any]) -> None:
        self._refused: bytes | None = None
        try:
            self._worker: Worker = worker(**made)
        except S2sdapError as error:
            self._refused = _told(error)

    def __call__(self, columns: dict[str, Any]) -> dict[str, list[Any]]:
        if self._refused is not None:
            return {"outcome": [b""], "refusal": [self._refused]}
        try:
            outcome, refusal = self._worker(bytes(columns["part"][0])), b""
        except S2sdapError as error:
            outcome, refusal = b"", _told(error)
        except Exception as error:  # tried again, it would fail again
            reason = f"{type(error).__name__}: {error}"
            outcome, refusal = b"", _told(S2sdapError("cluster_failed", reason=reason))
        return {"outcome": [outcome], "refusal": [refusal]}


def mapped(
    cluster: Cluster,
    parts: Sequence[bytes],
    worker: type[Any],
    made: Mapping[str, Any],
    *,
    cpus: float = 1.0,
    gpus: float = 0.0,
    stall_seconds: float = STALL_SECONDS,
) -> Iterator[bytes]:
    """The outcomes of `parts`, in their order, each as soon as it and those before it are there.

    `worker` is a class, made with the keyword arguments `made` in each of as many processes as the
    cluster has room for (see `Cluster.workers`), `cpus` and `gpus` for each. A part whose worker
    died is done again by another.

    Raises:
        S2sdapError: what a worker raised, as it raised it; `cluster_failed` for any other failure;
            `cluster_stalled` where nothing has come for `stall_seconds`.
    """
    if not parts:
        return
    import ray.data  # noqa: PLC0415 - an extra, and slow to import

    count = min(cluster.workers(cpus, gpus), len(parts))
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    logging.getLogger("ray.data").setLevel(logging.CRITICAL)
    rows = ray.data.from_items([{"part": part} for part in parts], override_num_blocks=len(parts))
    done = rows.map_batches(
        _Carrier,
        fn_constructor_kwargs={"worker": worker, "made": dict(made)},
        batch_size=1,
        batch_format="numpy",
        concurrency=count,
        num_cpus=cpus,
        num_gpus=gpus or None,
    )
    for row in _watched(done, stall_seconds):
        if row["refusal"]:
            refusal = msgspec.json.decode(row["refusal"], type=_Refusal)
            raise S2sdapError(refusal.name, **refusal.details)
        yield row["outcome"]


def _watched(rows: Any, seconds: float) -> Iterator[dict[str, bytes]]:
    """The rows as they come. They are read in a thread of their own, which may wait without end."""
    come: queue.Queue[Any] = queue.Queue(maxsize=8)
    left = threading.Event()

    def give(row: Any) -> bool:
        """Whether somebody still wants it."""
        while not left.is_set():
            with contextlib.suppress(queue.Full):
                come.put(row, timeout=0.2)
                return True
        return False

    def read() -> None:
        found = iter(rows.iter_rows())
        try:
            if all(give(row) for row in found):
                give(_OVER)
        except Exception as error:  # whatever Ray raises; told where the rows are taken
            give(error)
        finally:
            if isinstance(found, Generator):  # its workers go with it
                found.close()

    reader = threading.Thread(target=read, name="s2sdap-ray-rows", daemon=True)
    reader.start()
    try:
        while True:
            try:
                row = come.get(timeout=seconds)
            except queue.Empty:
                raise S2sdapError("cluster_stalled", seconds=f"{seconds:g}") from None
            if row is _OVER:
                return
            if isinstance(row, Exception):
                reason = f"{type(row).__name__}: {str(row).strip().splitlines()[-1]}"
                raise S2sdapError("cluster_failed", reason=reason) from row
            yield row
    finally:
        left.set()
        reader.join(_LEAVE_SECONDS)


def _told(error: S2sdapError) -> bytes:
    details = {
        name: value if isinstance(value, str | int | float | None) else str(value)
        for name, value in error.details.items()
    }
    return msgspec.json.encode(_Refusal(error.name, details))
