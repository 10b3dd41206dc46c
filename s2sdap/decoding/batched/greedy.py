"""Greedy search over a batch: one row a sentence, so a step is little more than its highest log-prob.

It decides what `search` decides with a beam of one. Axes as there.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from s2sdap.decoding.batched.backtrace import Writers
from s2sdap.decoding.batched.choices import ChoiceKeeper, Choices, Looked, with_history
from s2sdap.decoding.batched.finiteness import Finiteness, SourceFiniteness
from s2sdap.decoding.batched.forbidding import batch_logprobs, log_softmax
from s2sdap.decoding.batched.histories import taken_of
from s2sdap.decoding.batched.outcome import DONE_SHARE, BatchOutcome, Telling, coverage_terms
from s2sdap.decoding.decode import Output
from s2sdap.decoding.likeliest import likeliest, runner_up
from s2sdap.decoding.penalties import attention_mass, length_term
from s2sdap.decoding.settings import SearchSettings
from s2sdap.models.contract import BatchingModel, Source
from s2sdap.vocabulary import sites

_NOTHING: Final = -math.inf
_AT_ONCE: Final = 2**20
"""Logits that wait to be made log-probs of, many steps at once."""


@dataclass(slots=True, eq=False)
class _Step:
    """What a step chose for each of the `active` sentences.

    `best` [A, 2] are the log-probs of that and of what comes next to it; until they are computed, `logits`
    [A, V] are what they come from. `of_rows` are numbers of whole rows, where somebody asks for them.
    """

    active: Tensor
    tokens: Tensor
    best: Tensor | None
    logits: Tensor | None = None
    of_rows: dict[str, Tensor] = field(default_factory=dict)


def run_greedily(  # noqa: PLR0915 - one loop, read from top to bottom
    model: BatchingModel,
    sources: Sequence[Source],
    settings: SearchSettings,
    prefix: Sequence[int],
    looked: Looked,
    tolerance: float,
) -> Telling:
    """Decode `sources` together, each by its likeliest tokens."""
    device, count, eos = model.device, len(sources), model.target.eos
    keeper = ChoiceKeeper(looked.steps, tolerance)
    finiteness = Finiteness() if looked.finiteness else None
    reading = SourceFiniteness(sources) if looked.finiteness else None
    encoded = model.encode_batch(sources) if reading is None else model.encode_batch(sources, reading)
    bad = None if reading is None else reading.bad.to(device)
    state = model.begin(encoded)
    source_lengths = torch.tensor([len(source.tokens) for source in sources], device=device)
    active = torch.arange(count, device=device)
    tokens = torch.full((count,), model.target.bos, device=device)
    written = tokens[:, None][:, :0] if settings.no_repeat_ngram else None
    coverage: Tensor | None = None
    alive: Tensor | None = None  # which of `active` still decode; `None` is all
    lengths = torch.zeros(count, dtype=torch.long, device=device)
    penalties = torch.zeros(count, dtype=torch.float64, device=device)
    steps: list[_Step] = []
    waiting = 0  # numbers in the logits of steps that are yet to be told
    attended: list[Tensor] = []
    kept: list[Tensor] = []  # of each step [A, 1, S], where somebody asks
    attends = bool(settings.coverage_penalty) or looked.attention
    looks = written is not None or finiteness is not None or keeper.reads_rows

    def probe(site: str, value: Tensor, /) -> Tensor:
        if attends and site == sites.ATTENTION_WEIGHTS:
            attended.append(value)
        if finiteness is not None:
            finiteness.look(site, value)
        return value

    for time in range(settings.max_length):
        logits, state = model.step(encoded, state, tokens, probe)
        if looks or time < len(prefix) or time + 1 < settings.min_length:
            logprobs = batch_logprobs(logits, written, time, settings, eos)
            if time < len(prefix):
                tokens = torch.full_like(tokens, prefix[time])
                values = logprobs[:, prefix[time]]
                own = torch.log_softmax(logits, dim=-1)[:, prefix[time]]
                values = torch.where(values == _NOTHING, own, values)
                best = torch.stack((values, torch.full_like(values, _NOTHING)), dim=-1)  # nothing is near it
            else:
                tokens = likeliest(logprobs)
                best = _two_best(logprobs, tokens)
            steps.append(_Step(active, tokens, best))
            if keeper.reads_rows:
                steps[-1].of_rows = keeper.of_rows(logprobs, tokens)
            if finiteness is not None and bad is not None:
                finiteness.look(sites.PREDICTION_LOGITS, logits)
                finiteness.look(sites.PREDICTION_LOGPROBS, logprobs)
                if finiteness.bad is not None:
                    bad[active] |= finiteness.bad
                    finiteness.bad = None
        else:  # the likeliest token is all that the next step needs
            tokens = likeliest(logits)
            steps.append(_Step(active, tokens, None, logits))
            waiting += logits.numel()
            if waiting > _AT_ONCE:
                _tell(steps)
                waiting = 0
        if attended:
            mass = attention_mass(attended.pop())
            if looked.attention:
                kept.append(mass[:, None])
            if settings.coverage_penalty:
                coverage = mass if coverage is None else coverage + mass
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
                active, tokens = active[going], tokens[going]
                source_lengths, alive = source_lengths[going], None
                written = None if written is None else written[going]
                coverage = None if coverage is None else coverage[going]
        if written is not None:
            written = torch.cat((written, tokens[:, None]), dim=1)

    def told() -> BatchOutcome:
        _tell(steps)
        outcome = _outcome(Writers(model, sources), settings, steps, lengths, penalties, keeper, tolerance)
        choices, ends = outcome.choices, None
        if looked.ends is not None:
            ends = _ends(looked.ends, outcome.outputs, device, tolerance)
        if looked.history:
            rows = [torch.zeros_like(each.tokens)[:, None] for each in steps]
            tokens = [each.tokens[:, None] for each in steps]
            actives = [each.active for each in steps]
            taken = taken_of(list(zip(actives, rows, tokens, strict=True)), kept, tolerance)
            choices = with_history(choices, taken, tolerance)
            ends = None if ends is None else with_history(ends, taken, tolerance)
        close = outcome.close if bad is None else outcome.close | bad.cpu().numpy()
        return replace(outcome, close=close, choices=choices, ends=ends)

    return torch.inference_mode()(told)


def _runs(steps: Sequence[_Step]) -> Iterator[list[_Step]]:
    """Steps that follow each other and are about the same sentences."""
    for _, run in itertools.groupby(steps, key=lambda step: id(step.active)):
        yield list(run)


def _tell(steps: Sequence[_Step]) -> None:
    """Compute the log-probs of the steps that only have their logits, many at once."""
    for run in _runs([step for step in steps if step.logits is not None]):
        logits = torch.stack([step.logits for step in run if step.logits is not None])
        logprobs = log_softmax(logits.flatten(0, 1))
        tokens = torch.stack([step.tokens for step in run]).flatten()
        both = _two_best(logprobs, tokens).view(*logits.shape[:-1], 2)
        for step, best in zip(run, both, strict=True):
            step.best, step.logits = best, None


def _two_best(logprobs: Float[Tensor, "R V"], tokens: Int[Tensor, "R"]) -> Float[Tensor, "R 2"]:
    """The log-prob of the likeliest token, which `tokens` are, and of what comes next to it."""
    chosen = logprobs.gather(-1, tokens[:, None])
    return torch.cat((chosen, runner_up(logprobs, tokens)[:, None]), dim=-1)


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
            torch.tensor([each.tokens[-1] for each in last], device=device),
            torch.tensor([each.logprobs[-1] for each in last], dtype=torch.float64, device=device),
            torch.tensor([each.score for each in last], dtype=torch.float64, device=device),
            finished=torch.ones(len(last), dtype=torch.bool, device=device),
        )
    return keeper.all()


def _outcome(
    writers: Writers,
    settings: SearchSettings,
    steps: Sequence[_Step],
    lengths: Tensor,
    penalties: Tensor,
    keeper: ChoiceKeeper,
    tolerance: float,
) -> BatchOutcome:
    """The outputs, and where the second token was close to the first or something was no number."""
    shape = (len(lengths), len(steps))
    all_tokens = np.zeros(shape, np.int64)
    all_values = np.zeros((*shape, 2), np.float64)
    ends = lengths.cpu().numpy()
    first = 0
    for run in _runs(steps):
        place, last = run[0].active.cpu().numpy(), first + len(run)
        all_tokens[place, first:last] = torch.stack([each.tokens for each in run], dim=1).cpu()
        all_values[place, first:last] = torch.stack([_told(each) for each in run], dim=1).cpu()
        first = last
    within = np.arange(len(steps)) < ends[:, None]
    values = np.where(within, all_values[:, :, 0], 0.0)
    with np.errstate(invalid="ignore"):
        gaps = values - all_values[:, :, 1]
    sure = np.isfinite(values) & (~within | (gaps > 2 * tolerance))  # a gap that is no number is close, too
    totals = values.cumsum(axis=1)[:, -1]
    finals = totals / np.asarray([length_term(int(each), settings.length_penalty) for each in ends])
    finals += penalties.cpu().numpy()
    rows = zip(
        *(all_tokens.tolist(), values.tolist(), ends.tolist(), totals.tolist(), finals.tolist()), strict=True
    )
    outputs = []
    for sentence, (tokens, logprobs, length, total, final) in enumerate(rows):
        written = tuple(tokens[:length])
        text, pieces = writers.written(sentence, written)
        outputs.append((Output(text, written, pieces, tuple(logprobs[:length]), total, final),))
    if keeper.wanted:
        _keep(keeper, steps, within, all_tokens, all_values[:, :, 0])
    close = np.asarray(~sure.all(axis=1))
    return BatchOutcome(tuple(outputs), close, keeper.all())


def _told(step: _Step) -> Tensor:
    if step.best is None:
        raise AssertionError("the log-probs of a step were not computed")
    return step.best


def _keep(
    keeper: ChoiceKeeper,
    steps: Sequence[_Step],
    within: NDArray[np.bool_],
    tokens: NDArray[np.int64],
    values: NDArray[np.float64],
) -> None:
    """Give the keeper every choice: all that are `within` their sentences, step by step."""
    time, sentence = within.T.nonzero()
    of_rows: dict[str, Tensor] = {}
    for name in steps[0].of_rows:
        every = torch.zeros(within.shape, dtype=steps[0].of_rows[name].dtype)
        for number, step in enumerate(steps):
            every[step.active.cpu(), number] = step.of_rows[name].cpu()
        of_rows[name] = every[sentence, time]
    last = torch.from_numpy(time == within.sum(axis=1)[sentence] - 1)
    keeper.add(
        time,
        torch.from_numpy(sentence),
        torch.from_numpy(tokens[sentence, time]),
        torch.from_numpy(values[sentence, time]),
        torch.from_numpy(values.cumsum(axis=1)[sentence, time]),
        of_rows=of_rows,
        finished=last,
        ended=last,
    )
