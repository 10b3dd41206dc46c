"""A sentence held against its reference, in words: where the two part, and how likely either was there."""

import math
from typing import TypeVar

from s2sdap.debugger.comparing.comparison import Cell, compare
from s2sdap.debugger.comparing.runs import Run, Work, begun, best_run, forced_run, run_on
from s2sdap.decoding.reference import reference_of
from s2sdap.language.decoded import Asked
from s2sdap.language.engine import Cancelled, Engine
from s2sdap.language.worker import Interrupted
from s2sdap.vocabulary.errors import S2sdapError

T = TypeVar("T")


def against_reference(engine: Engine, asked: Asked, path: str | None, cancelled: Cancelled) -> str:
    """What the model writes against what it should, by teacher forcing the reference.

    Raises:
        S2sdapError: `no_reference` where there is none, and what keeps a sentence from being decoded.
        Interrupted: `cancelled()` came true.
    """
    if asked.reference is None:
        raise S2sdapError("no_reference", sentence=f"line {asked.line + 1}")
    plan = engine.planner(asked.text, sentence=asked.index, line=asked.line + 1, where=path or "source")
    encoder = begun(plan)
    records = _done(run_on(plan, encoder), cancelled)
    output = best_run("output", plan, encoder, records)
    reference = reference_of(plan, encoder, asked.reference)
    forced = _done(forced_run("reference", plan, encoder, reference), cancelled)
    comparison = _done(compare(output, forced), cancelled)
    parting = comparison.parting
    told = f"Output {output.text!r} (p = {_probability(output):.3g})"
    lost = f" The vocabulary lacks {', '.join(map(repr, reference.unknown))}." if reference.unknown else ""
    if parting is None:
        return f"{told}: the reference, token for token.{lost}"
    return (
        f"{told}, reference {asked.reference!r} (p = {_probability(forced):.3g}): they part at step "
        f"{comparison.divergence}, where the model wrote {_cell(parting.left)} and the reference has "
        f"{_cell(parting.right)}.{lost}"
    )


def _cell(cell: Cell | None) -> str:
    if cell is None:
        return "nothing more"
    rank = "" if cell.rank == 0 else f", rank {cell.rank}"
    return f"{cell.piece!r} (p = {math.exp(cell.logprob):.3g}{rank})"


def _probability(run: Run) -> float:
    return math.exp(sum(node.logprob for node in run.nodes))


def _done(work: Work[T], cancelled: Cancelled) -> T:
    """What a piece of work returns."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result
        if cancelled():
            raise Interrupted
