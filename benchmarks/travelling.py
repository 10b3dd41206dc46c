"""What going back costs: a step back and a jump, each with a look at the step, against one step forward.

The peer is a step forward that the model has to run, in the same session and on the same sentence.
A step that was let go is run again from the nearest state that was kept, at most `STRIDE` steps.
Seconds are of this process's own processor time.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable

from benchmarks.measuring import Row, milliseconds
from s2sdap.debugger.keeping import MINIMUM_BUDGET, STRIDE, KeptSites
from s2sdap.debugger.program import inline_program
from s2sdap.debugger.session import Session
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.loading import load_model
from s2sdap.vocabulary import sites

SOURCE = "Wednesday, September 23, 2015"
STEPS = 500
LOOKS = 60


def rows() -> list[Row]:
    """A long decode with a beam of 4, once with all of it at hand, once within the smallest budget."""
    ample, forward = _decoded(None)
    back = [_looked(ample, ample.step_back) for _ in range(LOOKS)]
    here = _visited(ample, at_hand=True)
    tight, tight_forward = _decoded(MINIMUM_BUDGET)
    gone = _visited(tight, at_hand=False)
    return [
        _row("a step back from the end", back, forward[-LOOKS:], 1.0),
        _row("goto a step that is at hand", here, forward, 1.0),
        _row(f"goto a step that was let go, 1 to {STRIDE} to run", gone, tight_forward, float(STRIDE)),
    ]


def _decoded(budget: int | None) -> tuple[Session, list[float]]:
    """A session at the end of the sentence, and the seconds of each step on the way."""
    settings = SearchSettings(beam_size=4, min_length=STEPS, max_length=STEPS)
    bound = {} if budget is None else {"budget": budget}
    session = Session(load_model("dates"), inline_program(SOURCE), settings, **bound)
    session.start()
    gc.collect()
    return session, [_looked(session, session.next) for _ in range(STEPS)]


def _visited(session: Session, *, at_hand: bool) -> list[float]:
    """The seconds of visits to steps that are at hand when it is their turn, or to such as are not."""
    draw, found = random.Random(5), list[float]()
    for _ in range(100 * LOOKS):
        step = draw.randrange(STEPS)
        if _at_hand(session, step) is at_hand:
            found.append(_looked(session, lambda step=step: session.goto(step)))
        if len(found) == LOOKS:
            return found
    raise RuntimeError("there are too few such steps: the budget is not what it is meant to be")


def _at_hand(session: Session, step: int) -> bool:
    kept = session.walk.branch.records[step].sites
    return isinstance(kept, KeptSites) and bool(kept.held)


def _looked(session: Session, move: Callable[[], object]) -> float:
    """Seconds to move and to read what is shown first: the likeliest tokens and the attention."""
    begun = time.process_time()
    move()
    session.top_tokens(5)
    session.frame.site(sites.ATTENTION_WEIGHTS)
    return time.process_time() - begun


def _row(what: str, ours: list[float], forward: list[float], at_most: float) -> Row:
    mine, step = statistics.median(ours), statistics.median(forward)
    return Row(f"{what}, peer a step forward", milliseconds(mine), milliseconds(step), mine / step, at_most)
