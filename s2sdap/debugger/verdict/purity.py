"""Does the encoder read the word as it did in training? The neighbours of its state, where an index has them.

A state from which the word is read as another lies among the states of another. It mends nothing, so it
names no stage; it says whether to believe one that a repair names.
"""

from s2sdap.debugger.frames import Frame
from s2sdap.debugger.neighbors.asking import Neighborhood, neighbors_at
from s2sdap.debugger.neighbors.index import OpenIndex
from s2sdap.debugger.neighbors.lookups import Wanted
from s2sdap.debugger.neighbors.places import StatePlace
from s2sdap.debugger.program import Sentence
from s2sdap.debugger.verdict.encoder_states import focus_of
from s2sdap.debugger.verdict.records import PURITY, Absent, Experiment, no_purity
from s2sdap.debugger.verdict.trials import Trials
from s2sdap.neighbors.states import StateSite
from s2sdap.vocabulary import sites
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.stages import Stage

NEIGHBORS = 20
"""Training states that are asked for, none of them of a sentence that reads as this one."""
MOST = 0.5
"""A word whose neighbours are mostly others is read as something else."""


def purity_experiment(trials: Trials, sentence: Sentence, index: OpenIndex) -> Experiment | Absent:
    """The neighbours of the most attended word's state where the reference first falls behind."""
    place = focus_of(trials.led, trials.target.step) if trials.target.step < len(trials.led.rows) else None
    if place is None:
        return no_purity("without attention no single source word is behind a token")
    run = trials.led.run
    live = run.encoder.after.live[0]
    frame = Frame(run.plan, sentence, 0, Stage.ENCODER, run.encoder, (), None, live.row, None)
    site = _of_source(index)
    if site is None:
        return no_purity(f"the index {index.path} has no encoder states")
    try:
        found = neighbors_at(index, frame, StatePlace(site, place), Wanted(k=NEIGHBORS, others=True))
    except S2sdapError as error:
        return no_purity(error.what)
    return _told(found, run.encoder.source.tokens[place].piece)


def _of_source(index: OpenIndex) -> StateSite | None:
    """The site of the encoder that says most: its states, else its top layer."""
    for name in (sites.ENCODER_STATES, sites.ENCODER_LAYERS):
        of_it = [site for site in index.sites if site.site == name]
        if of_it:
            return max(of_it)
    return None


def _told(found: Neighborhood, piece: str) -> Experiment | Absent:
    summary = found.summary
    if summary.agreement is None or summary.purity is None or summary.nearest is None:
        return no_purity(f"the index {found.index} has no state of another sentence")
    numbers = {
        "same": summary.agreement,
        "purity": summary.purity,
        "distance": summary.nearest,
        "neighbors": float(summary.found),
    }
    if summary.percentile is not None:
        numbers["percentile"] = summary.percentile
    text = (
        f"{summary.agreement:.0%} of the {summary.found} training states nearest to {piece!r} are of it too"
    )
    if summary.agreement <= MOST:
        most = summary.tokens[0].token
        text += f"; most are of {found.pieces.get(most, f'#{most}')!r}"
    elif summary.percentile is not None and summary.percentile >= 100:
        text += ", and none is as near as training states are to each other"
    return Experiment(Stage.ENCODER, PURITY, text, numbers, blames=summary.agreement <= MOST)
