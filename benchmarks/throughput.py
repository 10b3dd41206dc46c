"""What debugging costs a run: a corpus under a session with watch rules armed, against plain decodes.

Two peers: the package's own `decode`, which runs the same step with nobody watching, and a bare
greedy loop over the network that keeps nothing at all, which is the least that a decode can cost. Seconds are of this process's own processor time, and what
earlier runs left behind is collected before each: neither neighbours nor leftovers count.
"""

import gc
import random
import time

import torch

from benchmarks.measuring import Row, paired
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.program import make_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.watch_rules import arm
from s2sdap.decoding.decode import decode
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Model, untouched
from s2sdap.models.loading import load_model

MONTHS = "January February March April May June July August September October November December".split()


def corpus(count: int) -> list[str]:
    """Dates as people write them, the same in every run."""
    draw = random.Random(7)
    return [f"{draw.choice(MONTHS)} {draw.randint(1, 28)}, {draw.randint(1950, 2049)}" for _ in range(count)]


def _under_session(model: Model, lines: list[str], settings: SearchSettings) -> float:
    session = Session(model, make_program(lines, path=None), settings, stop_on_entry=False)
    # Armed and evaluated at every step, but true of none, so that the run goes to its end.
    session.armed = Armed.of(rules=[arm("lowConfidence", "p < 0.000001")])
    gc.collect()
    begin = time.process_time()
    session.start()
    seconds = time.process_time() - begin
    if len(session.results) != len(lines):
        raise RuntimeError("a rule fired, so the corpus did not run to its end")
    return seconds


def _plain(model: Model, lines: list[str], settings: SearchSettings) -> float:
    gc.collect()
    begin = time.process_time()
    for line in lines:
        decode(model, line, settings)
    return time.process_time() - begin


def _bare_greedy(model: Model, lines: list[str]) -> float:
    gc.collect()
    begin = time.process_time()
    with torch.inference_mode():
        for line in lines:
            encoded = model.encode(model.tokenize(line), untouched)
            state, token = model.begin(encoded), model.target.bos
            for _ in range(200):
                logits, state = model.step(encoded, state, torch.tensor([token]), untouched)
                token = int(logits.argmax())
                if token == model.target.eos:
                    break
    return time.process_time() - begin


def rows(sentences: int = 500, runs: int = 5) -> list[Row]:
    """Greedy and a beam of 4, over the bundled model."""
    torch.set_num_threads(1)
    model = load_model("dates")
    lines = corpus(sentences)
    out = []
    for name, settings in (("greedy", SearchSettings()), ("beam of 4", SearchSettings(beam_size=4))):
        ours, peer, ratio = paired(
            lambda settings=settings: _under_session(model, lines, settings),
            lambda settings=settings: _plain(model, lines, settings),
            runs,
        )
        what = f"{sentences} sentences, {name}, rules armed, peer plain decode"
        out.append(Row(what, f"{ours:.2f} s", f"{peer:.2f} s", ratio, 1.10))
    settings = SearchSettings()
    ours, peer, ratio = paired(
        lambda: _under_session(model, lines, settings), lambda: _bare_greedy(model, lines), runs
    )
    what = f"{sentences} sentences, greedy, rules armed, peer a loop that keeps nothing"
    out.append(Row(what, f"{ours:.2f} s", f"{peer:.2f} s", ratio))
    return out
