"""Comparisons and references as bodies of our own messages (see `protocol.custom.comparing`)."""

import math
from collections.abc import Sequence

from s2sdap.dap.panel_bodies import token_body
from s2sdap.debugger.comparing.comparison import Cell, Comparison, Rival, Row
from s2sdap.debugger.comparing.runs import Run
from s2sdap.debugger.comparing.sides import Sought
from s2sdap.debugger.comparing.whereabouts import Fall, told
from s2sdap.decoding.plan import Plan
from s2sdap.decoding.records import Hypothesis
from s2sdap.protocol import custom


def comparison_body(comparison: Comparison, rows: Sequence[Row], parting: Row | None) -> custom.CompareBody:
    """A comparison with a page of its rows."""
    return custom.CompareBody(
        left=_run_body(comparison.left),
        right=_run_body(comparison.right),
        same=comparison.divergence is None,
        same_vocabulary=comparison.same_vocabulary,
        rows=[row_body(row) for row in rows],
        total=len(comparison.pairs),
        absent=dict(comparison.absent),
        divergence=comparison.divergence,
        parting=None if parting is None else row_body(parting),
    )


def row_body(row: Row) -> custom.RowBody:
    """A row."""
    return custom.RowBody(
        same=row.same,
        left=_cell_body(row.left),
        right=_cell_body(row.right),
        attention_tv=row.attention_tv,
        attention_js=row.attention_js,
        state_l2=row.state_l2,
        state_cosine=row.state_cosine,
        kl=_finite(row.kl),
        js=row.js,
    )


def reference_body(sought: Sought) -> custom.ReferenceBody:
    """Where a reference went."""
    where, forced, plan = sought.whereabouts, sought.forced, sought.plan
    output = where.output
    body = custom.ReferenceBody(
        outcome=where.outcome.value,
        text=told(where, plan, sought.reference.unknown),
        reference=sought.reference.text,
        tokens=[
            token_body(plan.model.target.piece(node.token), node.token, node.logprob)
            for node in (() if forced is None else forced.nodes)
        ],
        unknown=list(sought.reference.unknown),
    )
    if forced is not None and sought.whole:
        body.score, body.final = forced.hypothesis.score, forced.hypothesis.final
    if output is not None:
        body.output = plan.model.target.text(output.tokens)
        body.output_score, body.output_final = output.score, output.final
    if where.fall is not None:
        body.fall = _fall_body(plan, where.fall)
    if where.place is not None:
        body.place, body.finished, body.behind = where.place, where.finished, where.behind
    return body


def _run_body(run: Run) -> custom.RunBody:
    return custom.RunBody(
        label=run.label,
        model=run.model.name,
        fingerprint=run.model.fingerprint,
        source=run.source.text,
        output=run.text,
        tokens=len(run.nodes),
        score=run.hypothesis.score,
        final=run.hypothesis.final,
        hypothesis=run.hypothesis.id,
        branch=run.branch,
    )


def _cell_body(cell: Cell | None) -> custom.CellBody | None:
    if cell is None:
        return None
    return custom.CellBody(
        step=cell.step,
        token=token_body(cell.piece, cell.token, cell.logprob),
        rank=cell.rank,
        entropy=cell.entropy,
        margin=cell.margin,
        rival=None if cell.rival is None else _rival_body(cell.rival),
    )


def _rival_body(rival: Rival) -> custom.RivalBody:
    return custom.RivalBody(
        piece=rival.piece,
        id=rival.token,
        p=math.exp(rival.logprob),
        rank=rival.rank,
        logp=_finite(rival.logprob),
    )


def _fall_body(plan: Plan, fall: Fall) -> custom.FallBody:
    return custom.FallBody(
        step=fall.step,
        token=token_body(plan.model.target.piece(fall.token), fall.token, fall.logprob),
        parent=_live_body(plan, fall.parent),
        score=fall.score,
        rank=fall.rank,
        token_rank=fall.token_rank,
        considered=fall.considered,
        reason=fall.reason.name.lower(),
        fate=None if fall.fate is None else fall.fate.name.lower(),
        survivor=None if fall.survivor is None else _live_body(plan, fall.survivor),
        gap=fall.gap,
    )


def _live_body(plan: Plan, hypothesis: Hypothesis) -> custom.LiveBody:
    text = plan.model.target.text(hypothesis.tokens)
    return custom.LiveBody(id=hypothesis.id, score=hypothesis.score, output=text)


def _finite(value: float | None) -> float | None:
    """A number as JSON knows them."""
    return value if value is not None and math.isfinite(value) else None
