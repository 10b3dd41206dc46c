"""Greedy search over a batch: one row a sentence, so a step is little more than its highest log-prob.

It decides what `search` decides with a beam of one. Axes as there.
"""

import math
from collections.abc import Sequence
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
class _Run:
    """What steps that follow each other chose for each of the same `active` sentences.

    `best` has the log-probs of that and of what comes next to it, some steps in each block [n, A, 2]. Until
    they are computed, `logits` [A, V] are what the latest steps' come from. `of_rows` are numbers of whole
    rows, where somebody asks for them.
    """

    active: Tensor
    tokens: list[Tensor] = field(default_factory=list)
    best: list[Tensor] = field(default_factory=list)
    logits: list[Tensor] = field(default_factory=list)
    of_rows: list[dict[str, Tensor]] = field(default_factory=list)

    def compute(self) -> None:
        """The log-probs of the steps that only have their logits, many at once."""
        if self.logits:
            logits = torch.stack(self.logits)
            tokens = torch.stack(self.tokens[-len(logits) :]).flatten()
            best = _two_best(log_softmax(logits.flatten(0, 1)), tokens)
            self.best.append(best.view(*logits.shape[:-1], 2))
            self.logits.clear()

    def chosen(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The tokens [A, n] of its n steps and their log-probs [A, n, 2]."""
        self.compute()
        best = torch.cat(self.best).transpose(0, 1)
        return torch.stack(self.tokens, dim=1).cpu().numpy(), best.double().cpu().numpy()


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
    runs = [_Run(active)]
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
            runs[-1].best.append(best[None])
            if keeper.reads_rows:
                runs[-1].of_rows.append(keeper.of_rows(logprobs, tokens))
            if finiteness is not None and bad is not None:
                finiteness.look(sites.PREDICTION_LOGITS, logits)
                finiteness.look(sites.PREDICTION_LOGPROBS, logprobs)
                if finiteness.bad is not None:
                    bad[active] |= finiteness.bad
                    finiteness.bad = None
        else:  # the likeliest token is all that the next step needs
            tokens = likeliest(logits)
            runs[-1].logits.append(logits)
        runs[-1].tokens.append(tokens)
        if len(runs[-1].logits) * logits.numel() > _AT_ONCE:
            runs[-1].compute()
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
                runs[-1].compute()
                runs.append(_Run(active))
                source_lengths, alive = source_lengths[going], None
                written = None if written is None else written[going]
                coverage = None if coverage is None else coverage[going]
        if written is not None:
            written = torch.cat((written, tokens[:, None]), dim=1)

    def told() -> BatchOutcome:
        outcome = _outcome(Writers(model, sources), settings, runs, lengths, penalties, keeper, tolerance)
        choices, ends = outcome.choices, None
        if looked.ends is not None:
            ends = _ends(looked.ends, outcome.outputs, device, tolerance)
        if looked.history:
            steps = [
                (run.active, torch.zeros_like(tokens)[:, None], tokens[:, None])
                for run in runs
                for tokens in run.tokens
            ]
            taken = taken_of(steps, kept, tolerance)
            choices = with_history(choices, taken, tolerance)
            ends = None if ends is None else with_history(ends, taken, tolerance)
        close = outcome.close if bad is None else outcome.close | bad.cpu().numpy()
        return replace(outcome, close=close, choices=choices, ends=ends)

    return torch.inference_mode()(told)


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
    runs: Sequence[_Run],
    lengths: Tensor,
    penalties: Tensor,
    keeper: ChoiceKeeper,
    tolerance: float,
) -> BatchOutcome:
    """The outputs, and where the second token was close to the first or something was no number."""
    ends = lengths.cpu().numpy()
    all_tokens, best = _side_by_side(runs, len(ends))
    within = np.arange(all_tokens.shape[1]) < ends[:, None]
    values = np.where(within, best[:, :, 0], 0.0)
    with np.errstate(invalid="ignore"):
        gaps = values - best[:, :, 1]
    sure = np.isfinite(values) & (~within | (gaps > 2 * tolerance))  # a gap that is no number is close, too
    sums = values.cumsum(axis=1)
    finals = sums[:, -1] / [length_term(length, settings.length_penalty) for length in ends.tolist()]
    finals += penalties.cpu().numpy()
    rows = zip(
        *(all_tokens.tolist(), values.tolist(), ends.tolist(), sums[:, -1].tolist(), finals.tolist()),
        strict=True,
    )
    outputs = []
    for sentence, (tokens, logprobs, length, total, final) in enumerate(rows):
        written = tuple(tokens[:length])
        text, pieces = writers.written(sentence, written)
        outputs.append((Output(text, written, pieces, tuple(logprobs[:length]), total, final),))
    if keeper.wanted:
        _keep(keeper, runs, within, all_tokens, values, sums)
    return BatchOutcome(tuple(outputs), np.asarray(~sure.all(axis=1)), keeper.all())


def _side_by_side(runs: Sequence[_Run], count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The tokens [B, T] of all steps and their log-probs [B, T, 2]; nothing where a sentence is over."""
    times = sum(len(run.tokens) for run in runs)
    all_tokens = np.zeros((count, times), np.int64)
    best = np.zeros((count, times, 2), np.float64)
    first = 0
    for run in runs:
        place, last = run.active.cpu().numpy(), first + len(run.tokens)
        all_tokens[place, first:last], best[place, first:last] = run.chosen()
        first = last
    return all_tokens, best


def _keep(
    keeper: ChoiceKeeper,
    runs: Sequence[_Run],
    within: NDArray[np.bool_],
    tokens: NDArray[np.int64],
    values: NDArray[np.float64],
    sums: NDArray[np.float64],
) -> None:
    """Give the keeper every choice: all that are `within` their sentences, step by step."""
    time, sentence = within.T.nonzero()
    steps = [(run.active.cpu(), numbers) for run in runs for numbers in run.of_rows]
    of_rows: dict[str, Tensor] = {}
    for name in steps[0][1] if steps else ():
        every = torch.zeros(within.shape, dtype=steps[0][1][name].dtype)
        for number, (active, numbers) in enumerate(steps):
            every[active, number] = numbers[name].cpu()
        of_rows[name] = every[sentence, time]
    last = torch.from_numpy(time == within.sum(axis=1)[sentence] - 1)
    keeper.add(
        time,
        torch.from_numpy(sentence),
        torch.from_numpy(tokens[sentence, time]),
        torch.from_numpy(values[sentence, time]),
        torch.from_numpy(sums[sentence, time]),
        of_rows=of_rows,
        finished=last,
        ended=last,
    )
