"""A whole sentence at once: the step in a loop, with nobody watching.

The session of floor 3 runs the very same step, which is why a decode under it gives the same bits.
"""

from collections.abc import Iterator
from dataclasses import replace

import msgspec

from s2sdap.decoding.records import Hypothesis, StepRecord
from s2sdap.decoding.settings import SearchSettings
from s2sdap.decoding.step import Decode
from s2sdap.models.contract import Described, Model
from s2sdap.models.tokens import whole


class Output(msgspec.Struct, frozen=True):
    """One finished hypothesis: its text, tokens (end symbol included) and scores in nats.

    `score` is the sum of log-probs, `final` the score after penalties by which the n best are
    ordered; `logprobs` has one entry a token.
    """

    text: str
    tokens: tuple[int, ...]
    pieces: tuple[str, ...]
    logprobs: tuple[float, ...]
    score: float
    final: float


def output_of(model: Described, hypothesis: Hypothesis) -> Output:
    """A hypothesis as text and numbers."""
    tokens = hypothesis.tokens
    return Output(
        text=model.target.text(tokens),
        tokens=tokens,
        pieces=tuple(model.target.piece(token) for token in tokens),
        logprobs=tuple(node.logprob for node in hypothesis.path())[::-1],
        score=hypothesis.score,
        final=hypothesis.final,
    )


def steps(decode: Decode) -> Iterator[StepRecord]:
    """The records of a sentence, one step after the other."""
    encoder = decode.begin()
    snapshot = encoder.after
    while not snapshot.ended:
        record = decode.step(encoder, snapshot)
        snapshot = record.after
        yield record


def decode(
    model: Model, text: str, settings: SearchSettings | None = None, *, sentence: int = 0
) -> tuple[Output, ...]:
    """Decode one source sentence. Returns the `n_best` outputs, best first."""
    settings = settings or SearchSettings()
    plan = Decode.of(model, text, settings, sentence=sentence)
    *_, last = steps(plan)  # max_length is 1 or more, so there is one
    return tuple(output_of(plan.model, hypothesis) for hypothesis in last.after.finished[: settings.n_best])


def score(model: Model, text: str, reference: str, settings: SearchSettings | None = None) -> Output:
    """Teacher-force `reference`: the model's log-prob of each of its tokens, through the same step.

    The prefix is the reference and the end symbol, where there is one: then the last token's log-prob is
    that of ending.
    """
    base = settings or SearchSettings()
    target = Decode.of(model, text, base).model.target
    end = (target.eos,) if target.eos >= 0 else ()
    forced = (*whole(target, reference), *end)
    settings = SearchSettings(
        length_penalty=base.length_penalty,
        coverage_penalty=base.coverage_penalty,
        max_length=len(forced),
        max_source_length=base.max_source_length,
    )
    plan = replace(Decode.of(model, text, settings), prefix=forced)
    *_, last = steps(plan)
    return output_of(plan.model, last.after.finished[0])
