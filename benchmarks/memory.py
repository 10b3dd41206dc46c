"""What a recorded step weighs, late in a long decode as early, and whether a session keeps to its budget."""

import gc
import tracemalloc

import torch

from benchmarks.measuring import Row
from s2sdap.debugger.keeping import DEFAULT_BUDGET, MINIMUM_BUDGET
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.session import Session
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model

SOURCE = "Wednesday, September 23, 2015"
STEPS = 500


def _bytes_per_step(settings: SearchSettings, first: int, last: int) -> tuple[float, float]:
    """Tensor bytes and Python bytes of a step, over the steps from `first` to `last`."""
    session = Session.open("dates", source=SOURCE, settings=settings)
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


def _tensor_bytes() -> int:
    """The memory of every tensor that this process keeps alive, each storage once."""
    gc.collect()
    storages = (each.untyped_storage() for each in gc.get_objects() if type(each) is torch.Tensor)
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def _held(budget: int) -> int:
    """The bytes of tensors that a long session keeps alive once it has run, been travelled and edited."""
    model = load_model("dates")
    settings = SearchSettings(beam_size=4, min_length=STEPS, max_length=STEPS)
    before = _tensor_bytes()
    session = Session(model, inline_program(SOURCE), settings, budget=budget)
    session.start()
    session.step_out()
    session.goto(STEPS // 2)
    session.force("7")
    session.step_out()
    for step in range(0, STEPS, 50):
        session.goto(step)
        session.top_tokens()
    return _tensor_bytes() - before


def _budget() -> Row:
    """The smallest budget there is, which a session that keeps all would be far above."""
    whole, held = _held(DEFAULT_BUDGET), _held(MINIMUM_BUDGET)
    if whole < 2 * MINIMUM_BUDGET:
        raise RuntimeError("the budget does not bite: the whole session fits")
    return Row(
        f"a session of {STEPS} steps and an edit, {_mib(whole)} in all: held, peer its budget",
        _mib(held),
        _mib(MINIMUM_BUDGET),
        held / MINIMUM_BUDGET,
        1.0,
    )


def _mib(size: int) -> str:
    return f"{size / 1024**2:.2f} MiB"


def rows() -> list[Row]:
    """A decode held open by `min_length`, so that it is long."""
    out = [_budget()]
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
