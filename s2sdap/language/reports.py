"""What the last `s2sdap run --report` wrote of a file: its outputs and findings, with nothing decoded."""

import math
from collections.abc import Iterator
from pathlib import Path

import msgspec

from s2sdap.debugger.watch_rules import WATCH_RULES
from s2sdap.language.decoded import DecodedSentence, FoundHere, Origin, Rival
from s2sdap.vocabulary.errors import S2sdapError
from s2sdap.vocabulary.files import read_bytes
from s2sdap.vocabulary.positions import Span


class _Error(msgspec.Struct, frozen=True):
    text: str


class _Stop(msgspec.Struct, frozen=True):
    hypothesis: int
    text: str
    step: int = -1
    """of what is found before any step, which a report leaves out or, of an earlier release, tells as this"""
    rule: str | None = None
    condition: str | None = None
    token: str | None = None
    p: float | None = None


class _Sentence(msgspec.Struct, frozen=True):
    """The fields of a report's line that are shown; the others are let be."""

    line: int
    source: str
    output: str | None = None
    score: float | None = None
    stops: tuple[_Stop, ...] = ()
    error: _Error | None = None


def read_report(path: str) -> Iterator[tuple[int, DecodedSentence]]:
    """The sentences of a report: the 0-based line of each, and what became of it.

    A report that is still being written ends in the middle of a line, which is passed over.

    Raises:
        S2sdapError: `program_missing` where there is no such file, `report_malformed` where it is no report.
    """
    for number, line in enumerate(read_bytes(path).split(b"\n"), start=1):
        if not line:
            continue
        try:
            told = msgspec.json.decode(line, type=_Sentence)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            if not line.endswith(b"}"):
                continue
            raise S2sdapError("report_malformed", path=Path(path), line=number, reason=error) from None
        yield told.line - 1, _decoded(told)


def _decoded(told: _Sentence) -> DecodedSentence:
    return DecodedSentence(
        told.source,
        told.output or "",
        0.0 if told.score is None else math.exp(told.score),
        Origin.REPORT,
        findings=tuple(_found(stop, told.source) for stop in told.stops if stop.rule in WATCH_RULES),
        error=None if told.error is None else told.error.text,
    )


def _found(stop: _Stop, source: str) -> FoundHere:
    """A finding of a report, which does not tell the words: it is about all of the sentence."""
    rule = WATCH_RULES[stop.rule or ""]
    token = None if stop.token is None or stop.p is None else Rival(-1, stop.token, stop.p)
    where = "" if stop.step < 0 else f", at step {stop.step}"
    return FoundHere(
        rule.id,
        stop.condition or rule.condition,
        f"{rule.label}: {stop.text}{where}",
        rule.advice,
        stop.step,
        (Span(0, len(source)),),
        token,
    )
