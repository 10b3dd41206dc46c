"""Greedy search over a batch: one row a sentence, so a step is little more than its highest log-prob.

It decides what `search` decides with a beam of one. Axes as there.
"""

import math
from collections.abc import Collection, Sequence
from typing import Final

import torch
from torch import Tensor

from s2sdap.decoding.batched.backtrace import PieceTable
from s2sdap.decoding.batched.choices import ChoiceKeeper
from s2sdap.decoding.batched.forbidding import batch_logprobs
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
    names: Collection[str],
    tolerance: float,
) -> BatchOutcome:
    """Decode `sources` together, each by its likeliest tokens."""
    device, count, eos = model.device, len(sources), model.target.eos
    keeper = ChoiceKeeper(names, tolerance)
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

    def probe(site: str, value: Tensor, /) -> Tensor:
        if settings.coverage_penalty and site == sites.ATTENTION_WEIGHTS:
            attended.append(value)
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
            coverage = mass if coverage is None else coverage + mass
        steps.append((active, tokens, values, gaps))
        if keeper.wanted:
            if alive is None:
                keeper.add(time, active, logprobs, tokens, values, scores)
            else:
                here = alive.nonzero()[:, 0]
                keeper.add(time, active[here], logprobs[here], tokens[here], values[here], scores[here])
        over = tokens == eos if time >= len(prefix) else torch.zeros_like(active, dtype=torch.bool)
        if time + 1 == settings.max_length:
            over = torch.ones_like(over)
        if alive is not None:
            over = over & alive
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
    return _outcome(model, settings, steps, lengths, penalties, keeper, tolerance)


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
