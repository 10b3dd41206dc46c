"""Greedy search over a batch: one row a sentence, so a step is little more than its highest log-prob.

It decides what `search` decides with a beam of one. Axes as there.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.batched.backtrace import PieceTable
from s2sdap.decoding.batched.choices import ChoiceKeeper, Choices, Looked, with_history
from s2sdap.decoding.batched.finiteness import Finiteness, not_finite_encoders
from s2sdap.decoding.batched.forbidding import batch_logprobs
from s2sdap.decoding.batched.histories import taken_of
from s2sdap.decoding.batched.outcome import DONE_SHARE, BatchOutcome, coverage_terms
from s2sdap.decoding.decode import Output
from s2sdap.decoding.penalties import attention_mass, length_term
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import BatchingModel, Source
from s2sdap.vocabulary import sites

_NOTHING: Final = -math.inf


def greedy_batch(  # noqa: PLR0915 - one loop, read from top to bottom
    model: BatchingModel,
    sources: Sequence[Source],
    settings: SearchSettings,
    prefix: Sequence[int],
    looked: Looked,
    tolerance: float,
) -> BatchOutcome:
    """Decode `sources` together, each by its likeliest tokens."""
    device, count, eos = model.device, len(sources), model.target.eos
    keeper = ChoiceKeeper(looked.steps, tolerance)
    encoded = model.encode_batch(sources)
    state = model.begin(encoded)
    source_lengths = torch.tensor([len(source.tokens) for source in sources], device=device)
    active = torch.arange(count, device=device)
    tokens = torch.full((count,), model.target.bos, device=device)
    written = tokens[:, None][:, :0] if settings.no_repeat_ngram else None
    scores = torch.zeros(count, dtype=torch.float64, device=device)
    coverage: Tensor | None = None
    alive: Tensor | None = None  # which of `active` still decode; `None` is all
    lengths = torch.zeros(count, dtype=torch.long, device=device)
    penalties = torch.zeros(count, dtype=torch.float64, device=device)
    steps: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
    attended: list[Tensor] = []
    kept: list[Tensor] = []  # of each step [A, 1, S], where somebody asks
    attends = bool(settings.coverage_penalty) or looked.attention
    finiteness = Finiteness() if looked.finiteness else None
    bad = not_finite_encoders(model, sources) if looked.finiteness else None

    def probe(site: str, value: Tensor, /) -> Tensor:
        if attends and site == sites.ATTENTION_WEIGHTS:
            attended.append(value)
        if finiteness is not None:
            finiteness.look(site, value)
        return value

    for time in range(settings.max_length):
        logits, state = model.step(encoded, state, tokens, probe)
        logprobs = batch_logprobs(logits, written, time, settings, eos)
        if time < len(prefix):
            tokens = torch.full_like(tokens, prefix[time])
            values = logprobs[:, prefix[time]]
            own = torch.log_softmax(logits, dim=-1)[:, prefix[time]]
            values = torch.where(values == _NOTHING, own, values).double()
            gaps = torch.full_like(values, torch.inf)
        else:
            top = logprobs.topk(2, dim=-1)
            tokens, values = top.indices[:, 0], top.values[:, 0].double()
            gaps = values - top.values[:, 1]
        scores = scores + values
        if attended:
            mass = attention_mass(attended.pop())
            if looked.attention:
                kept.append(mass[:, None])
            if settings.coverage_penalty:
                coverage = mass if coverage is None else coverage + mass
        if finiteness is not None and bad is not None:
            finiteness.look(sites.PREDICTION_LOGITS, logits)
            finiteness.look(sites.PREDICTION_LOGPROBS, logprobs)
            if finiteness.bad is not None:
                bad[active] |= finiteness.bad
                finiteness.bad = None
        steps.append((active, tokens, values, gaps))
        over = tokens == eos if time >= len(prefix) else torch.zeros_like(active, dtype=torch.bool)
        if time + 1 == settings.max_length:
            over = torch.ones_like(over)
        if alive is not None:
            over = over & alive
        if keeper.wanted:
            if alive is None:
                keeper.add(time, active, logprobs, tokens, values, scores, finished=over, ended=over)
            else:
                here = alive.nonzero()[:, 0]
                numbers = (each[here] for each in (active, logprobs, tokens, values, scores))
                keeper.add(time, *numbers, finished=over[here], ended=over[here])
        if bool(over.any()):
            ended = active[over]
            lengths[ended] = time + 1
            if coverage is not None:
                penalties[ended] = coverage_terms(
                    coverage[over], source_lengths[over], settings.coverage_penalty
                )
            alive = ~over if alive is None else alive & ~over
            going = alive.nonzero()[:, 0]
            if not len(going):
                break
            if len(going) <= (1 - DONE_SHARE) * len(active):
                encoded, state = model.select_encoded(encoded, going), model.select(state, going)
                active, tokens, scores = active[going], tokens[going], scores[going]
                source_lengths, alive = source_lengths[going], None
                written = None if written is None else written[going]
                coverage = None if coverage is None else coverage[going]
        if written is not None:
            written = torch.cat((written, tokens[:, None]), dim=1)
    outcome = _outcome(model, settings, steps, lengths, penalties, keeper, tolerance)
    choices, ends = outcome.choices, None
    if looked.ends is not None:
        ends = _ends(looked.ends, outcome.outputs, device, tolerance)
    if looked.history:
        taken = taken_of(
            [(active, torch.zeros_like(tokens)[:, None], tokens[:, None]) for active, tokens, _, _ in steps],
            *(kept, tolerance),
        )
        choices = with_history(choices, taken, tolerance)
        ends = None if ends is None else with_history(ends, taken, tolerance)
    close = outcome.close if bad is None else outcome.close | bad.cpu().numpy()
    return replace(outcome, close=close, choices=choices, ends=ends)


def _ends(
    names: frozenset[str], outputs: Sequence[Sequence[Output]], device: torch.device, tolerance: float
) -> Choices:
    """The last choice of every output."""
    keeper = ChoiceKeeper(names, tolerance)
    by_length: dict[int, list[int]] = {}
    for sentence, (output,) in enumerate(outputs):
        by_length.setdefault(len(output.tokens), []).append(sentence)
    for length, sentences in by_length.items():
        last = [outputs[sentence][0] for sentence in sentences]
        keeper.add(
            length - 1,
            torch.tensor(sentences, device=device),
            None,
            torch.tensor([each.tokens[-1] for each in last], device=device),
            torch.tensor([each.logprobs[-1] for each in last], dtype=torch.float64, device=device),
            torch.tensor([each.score for each in last], dtype=torch.float64, device=device),
            finished=torch.ones(len(last), dtype=torch.bool, device=device),
        )
    return keeper.all()


def _outcome(
    model: BatchingModel,
    settings: SearchSettings,
    steps: Sequence[tuple[Tensor, Tensor, Tensor, Tensor]],
    lengths: Tensor,
    penalties: Tensor,
    keeper: ChoiceKeeper,
    tolerance: float,
) -> BatchOutcome:
    """The outputs, and where the second token was close to the first or something was no number."""
    shape = (len(lengths), len(steps))
    all_tokens = torch.zeros(shape, dtype=torch.long, device=lengths.device)
    all_values = torch.zeros(shape, dtype=torch.float64, device=lengths.device)
    all_gaps = torch.full(shape, torch.inf, dtype=torch.float64, device=lengths.device)
    for time, (active, tokens, values, gaps) in enumerate(steps):
        all_tokens[active, time] = tokens
        all_values[active, time] = values
        all_gaps[active, time] = gaps
    within = torch.arange(len(steps), device=lengths.device) < lengths[:, None]
    all_values = torch.where(within, all_values, 0.0)
    close = (within & ~(all_gaps > 2 * tolerance)).any(dim=1)  # a gap that is no number is close, too
    close |= ~all_values.isfinite().all(dim=1)
    totals = all_values.cumsum(dim=1)[:, -1].tolist()
    pieces = PieceTable(model.target)
    outputs = []
    rows = zip(
        all_tokens.tolist(), all_values.tolist(), lengths.tolist(), totals, penalties.tolist(), strict=True
    )
    for row, values, length, total, penalty in rows:
        written = tuple(row[:length])
        outputs.append(
            (
                Output(
                    text=model.target.text(written),
                    tokens=written,
                    pieces=pieces.of(written),
                    logprobs=tuple(values[:length]),
                    score=total,
                    final=total / length_term(length, settings.length_penalty) + penalty,
                ),
            )
        )
    return BatchOutcome(tuple(outputs), close.cpu().numpy(), keeper.all())
