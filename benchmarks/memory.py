"""What a recorded step weighs, and that it weighs the same late in a long decode as early."""

import gc
import tracemalloc

from benchmarks.measuring import Row
from s2sdap.debugger.session import Session
from s2sdap.decoding.settings import SearchSettings


def _bytes_per_step(settings: SearchSettings, first: int, last: int) -> tuple[float, float]:
    """Tensor bytes and Python bytes of a step, over the steps from `first` to `last`."""
    session = Session.open("dates", source="Wednesday, September 23, 2015", settings=settings)
    session.start()
    while session.cursor.step < first:
        session.next()
    gc.collect()
    tracemalloc.start()
    tensors = session.walk.timeline.size
    while session.cursor.step < last:
        session.next()
    gc.collect()
    python = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    steps = last - first
    return (session.walk.timeline.size - tensors) / steps, python / steps


def rows() -> list[Row]:
    """A decode held open by `min_length`, so that it is long."""
    out = []
    for beam in (1, 4):
        settings = SearchSettings(beam_size=beam, min_length=400, max_length=420)
        early, early_python = _bytes_per_step(settings, 10, 60)
        late, late_python = _bytes_per_step(settings, 300, 350)
        out.append(
            Row(
                f"a recorded step, beam of {beam}: late (300-350), peer early (10-60)",
                f"{(late + late_python) / 1024:.1f} KiB",
                f"{(early + early_python) / 1024:.1f} KiB",
                (late + late_python) / (early + early_python),
                1.10,
            )
        )
    return out
