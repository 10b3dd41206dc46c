"""What a session file costs: its bytes against those of its tensors, saving and opening against decoding.

Seconds are of this process's own processor time. Of a Hugging Face model, wide tensors and candidates are
computed again when somebody looks, so saving everything of it runs every step once more.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.huggingface import arguments, marian
from benchmarks.measuring import Row
from s2sdap.debugger.program import make_program
from s2sdap.debugger.session import Session
from s2sdap.decoding.generation.plan import GeneratePlan
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.huggingface.face import HuggingFaceModel

STEPS = 400


def rows() -> list[Row]:
    """A long decode of the bundled model, and one of a model of the size that people translate with."""
    return [*_dates(), *_marian()]


def _dates() -> list[Row]:
    settings = SearchSettings(beam_size=4, min_length=STEPS, max_length=STEPS)
    session = Session.open("dates", source="Wednesday, September 23, 2015", settings=settings)
    return _of(session, f"{STEPS} steps, beam of 4, the bundled model")


def _marian() -> list[Row]:
    model = marian(512, 6, 58_101)
    face = HuggingFaceModel.around(model)
    call = arguments(model, 4)
    plans: list[Plan] = [GeneratePlan.of_call(face, (), call)]
    with face.taps.installed():
        program = make_program(["random tokens"], path=None)
        session = Session(face, program, planner=lambda _text, **_where: plans[0], of_call=True)
        return _of(session, "64 steps, beam of 4, a Marian of 58,101 tokens")


def _of(session: Session, what: str) -> list[Row]:
    decoding = _seconds(lambda: (session.start(), session.step_out()))
    out: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for sites in ("all", "light"):
            path = Path(folder) / f"{sites}.s2s"
            saving = _seconds(lambda path=path, sites=sites: session.save(path, sites=sites))
            opening = _seconds(lambda path=path: Session.open_recording(path).start())
            records = session.walk.branch.records
            size, tensors = path.stat().st_size, sum(v.nbytes for r in records for v in r.sites.values())
            title = f"{what}, {sites} sites"
            out.append(Row(f"{title}: file, peer all tensors", _mib(size), _mib(tensors), size / tensors))
            for verb, took in (("saving", saving), ("opening", opening)):
                told = f"{title}: {verb}, peer decoding"
                out.append(Row(told, f"{took:.2f} s", f"{decoding:.2f} s", took / decoding))
    return out


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _mib(size: int) -> str:
    return f"{size / 1024**2:.1f} MiB"
