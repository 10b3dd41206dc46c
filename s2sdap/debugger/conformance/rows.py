"""Checks of several hypotheses at once: rows of a state, and beam search."""

from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from s2sdap.debugger.conformance.bench import Absent, Bench, Broken, largest_gap, tolerance
from s2sdap.debugger.conformance.bits import bits_of, difference
from s2sdap.debugger.conformance.measuring import Watch
from s2sdap.decoding.planning import generates
from s2sdap.decoding.records import Hypothesis
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.contract import untouched

ROWS: Final = 3
"""Hypotheses at once."""


def select(bench: Bench) -> str:
    """Whether choosing rows of a state chooses rows of what follows, and each row is by itself."""
    if generates(bench.model):
        raise Absent("its library moves the rows; `beam` looks at what comes of it")
    model = bench.stepper
    bound = tolerance(bench.run)
    with torch.inference_mode():
        encoded = model.encode(bench.run.encoder.source, untouched)
        first = torch.tensor([model.target.bos], device=model.device)
        logits, state = model.step(encoded, model.begin(encoded), first, untouched)
        start = model.select(state, torch.zeros(ROWS, dtype=torch.long, device=model.device))
        tokens = logits[0].topk(min(ROWS, logits.shape[-1])).indices
        if len(tokens) < ROWS:
            raise Absent(f"a vocabulary of {len(tokens)} has too few tokens")
        logits, state = model.step(encoded, start, tokens, untouched)
        kept = bits_of(state)
        following = logits.argmax(dim=-1)
        watch = Watch()
        alike = torch.arange(ROWS, device=model.device)  # a copy: whether a step writes is not asked here
        wanted, _ = model.step(encoded, model.select(state, alike), following, watch)
        if tuple(wanted.shape[:1]) != (ROWS,):
            raise Broken(f"`step` returns logits {list(wanted.shape)} for {ROWS} hypotheses")
        apart = 0.0
        for order in ([2, 0, 1], [1, 1], [0], [1], [2], [0, 0, 1, 2, 2]):
            rows = torch.tensor(order, device=model.device)
            seen = Watch()
            got, _ = model.step(encoded, model.select(state, rows), following[rows], seen)
            pairs = {"the logits": (got, wanted[rows])}
            for name, value in watch.sites.items():
                if name not in bench.unfit:
                    pairs[name] = (seen.sites[name], value[rows])
            for name, (mine, other) in pairs.items():
                gap = _gap(mine, other)
                if gap > bound:
                    raise Broken(f"rows {order} of three: {name} differ by {gap:.2g} from those rows before")
                apart = max(apart, gap)
        if (place := difference(kept, bits_of(state))) is not None:
            raise Broken(f"`select` wrote in place into the state {place}".rstrip())
    if bits_of(wanted[0]) == bits_of(wanted[1]) == bits_of(wanted[2]):
        raise Absent("three hypotheses with other tokens come out alike, so that rows cannot be told apart")
    return f"rows chosen, repeated and alone give the same; numbers differ by at most {apart:.1e}"


def _gap(mine: Tensor, other: Tensor) -> float:
    return largest_gap(mine, other) if mine.shape == other.shape else torch.inf


def beam(bench: Bench) -> str:
    """Whether a beam of three works, and each output has its own log-probs."""
    source = bench.sources[bench.main]
    # A library may make several outputs of several sentences instead of one beam; Whisper's does.
    run = bench.decode(source, beam_size=ROWS, n_best=ROWS if bench.opaque else 1)
    widest = max(len(record.before.live) for record in run.records)
    best = run.plan.best(run.records[-1].after)
    if not best:
        raise Broken("it ended without an output")
    texts = {output.tokens for output in best}
    if len(texts) != len(best):
        raise Broken(f"{len(best)} outputs, of which {len(texts)} are different")
    told = f"{len(best)} outputs of {len(run.records)} steps, {widest} hypotheses at once"
    if not isinstance(run.plan, Decode):
        return told
    apart = max(_apart(run.plan, output) for output in best)
    bound = tolerance(bench.run)
    if apart > bound:
        raise Broken(
            f"log-probs differ by {apart:.2g} from those of the same output by itself: hypotheses mix"
        )
    return f"{told}; log-probs are those of each by itself within {apart:.1e}"


def _apart(plan: Decode, output: Hypothesis) -> float:
    """How far the log-probs of an output are from those of the same tokens in a decode of their own."""
    length = len(output.tokens)
    settings = SearchSettings(max_length=length, min_length=min(plan.settings.min_length, length))
    alone = replace(plan, settings=settings, prefix=output.tokens)
    encoder = alone.begin()
    snapshot = encoder.after
    while not snapshot.ended:
        snapshot = alone.step(encoder, snapshot).after
    pairs = zip(snapshot.finished[0].path(), output.path(), strict=True)
    return max(abs(mine.logprob - other.logprob) for mine, other in pairs)
