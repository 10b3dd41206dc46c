"""The batches of a build on the workers of a cluster: the same extractor, the same batches, the same bits.

A worker sends the states of its batches back as Arrow data; whoever holds the index writes them, in the
order of the batches. So an index that a cluster computed is the very one that this process would have
computed, on the same kind of processor.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from s2sdap.cluster import Cluster, mapped
from s2sdap.decoding.forced.checked import Way
from s2sdap.neighbors.batch_states import BatchStates, BatchTask, batch_states
from s2sdap.neighbors.columns import state_table, states_of
from s2sdap.neighbors.extraction import Bounds, Extractor, Limits
from s2sdap.neighbors.extras import required
from s2sdap.neighbors.sentences import CorpusSentence
from s2sdap.neighbors.states import StateSite

TOGETHER: Final = 4
"""Batches that a worker computes before it sends them: fewer messages, and little lost with a worker."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a worker makes its extractor, from plain values; `loading` are options of `load_model`."""

    model: str
    sites: tuple[str, ...]
    device: str = "cpu"
    threads: int = 1
    loading: Mapping[str, Any] = field(default_factory=dict)
    bounds: Bounds = field(default_factory=Bounds)
    limits: Limits = field(default_factory=Limits)
    folder: str | None = None


class _Sent(msgspec.Struct):
    """A batch on its way: of each site its states, and its sentences; the rest is as in `BatchStates`."""

    states: dict[str, bytes]
    sentences: list[CorpusSentence]
    failed: int
    way: Way
    apart: float


class ExtractionWorker:
    """Computes batches. Holds the extractor of its process."""

    def __init__(self, recipe: Recipe, way: str) -> None:
        import torch  # noqa: PLC0415 - a worker's, not of the process that starts it

        torch.set_num_threads(recipe.threads)
        self._extractor = Extractor.load(
            recipe.model,
            recipe.sites,
            device=recipe.device,
            loading=recipe.loading,
            bounds=recipe.bounds,
            limits=recipe.limits,
            folder=recipe.folder,
        )
        self._extractor.go_on(Way(way))

    def __call__(self, part: bytes, /) -> bytes:
        """Some batches."""
        tasks = msgspec.msgpack.decode(part, type=list[BatchTask])
        return msgspec.msgpack.encode([self._sent(batch_states(self._extractor, task)) for task in tasks])

    def _sent(self, found: BatchStates) -> _Sent:
        states = {str(site): _written(state_table(each)) for site, each in found.states.items() if len(each)}
        return _Sent(states, list(found.sentences), found.failed, found.way, found.apart)


def computed_on(
    cluster: Cluster, recipe: Recipe, tasks: Sequence[BatchTask], way: Way
) -> Iterator[BatchStates]:
    """What becomes of `tasks` on the cluster, in their order. On a GPU each worker has one for itself.

    `way` is how sentences are forced to begin with. Every worker looks for itself whether batches do.
    """
    parts = [
        msgspec.msgpack.encode(tasks[start : start + TOGETHER]) for start in range(0, len(tasks), TOGETHER)
    ]
    gpus = 0.0 if recipe.device == "cpu" else 1.0
    made = {"recipe": recipe, "way": way.value}
    for outcome in mapped(cluster, parts, ExtractionWorker, made, cpus=float(recipe.threads), gpus=gpus):
        yield from _received(msgspec.msgpack.decode(outcome, type=list[_Sent]))


def _received(batches: Iterable[_Sent]) -> Iterator[BatchStates]:
    for sent in batches:
        states = {StateSite.parse(site): states_of(_read(data)) for site, data in sent.states.items()}
        yield BatchStates(states, sent.sentences, sent.failed, sent.way, sent.apart)


def _written(table: Any) -> bytes:
    pa = required("pyarrow")
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _read(data: bytes) -> Any:
    pa = required("pyarrow")
    with pa.ipc.open_stream(data) as stream:
        return stream.read_all()
