"""The likeliest tokens at every step of a hypothesis, a column each, as a view of the whole decode needs.

The log-probs of a step may have been let go of; then its column costs a forward pass. So those that
are at hand can be asked for by themselves, and a column that was made is kept with its record.
"""

import weakref
from dataclasses import dataclass
from typing import Final

from s2sdap.debugger import measures
from s2sdap.debugger.frames import Frame
from s2sdap.decoding.records import Hypothesis, StepRecord
from s2sdap.vocabulary import sites

MOST: Final = 50
"""Tokens of a column at most."""


@dataclass(frozen=True, slots=True)
class Column:
    """How sure the model was at a step, and of what.

    Attributes:
        top: the likeliest tokens with their log-probs in nats, best first, at most `MOST`.
        entropy: of the distribution, in nats.
        margin: the likeliest token's probability less the second's.
        rank: of the token that was chosen, 0 for the likeliest; `None` before one was.
    """

    top: tuple[tuple[int, float], ...]
    entropy: float
    margin: float
    rank: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """One step of a hypothesis: its record, its row there, and the hypothesis with that step's token.

    `chosen` is `None` at the step of the cursor before search has chosen.
    """

    record: StepRecord
    row: int
    chosen: Hypothesis | None


_KNOWN: "weakref.WeakKeyDictionary[StepRecord, dict[tuple[int, int | None], Column]]" = (
    weakref.WeakKeyDictionary()
)


def rows_of(frame: Frame) -> list[Row]:
    """The steps of a frame's hypothesis up to it, oldest first; the encoder's frame has none."""
    rows = [Row(frame.records[node.step], node.row, node) for node in frame.hypothesis.path()][::-1]
    if frame.record is not None and frame.chosen is None:
        rows.append(Row(frame.record, frame.row, None))
    return rows


def predicted(frame: Frame, row: Row) -> bool:
    """Whether a step has come to its prediction at this frame; all but the frame's own have."""
    return row.chosen is not None or frame.has(sites.PREDICTION_LOGPROBS)


def column_at_hand(row: Row) -> Column | None:
    """The column of a step if it costs no forward pass."""
    known = _KNOWN.get(row.record, {}).get(_key(row))
    if known is not None:
        return known
    held = getattr(row.record.sites, "held", row.record.sites)
    return column(row) if sites.PREDICTION_LOGPROBS in held else None


def column(row: Row) -> Column:
    """The column of a step that has come to its prediction. May run the step again."""
    known = _KNOWN.setdefault(row.record, {})
    found = known.get(_key(row))
    if found is None:
        logprobs = row.record.sites[sites.PREDICTION_LOGPROBS][row.row]
        chosen = None if row.chosen is None else row.chosen.token
        found = known[_key(row)] = Column(
            top=tuple(measures.top_tokens(logprobs, MOST)),
            entropy=measures.entropy(logprobs),
            margin=measures.margin(logprobs),
            rank=None if chosen is None else measures.rank(logprobs, chosen),
        )
    return found


def _key(row: Row) -> tuple[int, int | None]:
    return row.row, None if row.chosen is None else row.chosen.token
