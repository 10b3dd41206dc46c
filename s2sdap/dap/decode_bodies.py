"""A whole decode as the body of one message, sized for the view of it."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from s2sdap.dap.panel_bodies import MATRIX, source_bodies, token_body
from s2sdap.debugger.attention_maps import Fold, attention_map
from s2sdap.debugger.columns import Column, Row, column, column_at_hand, predicted, rows_of
from s2sdap.debugger.edit_lists import told
from s2sdap.debugger.frames import Frame
from s2sdap.debugger.session import Session
from s2sdap.decoding.edits import Edit, TokenEdit
from s2sdap.decoding.records import Hypothesis
from s2sdap.protocol import custom
from s2sdap.protocol.arrays import ArrayBody, array_body
from s2sdap.vocabulary import sites

STEPS: Final = 400
"""Steps that one answer carries at most."""
COLUMNS: Final = 64
"""Columns that one request may have run again."""


def _page(frame: Frame, asked: custom.DecodeArguments) -> tuple[int, list[Row], int]:
    """The first step that is asked for, the rows of the page, and how many there are in all."""
    rows = rows_of(frame)
    most = min(asked.count or STEPS, STEPS, max(1, MATRIX // max(1, len(frame.attended))))
    start = max(0, len(rows) - most) if asked.start is None else min(asked.start, len(rows))
    return start, rows[start : start + most], len(rows)


def at_hand(frame: Frame, asked: custom.DecodeArguments) -> bool:
    """Whether the attention of these steps is there, so that none has to be run again."""
    records = (row.record for row in _page(frame, asked)[1])
    return all(
        sites.ATTENTION_WEIGHTS not in record.sites
        or sites.ATTENTION_WEIGHTS in getattr(record.sites, "held", record.sites)
        for record in records
    )


def decode_body(session: Session, frame: Frame, asked: custom.DecodeArguments) -> custom.DecodeBody:
    """A hypothesis up to a frame. Runs nothing again but attention that was let go of; see `at_hand`."""
    start, shown, total = _page(frame, asked)
    attention, layers, heads = _attention(frame, shown, asked, len(frame.attended))
    return custom.DecodeBody(
        sentence=frame.sentence.index,
        line=frame.sentence.line + frame.before.sentence,
        text=frame.source.text,
        branch=frame.branch,
        step=frame.step,
        stage=frame.stage.value,
        stages=[stage.value for stage in session.model.layout.stages],
        hypothesis=frame.hypothesis.id,
        hypotheses=[each.id for each in session.hypotheses()],
        score=frame.hypothesis.score,
        output=frame.decode.model.target.text(frame.hypothesis.tokens),
        attended=source_bodies(frame),
        start=start,
        total=total,
        steps=[_step(frame, row, asked.top) for row in shown],
        layers=layers,
        heads=heads,
        attention=attention,
        reference=frame.sentence.reference,
        edited=[told(edit, frame.piece) for edit in frame.encoder.edits] or None,
    )


def columns_body(frame: Frame, asked: custom.ColumnsArguments) -> custom.ColumnsBody:
    """The columns of some steps. May run as many steps again."""
    wanted = rows_of(frame)[asked.start : asked.start + min(asked.count, COLUMNS)]
    made = [(row, column(row)) for row in wanted if predicted(frame, row)]
    return custom.ColumnsBody(columns=[_column(frame, row, each, asked.top) for row, each in made])


def _step(frame: Frame, row: Row, top: int) -> custom.DecodedStepBody:
    made = column_at_hand(row) if predicted(frame, row) else None
    token = row.chosen
    return custom.DecodedStepBody(
        step=row.record.step,
        token=None if token is None else token_body(frame.piece(token.token), token.token, token.logprob),
        forced=token is not None and _chosen_by_a_person(row.record.edits, token),
        column=None if made is None else _column(frame, row, made, top),
        edits=[told(edit, frame.piece) for edit in row.record.edits] or None,
        copied=_copied(frame, row),
    )


def _copied(frame: Frame, row: Row) -> float | None:
    """The probability of copying, where the step has come to it and nothing has to be run again."""
    held = getattr(row.record.sites, "held", row.record.sites)
    if sites.PREDICTION_COPY not in held or (row.chosen is None and not frame.has(sites.PREDICTION_COPY)):
        return None
    return float(held[sites.PREDICTION_COPY][row.row])


def _chosen_by_a_person(edits: Sequence[Edit], node: Hypothesis) -> bool:
    return any(
        isinstance(edit, TokenEdit)
        and edit.token == node.token
        and (node.parent is None or edit.hypothesis == node.parent.id)
        for edit in edits
    )


def _column(frame: Frame, row: Row, made: Column, top: int) -> custom.ColumnBody:
    return custom.ColumnBody(
        step=row.record.step,
        top=[token_body(frame.piece(token), token, logprob) for token, logprob in made.top[:top]],
        entropy=made.entropy,
        margin=made.margin,
        rank=made.rank,
    )


def _attention(
    frame: Frame, rows: Sequence[Row], asked: custom.DecodeArguments, width: int
) -> tuple[ArrayBody | None, int, int]:
    """The map of the steps that have come to attention, with the numbers of layers and heads."""
    having = [
        row
        for row in rows
        if sites.ATTENTION_WEIGHTS in row.record.sites
        and (row.chosen is not None or frame.has(sites.ATTENTION_WEIGHTS))
    ]
    if not having:
        return None, 0, 0
    layers, heads = having[-1].record.sites[sites.ATTENTION_WEIGHTS].shape[1:3]
    numbers = attention_map(having, Fold(asked.fold), asked.layer, asked.head, width).numpy()
    body = array_body("float32", numbers.shape, np.ascontiguousarray(numbers, "<f4").tobytes())
    return body, layers, heads
