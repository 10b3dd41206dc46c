"""What debugging costs a run: a corpus under a session with watch rules armed, against plain decodes.

Two peers: the package's own `decode`, which runs the same step with nobody watching, and a bare
greedy loop over the network that keeps nothing at all, which is the least that a decode can cost.
Seconds are of this process's own processor time, and both sides take turns of a few sentences, so
that a machine that changes its speed changes it for both.
"""

import gc
import random
import statistics
import time
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import islice

import torch

from benchmarks.measuring import Row
from benchmarks.random_marian import lines_for, settings_for, sure_marian
from s2sdap.debugger.breakpoints import Armed
from s2sdap.debugger.program import make_program
from s2sdap.debugger.session import Session
from s2sdap.debugger.stops import Motion
from s2sdap.debugger.watch_rules import WATCH_RULES, arm
from s2sdap.decoding.decode import decode
from s2sdap.decoding.planning import Settings
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import Described, Model, untouched
from s2sdap.models.loading import load_model

SLICE = 20
"""Sentences in a turn."""
MONTHS = ("January", "March", "April", "May", "June", "July", "August", "September", "October", "November")


def corpus(count: int) -> list[str]:
    """Dates as people write them, the same in every run."""
    draw = random.Random(7)
    return [f"{draw.choice(MONTHS)} {draw.randint(1, 28)}, {draw.randint(1950, 2049)}" for _ in range(count)]


NEVER = {
    "lowConfidence": "p < 0.0000000001",
    "highEntropy": "entropy > 9",
    "smallMargin": "margin < 0",
    "repetition": "repeats > 999",
    "attentionCollapse": "focus_run >= 4 and attention[focus] > 2",
    "attentionOnEnd": "special_attention > 2",
    "uncoveredSource": "least_coverage < -1",
    "overlongOutput": "length > 3 * len(source) + 1000",
}
"""Conditions that are evaluated as the rules' own are, and true of nothing, so that a run goes to its end."""
EVERY = tuple(rule for rule in WATCH_RULES if not arm(rule).of_training)
"""Every rule but the one that asks an index of training states, whose search is the cost."""


def _session(
    model: Described, lines: list[str], settings: Settings, rules: Collection[str] = ("lowConfidence",)
) -> Iterator[int]:
    """A session under armed rules, sentence by sentence."""
    session = Session(model, make_program(lines, path=None), settings, stop_on_entry=False)
    session.armed = Armed.of(rules=[arm(rule, NEVER.get(rule)) for rule in rules])
    session.begin(Motion.START)
    done = 0
    while session.advance() is None:
        if len(session.results) > done:
            done = len(session.results)
            yield done
    if len(session.results) != len(lines):
        raise RuntimeError("a rule fired, so the corpus did not run to its end")


def _plain(model: Model, lines: list[str], settings: SearchSettings) -> Iterator[int]:
    """The package's own decode, which runs the same step with nobody watching."""
    for number, line in enumerate(lines, 1):
        decode(model, line, settings)
        yield number


def _bare_greedy(model: Model, lines: list[str], _settings: SearchSettings) -> Iterator[int]:
    """The least that a greedy decode can cost: nothing is kept but the last token."""
    for number, line in enumerate(lines, 1):
        with torch.inference_mode():
            encoded = model.encode(model.tokenize(line), untouched)
            state, token = model.begin(encoded), model.target.bos
            for _ in range(200):
                logits, state = model.step(encoded, state, torch.tensor([token]), untouched)
                token = int(logits.argmax())
                if token == model.target.eos:
                    break
        yield number


def _unwatched(model: Described, lines: list[str], settings: Settings) -> Iterator[int]:
    """The same session with nothing armed."""
    return _session(model, lines, settings, ())


def _spent(run: Iterator[int], sentences: int) -> float:
    """Processor seconds of the next `sentences` sentences of a run."""
    begin = time.process_time()
    for _ in islice(run, sentences):
        pass
    return time.process_time() - begin


def _compare(
    ours: Callable[[], Iterator[int]], peer: Callable[[], Iterator[int]], sentences: int
) -> tuple[float, float]:
    """Both over the corpus, a slice of each in turn, so that both meet the same machine."""
    gc.collect()
    our_run, peer_run = ours(), peer()
    our_seconds = peer_seconds = 0.0
    for turn in range(0, sentences, SLICE):
        if turn // SLICE % 2:  # who goes first finds the caches cold: in turns, too
            our_seconds += _spent(our_run, SLICE)
            peer_seconds += _spent(peer_run, SLICE)
        else:
            peer_seconds += _spent(peer_run, SLICE)
            our_seconds += _spent(our_run, SLICE)
    our_seconds += _spent(our_run, 1)  # to its end, and the check that it got there
    return our_seconds, peer_seconds


def rows(sentences: int = 500, runs: int = 5) -> list[Row]:
    """Greedy and a beam of 4, over the bundled model and over a Hugging Face one of a common size."""
    torch.set_num_threads(1)
    model = load_model("dates")
    lines = corpus(sentences)
    greedy, beam, one = SearchSettings(), SearchSettings(beam_size=4), ("lowConfidence",)
    cases = (
        ("greedy, a rule armed, peer plain decode", greedy, one, _plain, 1.10),
        ("beam of 4, a rule armed, peer plain decode", beam, one, _plain, 1.10),
        ("greedy, a rule armed, peer a loop that keeps nothing", greedy, one, _bare_greedy, None),
        ("greedy, every rule armed, peer none armed", greedy, EVERY, _unwatched, 1.10),
        ("beam of 4, every rule armed, peer none armed", beam, EVERY, _unwatched, 1.10),
    )
    out = []
    for what, settings, rules, peer, goal in cases:
        ours = partial(_session, model, lines, settings, rules)
        theirs = partial(peer, model, lines, settings)
        out.append(_row(f"{sentences} sentences, {what}", ours, theirs, sentences, runs, goal))
    return out + _marian(2 * SLICE, 3)


def _marian(sentences: int, runs: int) -> list[Row]:
    """Every rule armed against none, where a step is not all Python."""
    face, lines = sure_marian(), lines_for(sentences)
    out = []
    for beam in (1, 4):
        what = f"{sentences} sentences, Marian 3+3 layers d=256, beam of {beam}, every rule armed, peer none"
        ours = partial(_session, face, lines, settings_for(beam), EVERY)
        theirs = partial(_unwatched, face, lines, settings_for(beam))
        out.append(_row(what, ours, theirs, sentences, runs, 1.10))
    return out


def _row(
    what: str,
    ours: Callable[[], Iterator[int]],
    peer: Callable[[], Iterator[int]],
    sentences: int,
    runs: int,
    goal: float | None,
) -> Row:
    pairs = [_compare(ours, peer, sentences) for _ in range(runs + 1)][1:]
    our_seconds = statistics.median(a for a, _ in pairs)
    peer_seconds = statistics.median(b for _, b in pairs)
    ratio = statistics.median(a / b for a, b in pairs)
    return Row(what, f"{our_seconds:.2f} s", f"{peer_seconds:.2f} s", ratio, goal)
