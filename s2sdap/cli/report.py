"""The report of `s2sdap run`: one JSON object a sentence, with what was decoded and what was found.

Lines and steps are counted as everywhere: lines from 1, steps from 0. What is found before any step has
none. Probabilities are the model's
under the settings, scores are in nats.
"""

import math
from collections.abc import Iterator

import msgspec
from msgspec.structs import replace

from s2sdap.cli.reopening import Opening
from s2sdap.debugger.corpus.alone import Decoded
from s2sdap.debugger.stops import Finding, Stop
from s2sdap.decoding.decode import Output
from s2sdap.vocabulary.errors import S2sdapError


class _Camel(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """Absent is what is not there."""


class TokenLine(_Camel):
    """A target token; `logp` in nats."""

    piece: str
    id: int
    p: float
    logp: float


class OutputLine(_Camel):
    """A finished hypothesis: `score` is the sum of log-probs, `final` the score after penalties."""

    text: str
    score: float
    final: float
    tokens: list[TokenLine]


class LikelyLine(_Camel):
    """One of the likeliest tokens at a stop."""

    piece: str
    p: float


class ErrorLine(_Camel):
    """A row of the error catalogue."""

    number: int
    name: str
    text: str


class StopLine(_Camel):
    """What a watch rule found at a stop, each by itself, or why its condition could not be told.

    `step` chose the token that it is about: of a rule about outputs the output's last, though search ran
    on; of one about the source none. `command` opens the sentence paused there.
    """

    hypothesis: int
    text: str
    step: int | None = None
    rule: str | None = None
    condition: str | None = None
    token: str | None = None
    p: float | None = None
    entropy: float | None = None
    margin: float | None = None
    rank: int | None = None
    best: list[LikelyLine] = []
    command: str | None = None
    error: ErrorLine | None = None


class SentenceLine(_Camel):
    """A sentence. `output`, `score` and `tokens` are those of the best output.

    `batched` says that its numbers are those of a batch, which may be off in their last digits; no rule
    fires on such a sentence.
    """

    line: int
    source: str
    output: str | None = None
    score: float | None = None
    final: float | None = None
    tokens: list[TokenLine] = []
    n_best: list[OutputLine] = []
    stops: list[StopLine] = []
    error: ErrorLine | None = None
    reference: str | None = None
    batched: bool = False


def told(decoded: Decoded, opening: Opening | None = None, *, tokens: bool = True) -> SentenceLine:
    """A sentence as the report has it; `opening` knows the command that opens a stop.

    Where nobody reads `tokens` it is the best output's text, and no more of the outputs: the numbers of all
    tokens take nearly half as long as decoding them did.
    """
    result = decoded.result
    number = result.sentence.line + 1
    line = SentenceLine(
        line=number,
        source=result.sentence.text,
        output=result.text if result.outputs else None,
        stops=[line for stop in decoded.stops for line in _stops(stop, number, opening)],
        error=_error(result.error),
        reference=result.sentence.reference,
        batched=not decoded.exact,
    )
    if tokens and result.outputs:
        line.n_best = [_output(output) for output in result.outputs]
        best = line.n_best[0]
        line.score, line.final, line.tokens = best.score, best.final, best.tokens
    return line


def at_step(stop: StopLine) -> str:
    """Where in its sentence a stop is, in words that follow a name."""
    return " in the source" if stop.step is None else f" at step {stop.step}"


def _output(output: Output) -> OutputLine:
    tokens = zip(output.pieces, output.tokens, output.logprobs, strict=True)
    return OutputLine(
        text=output.text,
        score=output.score,
        final=output.final,
        tokens=[
            TokenLine(piece=piece, id=token, p=math.exp(logprob), logp=logprob)
            for piece, token, logprob in tokens
        ],
    )


def _stops(stop: Stop, number: int, opening: Opening | None) -> Iterator[StopLine]:
    """A line of what was found there, and one of each thing that other rules found at the same place."""
    if stop.cursor is None:
        raise AssertionError("a stop within a sentence has a place")
    at = stop.cursor
    step = None if at.step < 0 else at.step
    line = StopLine(step=step, hypothesis=at.hypothesis, text=stop.text, error=_error(stop.error))
    if stop.finding is None:
        yield line
        return
    yield _found(line, stop.finding, number, opening)
    for finding in stop.also:
        yield _found(replace(line, text=finding.text, error=None), finding, number, opening)


def _found(line: StopLine, found: Finding, number: int, opening: Opening | None) -> StopLine:
    return replace(
        line,
        step=found.step,
        hypothesis=line.hypothesis if found.hypothesis is None else found.hypothesis,
        rule=found.rule,
        condition=found.condition,
        token=found.token,
        p=found.p,
        entropy=found.entropy,
        margin=found.margin,
        rank=found.rank,
        best=[LikelyLine(piece=piece, p=p) for piece, p in found.best],
        command=None
        if opening is None
        else opening.command(number, found.step, f"{found.rule}({found.condition})"),
    )


def _error(error: S2sdapError | None) -> ErrorLine | None:
    return None if error is None else ErrorLine(number=error.number, name=error.name, text=str(error))
