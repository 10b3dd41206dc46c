"""The search as a tree, packed into arrays."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from s2sdap.debugger.session import Session
from s2sdap.decoding.records import Reason, StepRecord
from s2sdap.protocol import custom
from s2sdap.protocol.arrays import array_body

CANDIDATES: Final = 50_000
"""Candidates that one answer carries at most."""


def tree_body(session: Session, records: Sequence[StepRecord], total: int) -> custom.TreeBody:
    """The candidates of these steps, as many steps as there is room for."""
    steps: list[custom.TreeStepBody] = []
    tokens: set[int] = set()
    room = CANDIDATES
    for record in records:
        decided = record.decided
        room -= len(decided)
        if room < 0 and steps:
            break
        steps.append(_step(record))
        tokens.update(decided.token.tolist())
    cursor = session.cursor
    return custom.TreeBody(
        sentence=cursor.sentence,
        branch=cursor.branch,
        step=cursor.step,
        hypothesis=cursor.hypothesis,
        alive=[each.id for each in session.hypotheses()],
        steps=steps,
        total=total,
        pieces={str(token): session.target.piece(token) for token in sorted(tokens)},
        reasons=[reason.name.lower() for reason in Reason],
    )


def _step(record: StepRecord) -> custom.TreeStepBody:
    decided = record.decided
    live = np.array([each.id for each in record.before.live], "<i4")
    ids = np.stack([live[decided.parent], decided.token, decided.fate, decided.reason, decided.child], axis=1)
    numbers = np.stack([decided.logprob, decided.score, decided.coverage_term, decided.final], axis=1)
    return custom.TreeStepBody(
        step=record.step,
        live=live.tolist(),
        ids=array_body("int32", ids.shape, ids.astype("<i4").tobytes()),
        numbers=array_body("float32", numbers.shape, numbers.astype("<f4").tobytes()),
        length_term=decided.length_term,
    )
